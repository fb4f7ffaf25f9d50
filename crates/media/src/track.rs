use std::fmt;

use crate::{Colour, Timescale, aac, ac3, av1, avc, flac, hevc, mp3, opus, vp9};

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
    /// H.265 / HEVC (ISO/IEC 23008-2).
    Hevc(hevc::Config),
    /// AV1.
    Av1(av1::Config),
    /// VP9.
    Vp9(vp9::Config),
    /// AAC (ISO/IEC 14496-3).
    Aac(aac::Config),
    /// Opus (RFC 6716).
    Opus(opus::Config),
    /// FLAC (RFC 9639).
    Flac(flac::Config),
    /// AC-3 (ETSI TS 102 366).
    Ac3(ac3::Config),
    /// E-AC-3 (ETSI TS 102 366, annex E).
    Eac3(ac3::EnhancedConfig),
    /// MP3 (ISO/IEC 11172-3, layer III).
    Mp3(mp3::Config),
}

/// What a configuration says of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// Width in pixels as shown; zero where it does not say.
    pub width: u32,
    /// Height in pixels as shown; zero where it does not say.
    pub height: u32,
    /// Sample aspect ratio, where the stream states one.
    pub aspect_ratio: Option<(u16, u16)>,
    /// Colour description, where the stream states one.
    pub colour: Option<Colour>,
    /// Ticks of the first a picture lasts on a clock of the second, where the stream says so.
    pub frame_duration: Option<(u64, Timescale)>,
}

/// What a configuration says of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sound {
    /// Samples a second of the coded stream; a frame's length counts in these.
    pub sampling_frequency: Timescale,
    /// Samples a second of what comes out of the decoder.
    pub output_frequency: Timescale,
    /// Channels.
    pub channels: u8,
    /// Samples in a frame, where all frames have the same.
    pub frame_length: Option<u32>,
}

impl Codec {
    /// Whether the codec carries pictures or sound.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Avc(_) | Self::Hevc(_) | Self::Av1(_) | Self::Vp9(_) => Kind::Video,
            Self::Aac(_)
            | Self::Opus(_)
            | Self::Flac(_)
            | Self::Ac3(_)
            | Self::Eac3(_)
            | Self::Mp3(_) => Kind::Audio,
        }
    }

    /// What the configuration says of the picture; `None` for sound.
    pub fn picture(&self) -> Option<Picture> {
        let (size, aspect_ratio, colour, frame_duration) = match self {
            Self::Avc(config) => {
                let sps = config.sps();
                ((sps.width, sps.height), sps.aspect_ratio, sps.colour, sps.frame_duration)
            }
            Self::Hevc(config) => {
                let sps = config.sps();
                ((sps.width, sps.height), sps.aspect_ratio, sps.colour, sps.frame_duration)
            }
            Self::Av1(config) => match config.sequence() {
                Some(sequence) => {
                    let size = (sequence.width, sequence.height);
                    (size, None, sequence.colour, sequence.frame_duration)
                }
                None => ((0, 0), None, None, None),
            },
            Self::Vp9(config) => {
                let (width, height) = config.size().unwrap_or_default();
                let colour = Some(config.colour()).filter(|colour| colour.primaries != 2);
                ((width.into(), height.into()), None, colour, None)
            }
            _ => return None,
        };
        let (width, height) = size;
        Some(Picture { width, height, aspect_ratio, colour, frame_duration })
    }

    /// What the configuration says of the sound; `None` for pictures.
    pub fn sound(&self) -> Option<Sound> {
        let (frequency, channels, frame_length) = match self {
            Self::Aac(config) => {
                return Some(Sound {
                    sampling_frequency: config.sampling_frequency(),
                    output_frequency: config.output_frequency(),
                    channels: config.channels(),
                    frame_length: Some(config.frame_length()),
                });
            }
            Self::Opus(config) => (opus::Config::SAMPLING_FREQUENCY, config.channels(), None),
            Self::Flac(config) => {
                let length = config.block_size().map(u32::from);
                (config.sampling_frequency(), config.channels(), length)
            }
            Self::Ac3(config) => {
                (config.sampling_frequency(), config.channels(), Some(ac3::FRAME_LENGTH))
            }
            Self::Eac3(config) => (config.sampling_frequency(), config.channels(), None),
            Self::Mp3(config) => {
                (config.sampling_frequency(), config.channels(), Some(config.frame_length()))
            }
            _ => return None,
        };
        Some(Sound {
            sampling_frequency: frequency,
            output_frequency: frequency,
            channels,
            frame_length,
        })
    }

    /// How many samples of sound a frame holds: what the configuration says, or the frame itself.
    /// `None` for pictures, and for a frame that cannot be read.
    pub fn frame_samples(&self, frame: &[u8]) -> Option<u32> {
        match self {
            Self::Opus(_) => opus::packet_samples(frame),
            Self::Eac3(_) => ac3::enhanced_frame_samples(frame),
            Self::Flac(config) if config.block_size().is_none() => flac::frame_samples(frame),
            _ => self.sound()?.frame_length,
        }
    }
}

/// The codec string of RFC 6381, as `CODECS` in HLS and `codecs` in DASH want it:
/// `avc1.64001F`, `mp4a.40.2`.
impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Avc(config) => config.fmt(f),
            Self::Hevc(config) => config.fmt(f),
            Self::Av1(config) => config.fmt(f),
            Self::Vp9(config) => config.fmt(f),
            Self::Aac(config) => config.fmt(f),
            Self::Opus(config) => config.fmt(f),
            Self::Flac(config) => config.fmt(f),
            Self::Ac3(config) => config.fmt(f),
            Self::Eac3(config) => config.fmt(f),
            Self::Mp3(config) => config.fmt(f),
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
