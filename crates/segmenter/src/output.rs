use std::sync::Arc;

use airloom_media::{Codec, Delta, Duration, Timescale, Timestamp, TrackId};
use bytes::Bytes;

#[cfg(feature = "encryption")]
use crate::mp4::Presentation;
use crate::mp4::Table;
use crate::{BitRate, Event, TsSegment};

/// What a [`Segmenter`](crate::Segmenter) has made.
///
/// Per track the order is: `Init`, then the parts of a segment, then that segment, and so on;
/// sequence numbers rise by one, each either a `Segment` or a `Gap`. All variants are cheap to
/// clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// A track's initialization segment: before its first part, and again when its codec
    /// configuration changes.
    Init(Init),
    /// A part of the segment a track is in. Only with [`Config::part`](crate::Config::part).
    Part(Part),
    /// A whole segment of one track.
    Segment(Segment),
    /// A track has nothing in this segment.
    Gap(Gap),
    /// A whole segment of all tracks as MPEG-TS. Only with [`Config::ts`](crate::Config::ts).
    TsSegment(TsSegment),
    /// Something that happened.
    Event(Event),
}

impl Output {
    /// The bytes of an [`Init`], [`Part`] or [`Segment`] in order, each chunk shared; nothing for
    /// the others. An MPEG-TS segment is [rendered](TsSegment::render) when somebody asks.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        let (init, parts) = match self {
            Self::Init(init) => (Some(&init.data), &[][..]),
            Self::Part(part) => (None, std::slice::from_ref(part)),
            Self::Segment(segment) => (None, &segment.parts[..]),
            _ => (None, &[][..]),
        };
        init.into_iter().chain(parts.iter().flat_map(Part::chunks))
    }
}

/// An initialization segment and what it describes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Init {
    /// The track.
    pub track: TrackId,
    /// Counts the track's initialization segments from 0.
    pub id: u32,
    /// `track_ID` in its boxes and in those of its segments.
    pub number: u32,
    /// How the track is coded; its `Display` is the RFC 6381 string.
    pub codec: Codec,
    /// The clock of the track's output: 90 kHz for video, the sampling frequency for audio.
    pub timescale: Timescale,
    /// `ftyp` and `moov`.
    pub data: Bytes,
    /// The longest a part of this track is planned to be; constant for the track's life. Zero
    /// without parts.
    pub part_target: Duration,
    /// How long one sample lasts as a rule.
    pub frame_duration: Duration,
    /// How much later than it is decoded the first picture is shown: the delay of reordering. Zero
    /// for sound.
    pub presentation_delay: Duration,
    /// What the track's encoder declares that it sends; see
    /// [`Segmenter::set_bit_rate`](crate::Segmenter::set_bit_rate).
    pub bit_rate: Option<BitRate>,
}

impl Init {
    /// What its boxes describe.
    #[cfg(feature = "encryption")]
    pub(crate) fn presentation(&self) -> Presentation<'_> {
        Presentation {
            track_id: self.number,
            timescale: self.timescale,
            codec: &self.codec,
            bit_rate: self.bit_rate,
        }
    }
}

/// One CMAF chunk: `moof` and `mdat`, with `styp` before the first of a segment.
///
/// A part lasts at most its track's [`part_target`](Init::part_target), unless it is one sample
/// that lasts longer on its own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Part {
    /// The track.
    pub track: TrackId,
    /// The segment this belongs to.
    pub sequence: u64,
    /// Counts the parts of the segment from 0.
    pub index: u32,
    /// The [`Init`] it is decoded with.
    pub init: u32,
    /// Whether a new timeline or configuration begins with the segment this belongs to.
    pub discontinuity: bool,
    /// Decode time of the first sample, in the output timescale.
    pub start: Timestamp,
    /// The sum of the samples' durations.
    pub duration: Duration,
    /// Whether the first sample is a sync sample.
    pub independent: bool,
    /// Everything before the first payload byte: boxes up to and with the header of `mdat`.
    pub header: Bytes,
    /// The coded bytes of each sample, shared with the input; they follow the header one after
    /// another.
    pub payload: Arc<[Bytes]>,
    /// Bytes in header and payload.
    pub size: usize,
}

