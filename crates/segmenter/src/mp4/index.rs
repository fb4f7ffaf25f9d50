use std::ops::Range;

use airloom_media::{Delta, Duration, Sample, Timescale, Timestamp, Track, TrackId};
use bytes::Bytes;

use super::edit::Edit;
use super::{BoxType, Demuxer, Edited, Error, Limits, Matrix, Presentation};
use crate::BitRate;

/// Where every sample of a file lies: what a [`Demuxer`] makes in one pass.
///
/// Holds 24 bytes a sample and no media. Decode times are on one timeline over all tracks, edit
/// lists applied: time zero is where presentation starts, so the first decode times of pictures
/// with reordering, and of sound with priming, are below it. What is not presented is left out, as
/// far as samples are whole: see [`Edited`].
#[derive(Debug, Clone)]
pub struct Index {
    pub(super) tracks: Vec<IndexedTrack>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) fragmented: bool,
    pub(super) whole: u64,
    pub(super) damage: Option<Error>,
    pub(super) broken: Option<Error>,
}

impl Index {
    /// The index of a file of `len` bytes, whose ranges `read` gives: a [`Demuxer`] and the loop
    /// around it. Fewer bytes than were asked for say that the file ends there.
    ///
    /// # Errors
    ///
    /// Those of [`Demuxer::handle_input`] and [`Demuxer::finish`], and those of `read`.
    pub fn read<E: From<Error>>(
        len: u64,
        limits: Limits,
        mut read: impl FnMut(Range<u64>) -> Result<Bytes, E>,
    ) -> Result<Self, E> {
        let mut demuxer = Demuxer::new(len, limits);
        while let Some(range) = demuxer.poll_request() {
            demuxer.handle_input(read(range)?)?;
        }
        Ok(demuxer.finish()?)
    }

    /// The tracks that can be read, in the file's order.
    pub fn tracks(&self) -> &[IndexedTrack] {
        &self.tracks
    }

    /// The track of that id.
    pub fn track(&self, id: TrackId) -> Option<&IndexedTrack> {
        self.tracks.iter().find(|indexed| indexed.track.id == id)
    }

    /// The tracks that cannot, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Whether samples are described by fragments (`moof`).
    pub const fn is_fragmented(&self) -> bool {
        self.fragmented
    }

    /// How many bytes from the start are whole. A recording that was cut off can be cut here, and
    /// written on.
    pub const fn whole(&self) -> u64 {
        self.whole
    }

    /// Why what comes after [`whole`](Self::whole) is not part of the index; `None` where the file
    /// ends there as it should.
    pub const fn damage(&self) -> Option<&Error> {
        self.damage.as_ref()
    }

    /// What is wrong with a box of `moov` beside or behind its tracks: what follows it there was not
    /// read. Tracks before it are in the index.
    pub const fn broken(&self) -> Option<&Error> {
        self.broken.as_ref()
    }

    /// All samples of all tracks by decode time, those of the same time in the order of tracks.
    pub fn entries(&self) -> Entries<'_> {
        Entries { tracks: &self.tracks, next: vec![0; self.tracks.len()] }
    }
}

/// A track that is not in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// `track_ID`; 0, which is no track's, where it could not be read.
    pub track: TrackId,
    /// `handler_type`: `vide`, `soun`, `text`; zeros where there is none.
    pub handler: BoxType,
    /// Why.
    pub error: Error,
}

/// One track of an [`Index`].
#[derive(Debug, Clone)]
pub struct IndexedTrack {
    pub(super) track: Track,
    pub(super) language: Option<[u8; 3]>,
    pub(super) dimensions: (u16, u16),
    pub(super) samples: Vec<Packed>,
    /// The length of the last sample.
    pub(super) last: u32,
    pub(super) matrix: Matrix,
    pub(super) edit: Option<Edit>,
    pub(super) edited: Edited,
}

/// What is kept of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed {
    /// The sync flag is the top bit.
    pub(super) offset: u64,
    pub(super) decode_time: i64,
    pub(super) size: u32,
    pub(super) composition_offset: i32,
}

/// The bit of [`Packed::offset`] that says that decoding can start there. No file reaches it.
pub(super) const SYNC: u64 = 1 << 63;

impl IndexedTrack {
    /// Id, timescale and codec, as samples of it are described.
    pub const fn track(&self) -> &Track {
        &self.track
    }

    /// ISO 639-2/T code, `None` where the file says that it is undetermined.
    pub fn language(&self) -> Option<&str> {
        self.language.as_ref().and_then(|code| str::from_utf8(code).ok())
    }

