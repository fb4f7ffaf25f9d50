use std::ops::Range;

use airloom_media::{Delta, Duration, Kind, Rounding, Timescale, Timestamp, TrackId};
use bytes::Bytes;

use super::ftyp::ftyp;
use super::mvex::mvex;
use super::mvhd::mvhd;
use super::stated::{StatedFragment, stated_header};
use super::trak::trak_laid;
use super::trun::Stated;
use super::writer::boxed;
use super::{Entry, Index, IndexedTrack, is_supported};

/// A file as segments on demand, without rewriting it: headers are made when somebody asks, and the
/// media is read from where it lies.
///
/// All tracks share one schedule, cut at the sync samples of the first video track; without video,
/// at every sample of the first track. Times are the file's to the tick, on each track's own clock.
/// Where a track's decode times begin below zero, which no segment can say, all tracks are moved by
/// the same time, the least that is exact on all of their clocks.
///
/// Segments have no edit lists: what an index keeps in front of the presentation's start, since
/// decoding has to begin there, is shown. [`Edited::preroll`](super::Edited::preroll) says how much.
#[derive(Debug, Clone)]
pub struct Vod {
    index: Index,
    /// Where segments start, the first one's start included, on the clock of the track that
    /// decides, and where the last one ends.
    boundaries: Vec<i64>,
    clock: Timescale,
    /// What is added to all times: so many of the second's ticks.
    shift: (i64, Timescale),
}

impl Vod {
    /// Cuts a file into segments of at least `segment`, each but the last up to the first sync
    /// sample after that (5 % early is still on time).
    pub fn new(index: Index, segment: std::time::Duration) -> Self {
        let mut filled = index.tracks.iter().filter(|track| !track.is_empty());
        let first = filled.clone().next();
        let decides = filled.find(|track| track.track().codec.kind() == Kind::Video).or(first);
        let mut boundaries = Vec::new();
        let clock = decides.map_or(Timescale::MILLIS, |track| track.track().timescale);
        if let Some(track) = decides {
            let target = Duration::from_std(segment, clock).ticks();
            let target = i64::try_from(target - target / 20).unwrap_or(i64::MAX).max(1);
            for entry in track.entries() {
                let time = entry.decode_time.ticks();
                let due = boundaries.last().is_none_or(|last| time.saturating_sub(*last) >= target);
                if due && (entry.sync || boundaries.is_empty()) {
                    boundaries.push(time);
                }
            }
        }
        // What other tracks have before the first picture, or after the last, belongs to it.
        let end = index.tracks.iter().filter_map(|track| {
            let end = track.start().checked_add(track.duration())?;
            end.rescale(track.track().timescale, clock, Rounding::Up)
        });
        if let Some(&last) = boundaries.last() {
            // An end that no clock can hold is as good as none.
            boundaries.push(end.max().map_or(last, |end| end.ticks().max(last)));
        }
        let shift = shift(&index.tracks);
        Self { index, boundaries, clock, shift }
    }

    /// The file's index.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// How many segments there are.
    pub const fn len(&self) -> usize {
        self.boundaries.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A track's initialization segment, with its language and how its pictures are turned; `None`
    /// for a track that is not there.
    pub fn init(&self, track: TrackId) -> Option<Bytes> {
        let indexed = self.index.track(track)?;
        let presentation = indexed.presentation();
        if !is_supported(presentation.codec) {
            return None;
        }
        let mut out = Vec::with_capacity(768);
        ftyp(&mut out);
        boxed(&mut out, *b"moov", |out| {
            mvhd(out, presentation.timescale, 0, presentation.track_id.wrapping_add(1));
            trak_laid(out, presentation, indexed.matrix(), indexed.language);
            mvex(out, presentation.track_id);
        });
        Some(Bytes::from(out))
    }

    /// Segment `number` of a track, from 0; `None` past the end, and where the track has nothing in
    /// it.
    ///
    /// Takes time in proportion to the segment, not to the file.
    pub fn segment(&self, track: TrackId, number: usize) -> Option<VodSegment> {
        let indexed = self.index.track(track)?;
        let (from, to) = (self.first(indexed, number)?, self.first(indexed, number + 1)?);
        let shift = self.shift_of(indexed);
        let entries = || (from..to).filter_map(|number| indexed.entry(number));
        let first = entries().next()?;
        let mut media = Vec::<Range<u64>>::new();
        let (mut payload, mut duration) = (0, 0u64);
        for entry in entries() {
            let range = entry.range();
            payload += u64::from(entry.size);
            duration = duration.saturating_add(entry.duration.ticks());
            match media.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ if range.is_empty() => {}
                _ => media.push(range),
            }
        }
        let start = first.decode_time.checked_offset(shift).unwrap_or(first.decode_time);
        let stated = |entry: Entry| Stated {
            duration: u32::try_from(entry.duration.ticks()).unwrap_or(u32::MAX),
            size: entry.size,
            sync: entry.sync,
            composition_offset: entry.composition_offset.ticks() as i32,
        };
        let header = stated_header(
            &StatedFragment {
                track_id: track.get(),
                number: number as u32 + 1,
                base_media_decode_time: start.ticks().max(0).unsigned_abs(),
                starts_segment: true,
                samples: entries().map(stated),
                payload,
            },
            |_, _| {},
        );
        Some(VodSegment {
            start,
            duration: Duration::new(duration),
            independent: first.sync,
            size: header.len() as u64 + payload,
            header,
            media,
        })
    }

