use std::ops::Range;

use airloom_media::{Rounding, Timescale, Timestamp};
use bytes::Bytes;

use super::mdia::mdia;
use super::mvhd::mvhd;
use super::sample_tables::{LONGEST_DELTA, tables};
use super::tkhd::tkhd_laid;
use super::writer::{boxed, full_box, u32, u64};
use super::{Error, Index, IndexedTrack};

/// A finished recording: an MP4 file with `moov` in front, so that players start before it has
/// arrived, and seek by its tables.
///
/// It is made of an [`Index`] and holds no media: send or write [`head`](Self::head), then the
/// bytes of the indexed file at [`media`](Self::media), in order. Every sample keeps its times to
/// the tick; where a track does not start at zero, or is not presented from its first sample to its
/// last, an edit list says so. Languages and how pictures are turned are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progressive {
    head: Bytes,
    media: Vec<Range<u64>>,
    size: u64,
}

/// Samples of one track next to each other in the file.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) track: usize,
    pub(super) samples: Range<usize>,
    /// Where it starts in the payload.
    pub(super) offset: u64,
}

impl Progressive {
    /// Plans the file; tracks without samples are left out.
    ///
    /// Chunks of half a second of each track alternate by decode time. Takes some 20 bytes a
    /// sample while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Tracks`] where there is no sample, [`Error::Gap`] for one that lasts longer than the
    /// tables of such a file can say: 13 hours at 90 kHz, 7 minutes at 10 MHz.
    pub fn new(index: &Index) -> Result<Self, Error> {
        let tracks: Vec<_> = index.tracks().iter().filter(|track| !track.is_empty()).collect();
        if tracks.is_empty() {
            return Err(Error::Tracks);
        }
        let chunks = interleave(&tracks);
        let mut media = Vec::<Range<u64>>::new();
        let mut payload = 0u64;
        for chunk in &chunks {
            let Some(track) = tracks.get(chunk.track) else { continue };
            for number in chunk.samples.clone() {
                let Some(entry) = track.entry(number) else { continue };
                let duration = entry.duration.ticks();
                if duration > LONGEST_DELTA.into() {
                    return Err(Error::Gap { track: entry.track, number, duration });
                }
                payload = payload.saturating_add(entry.size.into());
                let range = entry.range();
                match media.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ if range.is_empty() => {}
                    _ => media.push(range),
                }
            }
        }
        // The tables' length depends on the width of an offset alone.
        let narrow = head(&tracks, &chunks, 0, payload, false);
        let wide = payload.saturating_add(narrow.len() as u64) > u64::from(u32::MAX);
        let length =
            if wide { head(&tracks, &chunks, 0, payload, true).len() } else { narrow.len() };
        let head = head(&tracks, &chunks, length as u64, payload, wide);
        Ok(Self { size: payload.saturating_add(length as u64), head: head.into(), media })
    }

    /// Everything before the media.
    pub const fn head(&self) -> &Bytes {
        &self.head
    }

    /// The ranges of the indexed file that follow, in this order.
    pub fn media(&self) -> &[Range<u64>] {
        &self.media
    }

    /// Bytes in head and media.
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// Cuts each track into chunks of half a second, in the order of their first decode times.
fn interleave(tracks: &[&IndexedTrack]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for (track, indexed) in tracks.iter().enumerate() {
        let timescale = indexed.track().timescale;
        let half = i64::from(timescale.hz() / 2).max(1);
        let mut open: Option<(usize, Timestamp)> = None;
        for (number, entry) in indexed.entries().enumerate() {
            let (first, started) = *open.get_or_insert((number, entry.decode_time));
            if entry.decode_time.ticks() - started.ticks() >= half {
                chunks.push((
                    started,
                    timescale,
                    Chunk { track, samples: first..number, offset: 0 },
                ));
                open = Some((number, entry.decode_time));
            }
        }
        if let Some((first, started)) = open {
            let samples = first..indexed.len();
            chunks.push((started, timescale, Chunk { track, samples, offset: 0 }));
        }
    }
    chunks.sort_by_key(|(started, timescale, chunk)| {
        // Wider than any clock: a track's chunks must stay in order whatever its times.
        let nanos = i128::from(started.ticks()) * 1_000_000_000 / i128::from(timescale.hz());
        (nanos, chunk.track)
    });
    let mut at = 0u64;
    let mut sorted: Vec<_> = chunks.into_iter().map(|(_, _, chunk)| chunk).collect();
    for chunk in &mut sorted {
        chunk.offset = at;
        if let Some(track) = tracks.get(chunk.track) {
            let entries = chunk.samples.clone().filter_map(|number| track.entry(number));
            at = entries.fold(at, |at, entry| at.saturating_add(entry.size.into()));
        }
    }
    sorted
}