    /// Width and height as the sample entry states them; zero for sound.
    pub const fn dimensions(&self) -> (u16, u16) {
        self.dimensions
    }

    /// How its pictures are laid on the display, as `tkhd` states it.
    pub const fn matrix(&self) -> Matrix {
        self.matrix
    }

    /// How many samples there are.
    pub const fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Sample `number` in decode order, from 0.
    pub fn entry(&self, number: usize) -> Option<Entry> {
        let packed = self.samples.get(number)?;
        let duration = match self.samples.get(number + 1) {
            // Times do not fall: the demuxer sees to that.
            Some(next) => next.decode_time.saturating_sub(packed.decode_time),
            None => i64::from(self.last),
        };
        Some(Entry {
            track: self.track.id,
            timescale: self.track.timescale,
            decode_time: Timestamp::new(packed.decode_time.saturating_add(self.shift())),
            composition_offset: Delta::new(packed.composition_offset.into()),
            duration: Duration::new(u64::try_from(duration).unwrap_or(0)),
            sync: packed.offset & SYNC != 0,
            offset: packed.offset & !SYNC,
            size: packed.size,
        })
    }

    /// All samples in decode order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.samples.len()).filter_map(|number| self.entry(number))
    }

    /// When the first sample is decoded.
    pub fn start(&self) -> Timestamp {
        Timestamp::new(self.samples.first().map_or(0, |first| first.decode_time) + self.shift())
    }

    /// From there to where the last one ends.
    pub fn duration(&self) -> Duration {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else {
            return Duration::ZERO;
        };
        let ticks = last.decode_time.saturating_sub(first.decode_time) + i64::from(self.last);
        Duration::new(u64::try_from(ticks).unwrap_or(0))
    }

    /// How many bits a second it takes, over all and at most; `None` without samples. Looks at all of
    /// them.
    pub fn bit_rate(&self) -> Option<BitRate> {
        let end = self.samples.last()?.decode_time.saturating_add(self.last.into());
        let samples = self.samples.iter().map(|packed| (packed.decode_time, packed.size));
        BitRate::measured(samples, end, self.track.timescale)
    }

    /// Its description, with what was measured.
    pub(super) fn presentation(&self) -> Presentation<'_> {
        Presentation {
            track_id: self.track.id.get(),
            timescale: self.track.timescale,
            codec: &self.track.codec,
            bit_rate: self.bit_rate(),
        }
    }

    /// The number of the first sample at or after `time`.
    pub(super) fn at(&self, time: i64) -> usize {
        let time = time.saturating_sub(self.shift());
        self.samples.partition_point(|packed| packed.decode_time < time)
    }

    /// What the edit list adds to the times in `samples`.
    fn shift(&self) -> i64 {
        self.edit.map_or(0, |edit| edit.shift())
    }
}

/// One sample of an [`Index`]: everything but its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The track.
    pub track: TrackId,
    /// The clock of its times.
    pub timescale: Timescale,
    /// Decode time, edit list applied.
    pub decode_time: Timestamp,
    /// Presentation time minus decode time.
    pub composition_offset: Delta,
    /// From this sample's decode time to the next one's; the last sample's as the file states it.
    pub duration: Duration,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Where its bytes start in the file.
    pub offset: u64,
    /// How many there are.
    pub size: u32,
}

impl Entry {
    /// Its bytes in the file.
    pub const fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.size as u64)
    }

    /// The sample, with the bytes that were read from [`range`](Self::range).
    pub fn sample(&self, data: Bytes) -> Sample {
        Sample {
            track: self.track,
            decode_time: self.decode_time,
            composition_offset: self.composition_offset,
            duration: Some(self.duration),
            sync: self.sync,
            data,
        }
    }
}

/// The samples of a file in decode order over all tracks; see [`Index::entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    tracks: &'a [IndexedTrack],
    next: Vec<usize>,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let mut earliest: Option<(usize, Entry)> = None;
        for (index, (track, &next)) in self.tracks.iter().zip(&self.next).enumerate() {
            let Some(entry) = track.entry(next) else { continue };
            if earliest.is_none_or(|(_, best)| is_before(&entry, &best)) {
                earliest = Some((index, entry));
            }
        }
        let (index, entry) = earliest?;
        if let Some(next) = self.next.get_mut(index) {
            *next += 1;
        }
        Some(entry)
    }
}

/// Exact over different timescales.
fn is_before(one: &Entry, other: &Entry) -> bool {
    let scaled = |entry: &Entry, by: &Entry| {
        i128::from(entry.decode_time.ticks()) * i128::from(by.timescale.hz())
    };
    scaled(one, other) < scaled(other, one)
}
