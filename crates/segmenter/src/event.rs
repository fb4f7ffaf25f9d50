use airloom_media::{Delta, Duration, Timestamp, TrackId};

use crate::ts;

/// Something the segmenter had to do that the source did not ask for, or that a viewer may see.
///
/// Source times are in the track's own timescale; output times in the one its
/// [`Init`](crate::Init) states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Segment `sequence` begins without a keyframe because the one before it could not go on.
    ForcedCut {
        /// The segment that begins here.
        sequence: u64,
        /// Why it could not wait.
        cut: Cut,
    },
    /// A new timeline or a new codec configuration begins with segment `sequence`, on all tracks.
    Discontinuity {
        /// The first segment of the new timeline.
        sequence: u64,
        /// What happened.
        reason: Discontinuity,
    },
    /// A decode time was not after the one before it and was moved behind it.
    Repaired {
        /// The track.
        track: TrackId,
        /// What the source said, in its timescale.
        decode_time: Timestamp,
        /// Where it stands now, in the output timescale.
        moved_to: Timestamp,
    },
    /// Audio was further from its sample count than
    /// [`Config::audio_drift`](crate::Config::audio_drift) and was moved to the source's time.
    AudioResync {
        /// The track.
        track: TrackId,
        /// How far it was moved, in the output timescale; positive is later.
        moved: Delta,
    },
    /// Nothing came for a while; the last sample before the gap was made to last until its end.
    GapBridged {
        /// The track.
        track: TrackId,
        /// How long that sample lasts now, in the output timescale.
        duration: Duration,
    },
    /// Nothing came for longer than a segment may last. The gap stays: it lies between two segments
    /// of the track.
    GapLeft {
        /// The track.
        track: TrackId,
        /// How long the track has nothing, in the output timescale.
        duration: Duration,
    },
    /// One track jumped while the others went on, or begins too far away from them to belong to
    /// their time. It was moved to where they are.
    Rebased {
        /// The track.
        track: TrackId,
        /// What its times are moved by from now on, in ticks of 90 kHz.
        by: Delta,
    },
    /// A track is silent for longer than [`Config::stall`](crate::Config::stall); the others go
    /// on without it.
    TrackAbsent {
        /// The track.
        track: TrackId,
        /// Whether it was there before.
        absence: Absence,
    },
    /// A track that was absent delivers again.
    TrackBack {
        /// The track.
        track: TrackId,
    },
    /// A sample was left out.
    Dropped {
        /// The track.
        track: TrackId,
        /// What the source said, in its timescale.
        decode_time: Timestamp,
        /// Why it could not be used.
        reason: DropReason,
    },
    /// MPEG-TS cannot carry a track as it is configured; the program goes without it.
    TsUnsupported {
        /// The track.
        track: TrackId,
        /// What is in the way.
        error: ts::Error,
    },
    /// Samples that MPEG-TS cannot carry were left out of an MPEG-TS segment; CMAF has them.
    TsDropped {
        /// The segment.
        sequence: u64,
        /// What is wrong with the first of them; its unit counts in the segment.
        error: ts::Error,
    },
    /// The source's times start below zero, which no segment can carry; everything was moved.
    Shifted {
        /// By how many ticks of 90 kHz, the same for all tracks.
        by: Duration,
    },
}

/// Why a segment ended without waiting for a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// It would have become longer than the target duration allows.
    Duration,
    /// It held as many samples or bytes as [`Limits`](crate::Limits) allows.
    Size,
}

/// What began a new timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discontinuity {
    /// Decode times jumped.
    Jump {
        /// The track that jumped first.
        track: TrackId,
        /// How far, in that track's source timescale; negative is back. Saturates.
        by: Delta,
    },
    /// [`Segmenter::restart`](crate::Segmenter::restart): the encoder came back.
    Restart,
    /// A track came with another codec configuration.
    Reconfigured {
        /// The track.
        track: TrackId,
    },
}

/// How a track is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// It was announced and never came.
    NotYet,
    /// It was there and has stopped.
    Stopped,
}

/// Why a sample was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// It has no bytes.
    Empty,
    /// It is larger than [`Limits::sample_bytes`](crate::Limits::sample_bytes).
    TooLarge,
    /// Its time is so far out that no output clock can hold it.
    TimeRange,
    /// The track's segment is full and cannot end yet.
    SegmentFull,
}
