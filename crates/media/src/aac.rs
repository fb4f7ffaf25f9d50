//! AAC: the `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Error, Timescale};

/// Sampling frequencies by `samplingFrequencyIndex` (ISO/IEC 14496-3, table 1.18).
const SAMPLING_FREQUENCIES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// A decoded `AudioSpecificConfig`, and the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    object_type: u8,
    core_object_type: u8,
    sampling_frequency: Timescale,
    extension_frequency: Option<Timescale>,
    channel_configuration: u8,
    frame_length: u32,
}

impl Config {
    /// Reads an `AudioSpecificConfig`, as FLV's AAC sequence header and MP4's `esds` carry it.
    ///
    /// SBR and parametric stereo are found whichever way a record may signal them: in front of the
    /// core's type (explicit, hierarchical) or behind it (explicit, backward compatible; 1.6.6.2).
    /// What only the frames tell (implicit signalling) is not: such a stream is described as its
    /// core, which is what its record says and what every decoder takes. Trailing bytes that are
    /// neither are kept in [`raw`](Self::raw).
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] for a reserved sampling
    /// frequency or a frequency of zero; [`Error::Unsupported`] for an audio object type that is
    /// not one of the AAC family (1 to 5, 29).
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let mut bits = BitReader::new(&raw);
        let object_type = object_type(&mut bits)?;
        let sampling_frequency = frequency(&mut bits)?;
        let channel_offset = bits.offset();
        let channel_configuration = bits.bits(4, "channelConfiguration")? as u8;
        if channel_configuration > 7 && !matches!(channel_configuration, 11 | 12 | 14) {
            return Err(Error::Unsupported {
                field: "channelConfiguration",
                offset: channel_offset,
                value: u64::from(channel_configuration),
            });
        }
        let mut extension = None;
        let (mut core_object_type, mut core_offset) = (object_type, 0);
        if matches!(object_type, 5 | 29) {
            // Explicit hierarchical signalling: the doubled rate first, then the core's own type.
            extension = Some((object_type, frequency(&mut bits)?));
            core_object_type = self::object_type(&mut bits)?;
            core_offset = bits.offset();
        }
        if !matches!(core_object_type, 1..=4) {
            return Err(Error::Unsupported {
                field: "audioObjectType",
                offset: core_offset,
                value: u64::from(core_object_type),
            });
        }
        // GASpecificConfig, 4.4.1. Some encoders leave it out altogether: then it is 1024.
        let short_frames = bits.flag("frameLengthFlag").unwrap_or(false);
        let frame_length = if short_frames { 960 } else { 1024 };
        if extension.is_none() && channel_configuration != 0 {
            extension = compatible_extension(&mut bits);
        }
        let object_type = extension.map_or(core_object_type, |(object_type, _)| object_type);
        let mut extension_frequency = extension.map(|(_, frequency)| frequency);
        if extension_frequency == Some(sampling_frequency) {
            // Downsampled SBR: both rates are the same and nothing doubles.
            extension_frequency = None;
        }
        Ok(Self {
            raw,
            object_type,
            core_object_type,
            sampling_frequency,
            extension_frequency,
            channel_configuration,
            frame_length,
        })
    }

    /// The record as it came, for `esds` and for passing on.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// `audioObjectType` of the whole, however it is signalled: 2 is AAC-LC, 5 HE-AAC, 29 HE-AAC
    /// v2.
    pub const fn object_type(&self) -> u8 {
        self.object_type
    }

    /// `audioObjectType` of the core coder, 1 to 4: the same where nothing extends it.
    pub const fn core_object_type(&self) -> u8 {
        self.core_object_type
    }

    /// The core coder's sampling frequency; with [`frame_length`](Self::frame_length) it gives a
    /// frame's duration whether or not SBR doubles the output.
    pub const fn sampling_frequency(&self) -> Timescale {
        self.sampling_frequency
    }

    /// The sampling frequency of the sound that comes out: the core's, or what explicit SBR
    /// signalling makes of it.
    pub fn output_frequency(&self) -> Timescale {
        self.extension_frequency.unwrap_or(self.sampling_frequency)
    }

    /// `channelConfiguration` (table 1.19); 0 means that the stream itself says.
    pub const fn channel_configuration(&self) -> u8 {
        self.channel_configuration
    }

    /// How many channels come out of a decoder: what the configuration stands for, 2 where it does
    /// not say, and 2 of the one that parametric stereo widens.
    pub const fn channels(&self) -> u8 {
        match self.channel_configuration {
            0 => 2,
            1 if self.object_type == 29 => 2,
            7 | 12 | 14 => 8,
            11 => 7,
            n => n,
        }
    }

    /// Samples of the core coder in one frame: 1024, or 960.
    pub const fn frame_length(&self) -> u32 {
        self.frame_length
    }
}

/// `mp4a.40.2` and the like (RFC 6381, 3.3).
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mp4a.40.{}", self.object_type)
    }
}