/// `ftyp`, `moov` and the header of `mdat`, whose payload starts at byte `base`.
fn head(
    tracks: &[&IndexedTrack],
    chunks: &[Chunk],
    base: u64,
    payload: u64,
    wide: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, *b"ftyp", |out| {
        out.extend(*b"isom");
        u32(out, 0x200);
        out.extend(*b"isomiso2mp41");
    });
    let movie = movie_timescale(tracks);
    let durations = tracks.iter().map(|track| presented(track, movie));
    let highest = tracks.iter().map(|track| track.track().id.get()).max().unwrap_or(0);
    boxed(&mut out, *b"moov", |out| {
        mvhd(out, movie, durations.max().unwrap_or(0), highest.wrapping_add(1));
        for (number, track) in tracks.iter().enumerate() {
            let chunks = || chunks.iter().filter(move |chunk| chunk.track == number);
            trak(out, track, movie, |out| tables(out, track, chunks, base, wide));
        }
    });
    if wide {
        u32(&mut out, 1);
        out.extend(*b"mdat");
        u64(&mut out, payload.saturating_add(16));
    } else {
        // While it is not known yet that it has to be wide, it may not fit.
        u32(&mut out, u32::try_from(payload.saturating_add(8)).unwrap_or(u32::MAX));
        out.extend(*b"mdat");
    }
    out
}

/// A clock that says every track's times exactly, where one of 32 bits does.
fn movie_timescale(tracks: &[&IndexedTrack]) -> Timescale {
    let mut clocks = tracks.iter().map(|track| track.track().timescale);
    let first = clocks.next().unwrap_or(Timescale::MILLIS);
    clocks.fold(first, |one, other| {
        let common = greatest_common_divisor(one.hz(), other.hz()).max(1);
        let multiple = (one.hz() / common).checked_mul(other.hz());
        multiple.and_then(Timescale::new).unwrap_or(one.max(other))
    })
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// From time zero to where the last sample shown ends, in ticks of `movie`.
fn presented(track: &IndexedTrack, movie: Timescale) -> u64 {
    let ends = track.entries().filter_map(|entry| {
        let shown = entry.decode_time.checked_offset(entry.composition_offset)?;
        shown.checked_add(entry.duration)
    });
    let end = ends.max().unwrap_or(Timestamp::ZERO);
    let end = track.presented_until().map_or(end, |until| until.min(end));
    on_movie(end.ticks(), track, movie)
}

/// A time of a track's clock in ticks of `movie`.
fn on_movie(ticks: i64, track: &IndexedTrack, movie: Timescale) -> u64 {
    let time = Timestamp::new(ticks).rescale(track.track().timescale, movie, Rounding::Nearest);
    time.map_or(0, |time| u64::try_from(time.ticks()).unwrap_or(0))
}

fn trak(
    out: &mut Vec<u8>,
    track: &IndexedTrack,
    movie: Timescale,
    tables: impl FnOnce(&mut Vec<u8>),
) {
    let presentation = track.presentation();
    let shown = presented(track, movie);
    boxed(out, *b"trak", |out| {
        tkhd_laid(out, presentation, shown, track.matrix);
        edts(out, track, movie, shown);
        let duration = track.duration().ticks();
        mdia(out, presentation, (duration, track.language), tables);
    });
}

/// `edts` with its `elst` (ISO/IEC 14496-12, 8.6.5 and 8.6.6): where a track is not presented from
/// time zero and its first sample on, or not to the end of its last.
fn edts(out: &mut Vec<u8>, track: &IndexedTrack, movie: Timescale, shown: u64) {
    let (delay, start) = track.presented();
    if (delay, start) == (0, 0) && track.presented_until().is_none() {
        return;
    }
    let delay = on_movie(delay, track, movie);
    let entry = |out: &mut Vec<u8>, duration: u64, media_time: i64| {
        u64(out, duration);
        u64(out, media_time as u64);
        u32(out, 0x0001_0000); // media_rate 1
    };
    boxed(out, *b"edts", |out| {
        full_box(out, *b"elst", 1, 0, |out| {
            u32(out, if delay > 0 { 2 } else { 1 });
            if delay > 0 {
                entry(out, delay, -1);
            }
            entry(out, shown.saturating_sub(delay), start);
        });
    });
}