impl Part {
    /// The part's bytes in order, ready for a vectored write; each chunk is shared.
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks { header: Some(&self.header), payload: self.payload.iter() }
    }

    /// The samples in decode order, as the header states them: nothing else is kept of them, so
    /// this reads it.
    pub fn samples(&self) -> Samples<'_> {
        Samples {
            decode_time: self.start,
            table: Table::of(&self.header),
            payload: self.payload.iter(),
        }
    }
}

/// The bytes of a [`Part`] in order: its header, then each sample's payload.
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    header: Option<&'a Bytes>,
    payload: std::slice::Iter<'a, Bytes>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a Bytes;

    fn next(&mut self) -> Option<Self::Item> {
        self.header.take().or_else(|| self.payload.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.header.is_some()) + self.payload.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Chunks<'_> {}

/// The samples of a [`Part`] in decode order.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    decode_time: Timestamp,
    table: Table<'a>,
    payload: std::slice::Iter<'a, Bytes>,
}

impl<'a> Iterator for Samples<'a> {
    type Item = PartSample<'a>;

    fn next(&mut self) -> Option<PartSample<'a>> {
        let (data, stated) = (self.payload.next()?, self.table.next()?);
        let (decode_time, duration) = (self.decode_time, Duration::new(stated.duration.into()));
        // The segmenter keeps its times far inside of 64 bits.
        self.decode_time = decode_time.checked_add(duration).unwrap_or(decode_time);
        Some(PartSample {
            decode_time,
            composition_offset: Delta::new(stated.composition_offset.into()),
            duration,
            sync: stated.sync,
            data,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.payload.size_hint()
    }
}

impl ExactSizeIterator for Samples<'_> {}

/// One sample as it stands in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartSample<'a> {
    /// Decode time in the output timescale.
    pub decode_time: Timestamp,
    /// Presentation time minus decode time, in the output timescale.
    pub composition_offset: Delta,
    /// How long the sample lasts, in the output timescale.
    pub duration: Duration,
    /// Whether decoding can start here.
    pub sync: bool,
    /// The coded bytes, shared with the input.
    pub data: &'a Bytes,
}

/// One segment of one track: its parts, one after another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Segment {
    /// The track.
    pub track: TrackId,
    /// The segment's number, the same for all tracks.
    pub sequence: u64,
    /// The [`Init`] it is decoded with.
    pub init: u32,
    /// Decode time of the first sample, in the output timescale.
    pub start: Timestamp,
    /// The sum of the parts' durations.
    pub duration: Duration,
    /// Whether it starts with a sync sample.
    pub independent: bool,
    /// Whether a new timeline or configuration begins with it.
    pub discontinuity: bool,
    /// The parts; at least one. Without Low Latency as many as the limits ask for, as a rule one.
    pub parts: Arc<[Part]>,
    /// Bytes in all parts.
    pub size: usize,
}

impl Segment {
    /// The segment's bytes in order; each chunk is shared.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter().flat_map(Part::chunks)
    }

    /// The segment's samples in decode order.
    pub fn samples(&self) -> impl Iterator<Item = PartSample<'_>> + Clone {
        self.parts.iter().flat_map(Part::samples)
    }
}

/// A segment in which a track has nothing: playlists mark it, so that numbers stay aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The track.
    pub track: TrackId,
    /// The segment's number.
    pub sequence: u64,
    /// Where the segment begins, in the output timescale.
    pub start: Timestamp,
    /// How long the segment lasts for the other tracks, in this track's output timescale.
    pub duration: Duration,
    /// Whether a new timeline or configuration begins with it.
    pub discontinuity: bool,
}
