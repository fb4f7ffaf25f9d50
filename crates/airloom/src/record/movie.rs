use std::collections::HashMap;
use std::ops::Range;

use airloom_media::{Kind, Rounding, Timescale, Timestamp, Track, TrackId};
use airloom_segmenter::mp4::{self, Index, Limits, Progressive};
use bytes::{Bytes, BytesMut};

use super::clip::Span;
use super::item::Item;
use super::scan::Found;
use super::stamp::{PartStamp, Stamp, millis};
use super::timeline::{self, Piece};
use super::volume::{self, Unreadable};

/// An answer that is partly in memory and mostly in the files of a recording.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) head: Bytes,
    /// Where the rest lies, with its place in the answer.
    pub(super) pieces: Vec<(u64, Piece)>,
    pub(super) size: u64,
}

impl Layout {
    pub(super) fn new(head: Bytes, pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut size = head.len() as u64;
        let place = |piece: Piece| {
            let at = size;
            size += u64::from(piece.size);
            (at, piece)
        };
        let pieces = pieces.into_iter().map(place).collect();
        Self { head, pieces, size }
    }
}

/// Why there is no single MP4 file of a stretch.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMovie {
    #[error("Nothing was recorded in that time, or not in this configuration")]
    Nothing,
    #[error("It has more frames than one MP4 file is made for: ask for a clip of it")]
    TooLong,
    #[error("The recording cannot be read")]
    Disk(Unreadable),
    #[error("The recording cannot be understood")]
    Format(mp4::Error),
}

impl From<Unreadable> for NoMovie {
    fn from(error: Unreadable) -> Self {
        if error.is_gone() { Self::Nothing } else { Self::Disk(error) }
    }
}

impl From<mp4::Error> for NoMovie {
    fn from(error: mp4::Error) -> Self {
        match error {
            mp4::Error::Limit { .. } => Self::TooLong,
            mp4::Error::Tracks => Self::Nothing,
            error => Self::Format(error),
        }
    }
}

/// Makes the progressive MP4 file of one volume, or of the stretch of it that `span` touches: from
/// the last keyframe at or before its start. Nothing is copied but headers. Blocks.
///
/// `start` is where the recording begins, in milliseconds on the clock of its media.
pub(super) fn movie(item: &Item, volume: u32, span: Span, start: i64) -> Result<Layout, NoMovie> {
    let mut found = Selection { start, ..Selection::default() };
    let reading = item.reading();
    volume::read(item.folder(), volume, |stamp| found.note(stamp))?;
    drop(reading);
    if span != Span::ALL {
        found.cut(span);
    }
    found.rebase();
    let sparse = Sparse::new(&found);
    let mut limits = Limits::default();
    limits.probe = PROBE;
    let index = Index::read(sparse.len, limits, |range| Ok::<_, NoMovie>(sparse.read(range)))?;
    let progressive = Progressive::new(&index)?;
    let pieces = progressive.media().iter().filter_map(|range| sparse.place(range, volume));
    Ok(Layout::new(progressive.head().clone(), pieces))
}

/// Holds the headers of most parts.
const PROBE: u64 = 1024;

/// What of a volume goes into the file.
#[derive(Debug, Default)]
struct Selection {
    head: BytesMut,
    tracks: HashMap<TrackId, Track>,
    parts: Vec<Chosen>,
    start: i64,
}

/// A part, its header, and where it lies in the volume.
#[derive(Debug)]
struct Chosen {
    stamp: PartStamp,
    header: Bytes,
    offset: u64,
}

impl Selection {
    fn note(&mut self, found: Found<'_>) {
        match found {
            Found::Head(data) => self.head.extend_from_slice(data),
            Found::Stamp(Stamp::Init(init), ..) => {
                self.tracks.extend(timeline::track(init).map(|track| (track.id, track)));
            }
            Found::Stamp(Stamp::Part(stamp), offset, header) => {
                self.parts.push(Chosen { stamp: *stamp, header, offset });
            }
            Found::Stamp(..) => {}
        }
    }

    fn millis(&self, track: TrackId, at: Timestamp) -> i64 {
        let timescale = self.tracks.get(&track).map_or(Timescale::MILLIS, |track| track.timescale);
        millis(at, timescale)
    }

    /// Where a part begins and ends, in milliseconds since the recording's start.
    fn bounds(&self, part: &PartStamp) -> (i64, i64) {
        let end = part.start.checked_add(part.duration).unwrap_or(part.start);
        let of = |at| self.millis(part.track, at).saturating_sub(self.start);
        (of(part.start), of(end))
    }

