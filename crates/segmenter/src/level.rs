//! How loud a track is: feature `level`, which brings decoders.

use std::time::Duration;

use airloom_media::{Codec, Sample, Track, TrackId, aac};
use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_AAC, CodecParameters, Decoder, DecoderOptions};
use symphonia::core::formats::Packet;
use symphonia::default::codecs::AacDecoder;

use crate::Error;

/// Below this an encoder sends nothing that anybody hears: -60 dB of full scale.
const SILENCE: i32 = -6000;

/// The quietest level that is told: no sound of 16 bits is quieter and not zero.
const FLOOR: i32 = -9600;

/// Decodes the frames of an AAC track and measures them: stands beside a segmenter, in a task of its
/// own if need be, since decoding is work.
///
/// Of HE-AAC the core is measured, which has the sound below half of its bandwidth; that is where
/// loudness is.
///
/// ```
/// use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
/// use airloom_segmenter::level::Meter;
/// use bytes::Bytes;
///
/// let id = TrackId::new(2);
/// let codec = Codec::Aac(aac::Config::decode(Bytes::from_static(&[0x11, 0x90]))?);
/// let mut meter = Meter::new(&Track { id, timescale: Timescale::MILLIS, codec })?;
/// let frame = Sample {
///     track: id, decode_time: Timestamp::ZERO, composition_offset: Delta::ZERO, duration: None,
///     sync: true,
///     // What encoders send of silence in stereo.
///     data: Bytes::from_static(&[0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C]),
/// };
/// let level = meter.handle_input(&frame).expect("it decodes");
/// assert_eq!((level.peak, level.loudness), (-9600, -9600));
/// assert!(meter.silence() > std::time::Duration::from_millis(21));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Meter {
    track: TrackId,
    decoder: AacDecoder,
    hz: u64,
    /// Samples since anything was heard.
    silent: u64,
    failures: u64,
}

/// How loud a frame is, in hundredths of a decibel of full scale: 0 at most, -9600 for silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Level {
    /// The highest sample of all channels.
    pub peak: i32,
    /// The root of the mean square over all channels; a full-scale sine wave has -301.
    pub loudness: i32,
}

impl Meter {
    /// A meter of a track.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedCodec`] for anything but AAC-LC and what extends it, at a frequency of
    /// its table.
    pub fn new(track: &Track) -> Result<Self, Error> {
        let unsupported = Error::UnsupportedCodec(track.id);
        let Codec::Aac(config) = &track.codec else { return Err(unsupported) };
        let record = core_record(config).ok_or(unsupported)?;
        let hz = config.sampling_frequency().hz();
        let mut parameters = CodecParameters::new();
        parameters.for_codec(CODEC_TYPE_AAC).with_sample_rate(hz).with_extra_data(record.into());
        let decoder = AacDecoder::try_new(&parameters, &DecoderOptions::default());
        Ok(Self {
            track: track.id,
            decoder: decoder.map_err(|_| Error::UnsupportedCodec(track.id))?,
            hz: hz.into(),
            silent: 0,
            failures: 0,
        })
    }

    /// Measures a frame; `None` of another track's, and of what does not decode.
    pub fn handle_input(&mut self, sample: &Sample) -> Option<Level> {
        if sample.track != self.track {
            return None;
        }
        let packet = Packet::new_from_slice(0, 0, 0, &sample.data);
        let Ok(decoded) = self.decoder.decode(&packet) else {
            self.failures += 1;
            return None;
        };
        let frames = decoded.frames();
        let mut samples = SampleBuffer::<f32>::new(decoded.capacity() as u64, *decoded.spec());
        samples.copy_interleaved_ref(decoded);
        let samples = samples.samples();
        let peak = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
        let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        // A frame has some thousands.
        let count = u32::try_from(samples.len()).unwrap_or(u32::MAX).max(1);
        let mean = power / f64::from(count);
        let level = Level { peak: decibels(peak.into()), loudness: decibels(mean.sqrt()) };
        self.silent = if level.peak <= SILENCE { self.silent + frames as u64 } else { 0 };
        Some(level)
    }

    /// How long nothing above -60 dB was heard, up to now.
    pub fn silence(&self) -> Duration {
        Duration::from_micros(self.silent.saturating_mul(1_000_000) / self.hz)
    }

    /// How many frames did not decode.
    pub const fn failures(&self) -> u64 {
        self.failures
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("track", &self.track).finish_non_exhaustive()
    }
}

/// The `AudioSpecificConfig` of the core alone, AAC-LC.
fn core_record(config: &aac::Config) -> Option<[u8; 2]> {
    const FREQUENCIES: [u32; 12] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000,
    ];
    let hz = config.sampling_frequency().hz();
    let index = FREQUENCIES.iter().position(|listed| *listed == hz)? as u16;
    let channels = u16::from(config.channel_configuration());
    if config.core_object_type() != 2 || config.frame_length() != 1024 || channels == 0 {
        return None;
    }
    Some((2 << 11 | index << 7 | channels << 3).to_be_bytes())
}

fn decibels(amplitude: f64) -> i32 {
    if amplitude <= 0.0 {
        return FLOOR;
    }
    ((amplitude.log10() * 2000.0).round() as i32).clamp(FLOOR, 0)
}
