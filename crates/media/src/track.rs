use std::fmt;

use crate::{Timescale, aac, avc};

/// Names a track within one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(u32);

impl TrackId {
    /// The track numbered `id`.
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// A codec and everything a decoder must know before the first sample.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 / AVC (ISO/IEC 14496-10).
    Avc(avc::Config),
    /// AAC (ISO/IEC 14496-3).
    Aac(aac::Config),
}

impl Codec {
    /// Whether the codec carries pictures or sound.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Avc(_) => Kind::Video,
            Self::Aac(_) => Kind::Audio,
        }
    }
}

/// The codec string of RFC 6381, as `CODECS` in HLS and `codecs` in DASH want it:
/// `avc1.64001F`, `mp4a.40.2`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Avc(config) => config.fmt(f),
            Self::Aac(config) => config.fmt(f),
        }
    }
}

/// One track of a stream: its name, its clock and its codec.
///
/// A track that comes again under the same id has been reconfigured; the samples that follow are
/// coded as the new description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Unique within the stream.
    pub id: TrackId,
    /// The clock its samples are timed by.
    pub timescale: Timescale,
    /// How its samples are coded.
    pub codec: Codec,
}
