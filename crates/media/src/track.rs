use std::fmt;

use crate::{Colour, Error, Timescale, aac, ac3, av1, avc, flac, hevc, mp3, opus, vp9};

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
    /// Colour description, where the stream states one, or that it is of full range.
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

/// What a container says of a picture beside the codec's own configuration, as MP4 does in its sample
/// entries. A container takes precedence over what it carries (ISO/IEC 14496-12, 12.1.5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Declared {
    /// Width and height in pixels as shown.
    pub size: Option<(u16, u16)>,
    /// Sample aspect ratio.
    pub aspect_ratio: Option<(u16, u16)>,
    /// Colour description.
    pub colour: Option<Colour>,
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
            Self::Av1(config) => {
                let sequence = config.sequence();
                let (width, height) = config.declared.size.unwrap_or_default();
                let size = sequence.map_or((width.into(), height.into()), |sequence| {
                    (sequence.width, sequence.height)
                });
                let colour = sequence.and_then(|sequence| sequence.colour);
                (size, None, colour, sequence.and_then(|sequence| sequence.frame_duration))
            }
            Self::Vp9(config) => {
                let size = config.size().or(config.declared.size);
                let (width, height) = size.unwrap_or_default();
                let colour = Some(config.colour())
                    .filter(|colour| colour.primaries != Colour::UNSPECIFIED || colour.full_range);
                ((width.into(), height.into()), None, colour, None)
            }
            _ => return None,
        };
        let (width, height) = size;
        let declared = self.declared().copied().unwrap_or_default();
        Some(Picture {
            width,
            height,
            aspect_ratio: declared.aspect_ratio.or(aspect_ratio),
            colour: declared.colour.or(colour),
            frame_duration,
        })
    }

    /// With what a container says of the picture: aspect ratio and colour as they are there, and a
    /// size where the configuration has none (AV1 without a sequence header, VP9). What the
    /// configuration says alike is not kept. Sound stays as it is.
    #[must_use]
    pub fn with_declared(mut self, declared: Declared) -> Self {
        self.declare(Declared::default());
        let Some(own) = self.picture() else { return self };
        let Declared { size, aspect_ratio, colour } = declared;
        self.declare(Declared {
            size: size.filter(|_| own.width == 0 || own.height == 0),
            aspect_ratio: aspect_ratio.filter(|ratio| own.aspect_ratio != Some(*ratio)),
            colour: colour.filter(|colour| own.colour != Some(*colour)),
        });
        self
    }

    const fn declared(&self) -> Option<&Declared> {
        Some(match self {
            Self::Avc(config) => &config.declared,
            Self::Hevc(config) => &config.declared,
            Self::Av1(config) => &config.declared,
            Self::Vp9(config) => &config.declared,
            _ => return None,
        })
    }

    fn declare(&mut self, declared: Declared) {
        match self {
            Self::Avc(config) => config.declared = declared,
            Self::Hevc(config) => config.declared = declared,
            Self::Av1(config) => config.declared = declared,
            Self::Vp9(config) => config.declared = declared,
            _ => {}
        }
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

    /// The codec as it is from an access unit on, where that carries parameter sets of H.264 or HEVC
    /// that say something new; `None` otherwise. To be asked of samples that are
    /// [`sync`](crate::Sample::sync), behind which no decoder needs older sets.
    ///
    /// # Errors
    ///
    /// Those of [`avc::Config::in_band`] and [`hevc::Config::in_band`].
    pub fn in_band(&self, data: &[u8]) -> Result<Option<Self>, Error> {
        Ok(match self {
            Self::Avc(config) => config.in_band(data)?.map(Self::Avc),
            Self::Hevc(config) => config.in_band(data)?.map(Self::Hevc),
            _ => None,
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
