use airloom_media::{Codec, Duration, Timescale, aac, avc};

use super::adts::{self, Adts};
use super::annexb::AnnexB;
use super::metadata;
use super::packet::Pid;
use super::pes::Payload;
use super::stream_type::StreamType;
use super::{AccessUnit, Config, Error, Limits, Stream};

/// The tracks of a program, prepared for writing: what the PMT declares and what goes before
/// random access points and frames.
///
/// Made anew when a track comes, goes or is reconfigured; the next segment then carries a new
/// version of the PMT where that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    video: Option<AnnexB>,
    audio: Option<Sound>,
    metadata: bool,
    psi_interval: Duration,
    limits: Limits,
}

impl Program {
    /// A program of the tracks that exist. The video's PID carries the clock, the audio's where
    /// there is no video.
    ///
    /// HE-AAC is announced as the AAC-LC it extends, at the core's sampling frequency, since
    /// ADTS knows no other way; decoders find the extension in the frames.
    ///
    /// # Errors
    ///
    /// [`Error::NoTracks`] for none; [`Error::Unsupported`] for AAC that ADTS cannot express: a
    /// sampling frequency off the list, channels by `program_config_element` or more than
    /// `channelConfiguration` 7, frames of 960 samples.
    pub fn new(
        video: Option<&avc::Config>,
        audio: Option<&aac::Config>,
        config: &Config,
    ) -> Result<Self, Error> {
        if video.is_none() && audio.is_none() {
            return Err(Error::NoTracks);
        }
        Ok(Self {
            video: video.map(AnnexB::new),
            audio: audio.map(Sound::aac).transpose()?,
            metadata: false,
            psi_interval: Duration::from_std(config.psi_interval, Timescale::MPEG),
            limits: config.limits,
        })
    }

    /// A program of the tracks that exist, whatever they are coded in: H.264 or HEVC, AAC, AC-3,
    /// E-AC-3 or MP3. As for [`new`](Self::new) in everything else.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new); [`Error::UnsupportedCodec`] for any other codec.
    pub fn of_codecs(
        video: Option<&Codec>,
        audio: Option<&Codec>,
        config: &Config,
    ) -> Result<Self, Error> {
        if video.is_none() && audio.is_none() {
            return Err(Error::NoTracks);
        }
        let video = match video {
            None => None,
            Some(Codec::Avc(config)) => Some(AnnexB::new(config)),
            Some(Codec::Hevc(config)) => Some(AnnexB::hevc(config)),
            Some(_) => return Err(Error::UnsupportedCodec { stream: Stream::Video }),
        };
        Ok(Self {
            video,
            audio: audio.map(Sound::new).transpose()?,
            metadata: false,
            psi_interval: Duration::from_std(config.psi_interval, Timescale::MPEG),
            limits: config.limits,
        })
    }

    /// Declares a stream of ID3 tags as well.
    ///
    /// It is declared whether or not a segment holds any, so that the PMT need not change with
    /// each tag.
    #[must_use]
    pub fn with_metadata(mut self) -> Self {
        self.metadata = true;
        self
    }

    /// Checks one unit as [`measure`](super::measure) would, so that a bad one can be left out
    /// when it comes instead of when its segment is wanted. Errors count it as unit 0.
    ///
    /// # Errors
    ///
    /// [`Error::Undeclared`], [`Error::Truncated`], [`Error::FrameTooLong`], [`Error::NotId3`] and
    /// [`Error::TagTooLong`].
    pub fn check(&self, unit: &AccessUnit<'_>) -> Result<(), Error> {
        self.payload(unit, 0).map(drop)
    }

    /// What `unit` becomes, and whether decoding can start there; `None` where it holds nothing.
    pub(super) fn payload<'a>(
        &'a self,
        unit: &AccessUnit<'a>,
        index: usize,
    ) -> Result<Option<(Payload<'a>, bool)>, Error> {
        let undeclared = Error::Undeclared { unit: index, stream: unit.stream };
        match unit.stream {
            Stream::Video => {
                let annex_b = self.video.as_ref().ok_or(undeclared)?;
                let picture = annex_b.picture(unit.data, unit.sync, index)?;
                Ok(picture.map(|picture| {
                    let access = picture.random_access();
                    (Payload::Picture(picture), access)
                }))
            }
            Stream::Audio => {
                let sound = self.audio.ok_or(undeclared)?;
                if unit.data.is_empty() {
                    return Ok(None);
                }
                let header = sound.header(unit.data.len(), index)?;
                Ok(Some((Payload::Sound { header, frame: unit.data }, unit.sync)))
            }
            Stream::Metadata => {
                if !self.metadata {
                    return Err(undeclared);
                }
                let len = unit.data.len();
                if len == 0 {
                    return Ok(None);
                }
                if !unit.data.starts_with(metadata::IDENTIFIER) {
                    return Err(Error::NotId3 { unit: index });
                }
                if len > metadata::LONGEST {
                    return Err(Error::TagTooLong { unit: index, len });
                }
                Ok(Some((Payload::Tag(unit.data), false)))
            }
        }
    }

    pub(super) fn streams(&self) -> Streams {
        Streams {
            video: self.video.as_ref().map(AnnexB::stream_type),
            audio: self.audio.map(|sound| sound.stream_type),
            metadata: self.metadata,
        }
    }

    pub(super) const fn psi_interval(&self) -> Duration {
        self.psi_interval
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }
}

/// How a frame of sound is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sound {
    stream_type: StreamType,
    /// What stands before each frame of AAC.
    adts: Option<Adts>,
}

impl Sound {
    fn aac(config: &aac::Config) -> Result<Self, Error> {
        Ok(Self { stream_type: StreamType::ADTS, adts: Some(Adts::new(config)?) })
    }

    fn new(codec: &Codec) -> Result<Self, Error> {
        let stream_type = match codec {
            Codec::Aac(config) => return Self::aac(config),
            Codec::Ac3(_) => StreamType::AC3,
            Codec::Eac3(_) => StreamType::EAC3,
            Codec::Mp3(config) if config.object_type() == 0x6B => StreamType::MPEG_1_AUDIO,
            Codec::Mp3(_) => StreamType::MPEG_2_AUDIO,
            _ => return Err(Error::UnsupportedCodec { stream: Stream::Audio }),
        };
        Ok(Self { stream_type, adts: None })
    }

    /// The header of a frame of `len` bytes, where it has one.
    fn header(self, len: usize, unit: usize) -> Result<Option<[u8; adts::HEADER]>, Error> {
        let whole = len.saturating_add(if self.adts.is_some() { adts::HEADER } else { 0 });
        if whole > adts::LONGEST {
            return Err(Error::FrameTooLong { unit, len: whole });
        }
        Ok(self.adts.and_then(|adts| adts.header(len)))
    }
}

/// Which tracks there are: all that the PMT depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streams {
    pub(super) video: Option<StreamType>,
    pub(super) audio: Option<StreamType>,
    pub(super) metadata: bool,
}

impl Streams {
    /// The PID that carries the clock.
    pub(super) const fn pcr_pid(self) -> Pid {
        match self.video {
            Some(_) => Pid::VIDEO,
            None => Pid::AUDIO,
        }
    }
}