    /// When segment `number` starts and how long it lasts, over all tracks: on the clock of the
    /// track that decides.
    pub fn boundaries(&self, number: usize) -> Option<(Timestamp, Duration, Timescale)> {
        let (from, to) = (*self.boundaries.get(number)?, *self.boundaries.get(number + 1)?);
        let (ticks, scale) = self.shift;
        let shift = Timestamp::new(ticks).rescale(scale, self.clock, Rounding::Nearest)?;
        let duration = Duration::new(u64::try_from(to - from).unwrap_or(0));
        Some((Timestamp::new(from + shift.ticks()), duration, self.clock))
    }

    /// The first sample of a track that is in segment `number`; past the last for the number after
    /// the last segment's.
    fn first(&self, indexed: &IndexedTrack, number: usize) -> Option<usize> {
        if number == 0 {
            return (!self.is_empty()).then_some(0);
        }
        if number >= self.len() {
            return (number == self.len()).then_some(indexed.len());
        }
        let boundary = Timestamp::new(*self.boundaries.get(number)?);
        let timescale = indexed.track().timescale;
        // A time that the track's clock cannot hold is beyond all of its samples.
        let ticks = boundary.rescale(self.clock, timescale, Rounding::Up);
        let beyond = if boundary < Timestamp::ZERO { i64::MIN } else { i64::MAX };
        Some(indexed.at(ticks.map_or(beyond, Timestamp::ticks)))
    }

    /// The common shift on a track's clock, where it is a whole number of ticks.
    fn shift_of(&self, indexed: &IndexedTrack) -> Delta {
        let (ticks, scale) = self.shift;
        let shift = i128::from(ticks) * i128::from(indexed.track().timescale.hz());
        Delta::new(i64::try_from(shift / i128::from(scale.hz())).unwrap_or(0))
    }
}

/// One segment of one track of a file: bytes to send first, and where the rest lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VodSegment {
    /// Decode time of the first sample, in the track's timescale.
    pub start: Timestamp,
    /// The sum of the samples' durations.
    pub duration: Duration,
    /// Whether it starts with a sync sample.
    pub independent: bool,
    /// Everything before the first payload byte.
    pub header: Bytes,
    /// The payload: ranges of the file, to be sent after the header in this order.
    pub media: Vec<Range<u64>>,
    /// Bytes in header and payload.
    pub size: u64,
}

/// The least time that brings the start of all tracks to zero or later, exact on all clocks: ticks
/// of the greatest timescale that divides all of theirs.
fn shift(tracks: &[IndexedTrack]) -> (i64, Timescale) {
    let hz = tracks.iter().map(|indexed| indexed.track().timescale.hz());
    let common = hz.reduce(greatest_common_divisor).and_then(Timescale::new);
    let common = common.unwrap_or(Timescale::MILLIS);
    let ticks = tracks.iter().filter(|indexed| !indexed.is_empty()).filter_map(|indexed| {
        let start = indexed.start().rescale(indexed.track().timescale, common, Rounding::Down)?;
        Some(-start.ticks())
    });
    (ticks.max().unwrap_or(0).max(0), common)
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
