//! Stills of keyframes and sheets of them: feature `thumbnail`, which brings a decoder.
//!
//! The decoder is OpenH264, compiled from its source: it needs a C++ compiler, uses its assembly only
//! where `nasm` is found while building, and is C++ that reads what strangers send. What reaches it is
//! therefore little: parameter sets whose size was checked, and the slices of one IDR picture. Its
//! licence is BSD-2-Clause, which grants no patents; whether decoding H.264 needs a licence where you
//! are is yours to know. The JPEG encoder has no unsafe code.

mod access_unit;
mod config;
mod error;
mod fit;
mod picture;
mod rgb;
pub mod sprite;

use airloom_media::{Codec, Sample, Track, TrackId, avc};
use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

pub use config::{Config, Limits};
pub use error::Error;
pub use fit::Size;
pub use picture::Picture;

/// Makes small pictures of the keyframes of an H.264 track: stands beside a segmenter, in a task of
/// its own, since decoding is work.
///
/// ```no_run
/// # fn example(track: &airloom_media::Track, keyframe: &airloom_media::Sample)
/// # -> Result<(), airloom_segmenter::thumbnail::Error> {
/// use airloom_segmenter::thumbnail::{Config, Thumbnailer};
///
/// let mut thumbnailer = Thumbnailer::new(track, Config::default())?;
/// let jpeg: Vec<u8> = thumbnailer.handle_input(keyframe)?.jpeg(75)?;
/// # Ok(())
/// # }
/// ```
///
/// Progressive pictures of 8 bits in 4:2:0 are decoded, the profiles Baseline, Main and High, which is
/// what live encoders send. Between pictures it holds the decoder's, 1.5 bytes a pixel each.
pub struct Thumbnailer {
    track: TrackId,
    codec: avc::Config,
    /// As the track's container shows it.
    shown: airloom_media::Picture,
    config: Config,
    /// Absent before the first picture, and after one that did not decode.
    decoder: Option<Decoder>,
}

impl Thumbnailer {
    /// A thumbnailer of a track.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedCodec`] for anything but H.264, [`Error::UnsupportedFormat`] for more than
    /// 8 bits or other than 4:2:0, [`Error::TooLarge`] beyond [`Limits::pixels`].
    pub fn new(track: &Track, config: Config) -> Result<Self, Error> {
        let (Codec::Avc(codec), Some(shown)) = (&track.codec, track.codec.picture()) else {
            return Err(Error::UnsupportedCodec(track.id));
        };
        for set in codec.sequence_parameter_sets() {
            access_unit::check(set, &config.limits)?;
        }
        Ok(Self { track: track.id, codec: codec.clone(), shown, config, decoder: None })
    }

    /// The size of its pictures.
    pub fn size(&self) -> Size {
        let shown = self.shown;
        self.config.size.holding(shown.width, shown.height, shown.aspect_ratio)
    }

    /// Decodes a keyframe of the track and makes it small.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTrack`] for a sample of another track, [`Error::NotKeyframe`] for a picture
    /// that decoding cannot start with, [`Error::Malformed`], [`Error::TooLarge`] and
    /// [`Error::UnsupportedFormat`] for what is not even tried, [`Error::Undecodable`] for what the
    /// decoder refuses, [`Error::Decoder`] where there is none. The next keyframe may do.
    pub fn handle_input(&mut self, sample: &Sample) -> Result<Picture, Error> {
        if sample.track != self.track {
            return Err(Error::UnknownTrack(sample.track));
        }
        let unit = access_unit::of(&self.codec, &sample.data, &self.config.limits)?;
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => decoder()?,
        };
        let size = self.size();
        let small = |decoded: &dyn YUVSource| {
            picture::Decoded::of(decoded, self.shown.colour).map(|decoded| decoded.scaled(size))
        };
        // What is given back at once is taken before the rest is asked for: it is the decoder's.
        let now = decoder.decode(&unit).map_err(|error| Error::undecodable(&error))?;
        let now = now.as_ref().map(|decoded| small(decoded));
        let later = decoder.flush_remaining().map_err(|error| Error::undecodable(&error))?;
        let later = later.first().map(|decoded| small(decoded));
        let picture = now.or(later).flatten().ok_or(Error::Undecodable { code: 0 })?;
        self.decoder = Some(decoder);
        Ok(picture)
    }
}

impl std::fmt::Debug for Thumbnailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thumbnailer").field("track", &self.track).finish_non_exhaustive()
    }
}

/// One that flushes when it is told: by itself it loses pictures of streams that reorder.
fn decoder() -> Result<Decoder, Error> {
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    Decoder::with_api_config(OpenH264API::from_source(), config)
        .map_err(|error| Error::Decoder { code: error.native_code() })
}
