use std::fmt;

/// Four letters that name a codec (Enhanced RTMP v2). Unknown ones are values like any other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// H.264.
    pub const AVC: Self = Self(*b"avc1");
    /// H.265.
    pub const HEVC: Self = Self(*b"hvc1");
    /// H.266.
    pub const VVC: Self = Self(*b"vvc1");
    /// AV1.
    pub const AV1: Self = Self(*b"av01");
    /// VP8.
    pub const VP8: Self = Self(*b"vp08");
    /// VP9.
    pub const VP9: Self = Self(*b"vp09");
    /// AAC.
    pub const AAC: Self = Self(*b"mp4a");
    /// Opus.
    pub const OPUS: Self = Self(*b"Opus");
    /// FLAC.
    pub const FLAC: Self = Self(*b"fLaC");
    /// AC-3.
    pub const AC3: Self = Self(*b"ac-3");
    /// E-AC-3.
    pub const EAC3: Self = Self(*b"ec-3");
    /// MP3.
    pub const MP3: Self = Self(*b".mp3");
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// What a tag says its payload is coded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CodecId {
    /// FLV's own `CodecID` of a video tag (annex E.4.3.1): 0 to 15.
    Video(u8),
    /// FLV's own `SoundFormat` of an audio tag (annex E.4.2.1): 0 to 15.
    Audio(u8),
    /// Enhanced RTMP.
    FourCc(FourCc),
}

impl CodecId {
    /// Whether it is H.264, said either way.
    pub fn is_avc(self) -> bool {
        matches!(self, Self::Video(7) | Self::FourCc(FourCc::AVC))
    }

    /// Whether it is AAC, said either way.
    pub fn is_aac(self) -> bool {
        matches!(self, Self::Audio(10) | Self::FourCc(FourCc::AAC))
    }
}

/// The codec's usual name; the number or FourCC where it is not known.
impl fmt::Display for CodecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video(2) => "H.263",
            Self::Video(3 | 6) => "Screen video",
            Self::Video(4) => "VP6",
            Self::Video(5) => "VP6 with alpha",
            Self::Video(7) => "H.264",
            Self::Audio(0 | 3) => "PCM",
            Self::Audio(1) => "ADPCM",
            Self::Audio(2 | 14) => "MP3",
            Self::Audio(4..=6) => "Nellymoser",
            Self::Audio(7) => "G.711 A-law",
            Self::Audio(8) => "G.711 mu-law",
            Self::Audio(10) => "AAC",
            Self::Audio(11) => "Speex",
            Self::Video(id) => return write!(f, "video codec {id}"),
            Self::Audio(id) => return write!(f, "sound format {id}"),
            Self::FourCc(four_cc) => return four_cc.fmt(f),
        })
    }
}