/// What stands behind `GASpecificConfig` (1.6.2.1), whose first bit is read: the type that extends
/// the core, and the rate it makes of it. A record that ends before, or says something else there,
/// extends nothing.
fn compatible_extension(bits: &mut BitReader<'_>) -> Option<(u8, Timescale)> {
    let mut flag = |field| bits.flag(field).ok();
    if flag("dependsOnCoreCoder")? {
        bits.bits(14, "coreCoderDelay").ok()?;
    }
    if bits.flag("extensionFlag").ok()? {
        bits.flag("extensionFlag3").ok()?;
    }
    if bits.bits(11, "syncExtensionType").ok()? != 0x2B7 || object_type(bits).ok()? != 5 {
        return None;
    }
    if !bits.flag("sbrPresentFlag").ok()? {
        return None;
    }
    let frequency = frequency(bits).ok()?;
    let stereo = bits.bits(11, "syncExtensionType").is_ok_and(|kind| kind == 0x548)
        && bits.flag("psPresentFlag").unwrap_or(false);
    Some((if stereo { 29 } else { 5 }, frequency))
}

/// `GetAudioObjectType`, 1.6.2.2.
fn object_type(bits: &mut BitReader<'_>) -> Result<u8, Error> {
    let short = bits.bits(5, "audioObjectType")?;
    let value = if short == 31 { 32 + bits.bits(6, "audioObjectTypeExt")? } else { short };
    Ok(value as u8)
}

fn frequency(bits: &mut BitReader<'_>) -> Result<Timescale, Error> {
    let field = "samplingFrequencyIndex";
    let offset = bits.offset();
    let index = bits.bits(4, field)?;
    let hz = match index {
        15 => bits.bits(24, "samplingFrequency")?,
        index => SAMPLING_FREQUENCIES.get(index as usize).copied().unwrap_or(0),
    };
    Timescale::new(hz).ok_or(Error::Malformed { field, offset, value: u64::from(index) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &'static [u8]) -> Result<Config, Error> {
        Config::decode(Bytes::from_static(bytes))
    }

    #[test]
    fn aac_lc_at_48_khz_stereo() {
        let config = decode(&[0x11, 0x90]).unwrap();
        assert_eq!(config.to_string(), "mp4a.40.2");
        assert_eq!(config.sampling_frequency().hz(), 48_000);
        assert_eq!((config.channels(), config.frame_length()), (2, 1024));
    }

    #[test]
    fn aac_lc_at_44_1_khz_mono_with_trailing_sbr_sync() {
        let config = decode(&[0x12, 0x08, 0x56, 0xE5, 0x00]).unwrap();
        assert_eq!(config.sampling_frequency().hz(), 44_100);
        assert_eq!(config.channels(), 1);
        assert_eq!(config.raw().len(), 5);
    }

    #[test]
    fn explicit_he_aac_doubles_the_output() {
        // AOT 5, 24 kHz, stereo, extension 48 kHz, core AOT 2.
        let config = decode(&[0x2B, 0x11, 0x88, 0x00]).unwrap();
        assert_eq!(config.to_string(), "mp4a.40.5");
        assert_eq!(config.sampling_frequency().hz(), 24_000);
        assert_eq!(config.output_frequency().hz(), 48_000);
    }

    #[test]
    fn sbr_behind_the_core_is_found() {
        // AOT 2, 24 kHz, stereo; sync 0x2B7, AOT 5, present, 48 kHz.
        let config = decode(&[0x13, 0x10, 0x56, 0xE5, 0x98]).unwrap();
        assert_eq!(config.to_string(), "mp4a.40.5");
        assert_eq!((config.object_type(), config.core_object_type()), (5, 2));
        assert_eq!(config.sampling_frequency().hz(), 24_000);
        assert_eq!(config.output_frequency().hz(), 48_000);
        // AOT 2, 22.05 kHz, mono; the same at 44.1 kHz; sync 0x548, present.
        let config = decode(&[0x13, 0x88, 0x56, 0xE5, 0xA5, 0x48, 0x80]).unwrap();
        assert_eq!(config.to_string(), "mp4a.40.29");
        assert_eq!((config.channel_configuration(), config.channels()), (1, 2));
        assert_eq!(config.output_frequency().hz(), 44_100);
    }

    #[test]
    fn sbr_behind_the_core_that_is_cut_off_extends_nothing() {
        let whole = &[0x13, 0x10, 0x56, 0xE5, 0x98];
        for len in 2..whole.len() {
            assert_eq!(decode(&whole[..len]).unwrap().to_string(), "mp4a.40.2", "{len}");
        }
    }

    #[test]
    fn bad_records_are_located() {
        assert_eq!(decode(&[]), Err(Error::Truncated { field: "audioObjectType", offset: 0 }));
        assert_eq!(
            decode(&[0x16, 0x90]),
            Err(Error::Malformed { field: "samplingFrequencyIndex", offset: 0, value: 13 })
        );
        assert_eq!(
            decode(&[0x61, 0x90]),
            Err(Error::Unsupported { field: "audioObjectType", offset: 0, value: 12 })
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(config) = Config::decode(Bytes::from(bytes.clone())) {
                prop_assert_eq!(config.raw().as_ref(), &bytes[..]);
                prop_assert!(config.channels() > 0);
            }
        }
    }
}
