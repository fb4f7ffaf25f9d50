use std::ops::Range;

use airloom_media::{Kind, Rounding, Timescale, Timestamp};
use bytes::Bytes;

use super::mdia::mdia;
use super::mvhd::mvhd;
use super::stsd::stsd;
use super::tkhd::tkhd;
use super::writer::{boxed, full_box, u32, u64};
use super::{Error, Index, IndexedTrack};

/// A finished recording: an MP4 file with `moov` in front, so that players start before it has
/// arrived, and seek by its tables.
///
/// It is made of an [`Index`] and holds no media: send or write [`head`](Self::head), then the
/// bytes of the indexed file at [`media`](Self::media), in order. Every sample keeps its times to
/// the tick; where a track does not start at zero, an edit list says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progressive {
    head: Bytes,
    media: Vec<Range<u64>>,
    size: u64,
}

/// Samples of one track next to each other in the file.
#[derive(Debug)]
struct Chunk {
    track: usize,
    samples: Range<usize>,
    /// Where it starts in the payload.
    offset: u64,
}

impl Progressive {
    /// Plans the file; tracks without samples are left out.
    ///
    /// Chunks of half a second of each track alternate by decode time. Takes some 20 bytes a
    /// sample while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Tracks`] where there is no sample.
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
            for entry in chunk.samples.clone().filter_map(|number| track.entry(number)) {
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
        let wide = narrow.len() as u64 + payload > u64::from(u32::MAX);
        let length =
            if wide { head(&tracks, &chunks, 0, payload, true).len() } else { narrow.len() };
        let head = head(&tracks, &chunks, length as u64, payload, wide);
        Ok(Self { size: head.len() as u64 + payload, head: head.into(), media })
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
        u32(&mut out, payload as u32 + 8);
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
    let end = end.rescale(track.track().timescale, movie, Rounding::Nearest);
    end.map_or(0, |end| u64::try_from(end.ticks()).unwrap_or(0))
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
        tkhd(out, presentation, shown);
        edts(out, track, movie, shown);
        let duration = track.duration().ticks();
        mdia(out, presentation, (duration, track.language), tables);
    });
}

/// `edts` with its `elst` (ISO/IEC 14496-12, 8.6.5 and 8.6.6): where a track does not begin at zero.
fn edts(out: &mut Vec<u8>, track: &IndexedTrack, movie: Timescale, shown: u64) {
    let start = track.start();
    if start == Timestamp::ZERO {
        return;
    }
    let delay = start.rescale(track.track().timescale, movie, Rounding::Nearest);
    let delay = delay.map_or(0, |delay| u64::try_from(delay.ticks()).unwrap_or(0));
    let entry = |out: &mut Vec<u8>, duration: u64, media_time: i64| {
        u64(out, duration);
        u64(out, media_time as u64);
        u32(out, 0x0001_0000); // media_rate 1
    };
    boxed(out, *b"edts", |out| {
        full_box(out, *b"elst", 1, 0, |out| {
            if start > Timestamp::ZERO {
                u32(out, 2);
                entry(out, delay, -1);
                entry(out, shown.saturating_sub(delay), 0);
            } else {
                u32(out, 1);
                entry(out, shown, start.ticks().saturating_neg());
            }
        });
    });
}

/// `stbl` (8.5.1) with the tables of all samples.
fn tables<'a, I: Iterator<Item = &'a Chunk>>(
    out: &mut Vec<u8>,
    track: &IndexedTrack,
    chunks: impl Fn() -> I,
    base: u64,
    wide: bool,
) {
    boxed(out, *b"stbl", |out| {
        stsd(out, track.presentation());
        // Decode times count from the first sample's; the edit list says where that is.
        full_box(out, *b"stts", 0, 0, |out| {
            runs(out, track.entries().map(|entry| entry.duration.ticks() as u32));
        });
        let offsets = || track.entries().map(|entry| entry.composition_offset.ticks() as i32);
        if offsets().any(|offset| offset != 0) {
            let version = u8::from(offsets().any(|offset| offset < 0));
            full_box(out, *b"ctts", version, 0, |out| {
                runs(out, offsets().map(|offset| offset as u32));
            });
        }
        if track.track().codec.kind() == Kind::Video && track.entries().any(|entry| !entry.sync) {
            full_box(out, *b"stss", 0, 0, |out| {
                let numbers = (1u32..).zip(track.entries()).filter(|(_, entry)| entry.sync);
                counted(out, |out| numbers.map(|(number, _)| u32(out, number)).count());
            });
        }
        full_box(out, *b"stsz", 0, 0, |out| {
            u32(out, 0);
            counted(out, |out| track.entries().map(|entry| u32(out, entry.size)).count());
        });
        full_box(out, *b"stsc", 0, 0, |out| {
            counted(out, |out| {
                let (mut count, mut last) = (0, 0);
                for (number, chunk) in (1u32..).zip(chunks()) {
                    let samples = chunk.samples.len() as u32;
                    if samples != last {
                        u32(out, number);
                        u32(out, samples);
                        u32(out, 1); // sample_description_index
                        (count, last) = (count + 1, samples);
                    }
                }
                count
            });
        });
        full_box(out, if wide { *b"co64" } else { *b"stco" }, 0, 0, |out| {
            counted(out, |out| {
                chunks()
                    .map(|chunk| {
                        let offset = base.saturating_add(chunk.offset);
                        if wide { u64(out, offset) } else { u32(out, offset as u32) }
                    })
                    .count()
            });
        });
    });
}

/// `entry_count`, and the entries that `write` counts.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> usize) {
    let at = out.len();
    u32(out, 0);
    let count = write(out) as u32;
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&count.to_be_bytes());
    }
}

/// Equal values next to each other, counted: the entries of `stts` and `ctts`.
fn runs(out: &mut Vec<u8>, values: impl Iterator<Item = u32>) {
    counted(out, |out| {
        let mut values = values.peekable();
        let mut entries = 0;
        while let Some(value) = values.next() {
            let mut count = 1;
            while values.next_if_eq(&value).is_some() {
                count += 1;
            }
            u32(out, count);
            u32(out, value);
            entries += 1;
        }
        entries
    });
}