    fn cut(&mut self, span: Span) {
        let video = self.tracks.values().filter(|track| track.codec.kind() == Kind::Video);
        let decides = video.map(|track| track.id).min();
        let mut from = None;
        for Chosen { stamp, .. } in &self.parts {
            let decides = decides.is_none_or(|decides| stamp.track == decides);
            let (begins, _) = self.bounds(stamp);
            if decides && stamp.independent && span.touches(begins, i64::MAX) {
                let before = i64::try_from(span.from).is_ok_and(|from| begins <= from);
                // The last at or before the start, or else the first after it. Without pictures
                // every part can be the first, so the one that holds the start is.
                if from.is_none() || (before) {
                    from = Some(begins);
                }
            }
        }
        let Some(from) = from else { return self.parts.clear() };
        let parts = std::mem::take(&mut self.parts);
        let wanted = |part: &Chosen| {
            let (begins, ends) = self.bounds(&part.stamp);
            let own = decides.is_some_and(|decides| part.stamp.track == decides);
            // Other tracks' parts go where most of them is.
            let begun = if own { begins } else { begins.midpoint(ends) } >= from;
            begun && span.touches(begins, i64::MAX)
        };
        self.parts = parts.into_iter().filter(|part| wanted(part)).collect();
    }

    /// Moves all times, exactly alike, so that the first is zero or less than a tick of the
    /// greatest clock that divides all others after it.
    fn rebase(&mut self) {
        let hz = self.tracks.values().map(|track| track.timescale.hz());
        let Some(common) = hz.reduce(gcd).and_then(Timescale::new) else { return };
        let clock = |track: TrackId| self.tracks.get(&track).map(|track| track.timescale);
        let starts = self.parts.iter().filter_map(|part| {
            part.stamp.start.rescale(clock(part.stamp.track)?, common, Rounding::Down)
        });
        let Some(base) = starts.min() else { return };
        let parts = std::mem::take(&mut self.parts);
        let moved = parts.into_iter().map(|mut part| {
            let by = clock(part.stamp.track)
                .and_then(|clock| base.rescale(common, clock, Rounding::Nearest));
            if let Some(by) = by {
                let start = part.stamp.start.ticks().saturating_sub(by.ticks());
                part.header = with_decode_time(&part.header, u64::try_from(start).unwrap_or(0));
            }
            part
        });
        self.parts = moved.collect();
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A part's header with another `baseMediaDecodeTime` (ISO/IEC 14496-12, 8.8.12).
fn with_decode_time(header: &Bytes, time: u64) -> Bytes {
    let Some(at) = tfdt(header) else { return header.clone() };
    let mut moved = BytesMut::from(&header[..]);
    // Version 1, as the segmenter writes it.
    if let Some(field) = moved.get_mut(at + 12..at + 20) {
        field.copy_from_slice(&time.to_be_bytes());
    }
    moved.freeze()
}

/// Where `tfdt` starts.
fn tfdt(header: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = header.get(at..)?;
        let size = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        at += match rest.get(4..8)? {
            b"tfdt" => return Some(at),
            b"moof" | b"traf" => 8,
            _ if size < 8 => return None,
            _ => size,
        };
    }
}

/// A fragmented file of the chosen parts as it would be, of which only headers are there.
#[derive(Debug)]
struct Sparse<'a> {
    head: &'a [u8],
    parts: &'a [Chosen],
    /// Where each part starts.
    starts: Vec<u64>,
    len: u64,
}

impl<'a> Sparse<'a> {
    fn new(found: &'a Selection) -> Self {
        let mut len = found.head.len() as u64;
        let starts = found.parts.iter().map(|part| {
            let at = len;
            len += u64::from(part.stamp.size);
            at
        });
        let starts = starts.collect();
        Self { head: &found.head, parts: &found.parts, starts, len }
    }

    /// Payload reads as zeros: nobody looks at it.
    fn read(&self, range: Range<u64>) -> Bytes {
        let mut out = vec![0; (range.end - range.start) as usize];
        let mut put = |at: u64, data: &[u8]| {
            let skip = usize::try_from(range.start.saturating_sub(at)).unwrap_or(usize::MAX);
            let Some(data) = data.get(skip..) else { return };
            let to = usize::try_from(at.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let length = data.len().min(out.len().saturating_sub(to));
            if let (Some(to), Some(from)) =
                (out.get_mut(to..to.saturating_add(length)), data.get(..length))
            {
                to.copy_from_slice(from);
            }
        };
        put(0, self.head);
        let first = self.starts.partition_point(|at| *at <= range.start).saturating_sub(1);
        for (at, part) in self.starts.iter().zip(self.parts).skip(first) {
            if *at >= range.end {
                break;
            }
            put(*at, &part.header);
        }
        out.into()
    }

    /// Where a range of payload lies in the volume.
    fn place(&self, range: &Range<u64>, volume: u32) -> Option<Piece> {
        let index = self.starts.partition_point(|at| *at <= range.start).checked_sub(1)?;
        let (start, part) = (self.starts.get(index)?, self.parts.get(index)?);
        let size = u32::try_from(range.end - range.start).ok()?;
        Some(Piece { volume, offset: part.offset + (range.start - start), size })
    }
}

/// Recording, volume and stretch.
pub(super) type Key = (String, u32, Span);
