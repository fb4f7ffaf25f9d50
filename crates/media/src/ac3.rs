//! AC-3 and E-AC-3: `AC3SpecificBox` and `EC3SpecificBox` (ETSI TS 102 366, F.4 and F.6), and the
//! sync frames they can be told from.

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Error, Timescale};

/// What a decoder of AC-3 must know: the body of MP4's `dac3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    sampling_frequency: Timescale,
    channels: u8,
}

/// What a decoder of E-AC-3 must know: the body of MP4's `dec3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnhancedConfig {
    raw: Bytes,
    sampling_frequency: Timescale,
    channels: u8,
}

/// Samples in a frame of six blocks.
pub const FRAME_LENGTH: u32 = 1536;

/// Sampling frequencies by `fscod`.
const FREQUENCIES: [u32; 3] = [48_000, 44_100, 32_000];
/// Channels by `acmod`, low frequency effects not counted.
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// What both kinds of frames start with.
const SYNC_WORD: u32 = 0x0B77;

impl Config {
    /// Reads the body of `dac3`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] for a reserved sampling
    /// frequency.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let mut bits = BitReader::new(&raw);
        let sampling_frequency = frequency(&mut bits)?;
        bits.bits(8, "bsid")?;
        let channels = channels(&mut bits)?;
        bits.bits(5, "bit_rate_code")?;
        Ok(Self { raw, sampling_frequency, channels })
    }

    /// What a sync frame (4.3) says, since Enhanced RTMP and MPEG-TS send no record.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), located in the frame; [`Error::Malformed`] where it is no
    /// AC-3.
    pub fn of_frame(frame: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::new(frame);
        sync_word(&mut bits)?;
        bits.bits(16, "crc1")?;
        let fscod = bits.bits(2, "fscod")?;
        let rate = bits.bits(6, "frmsizecod")? >> 1;
        let offset = bits.offset();
        let bsid = bits.bits(5, "bsid")?;
        if bsid > 10 {
            return Err(Error::Malformed { field: "bsid", offset, value: bsid.into() });
        }
        let bsmod = bits.bits(3, "bsmod")?;
        let acmod = bits.bits(3, "acmod")?;
        if acmod & 1 == 1 && acmod != 1 {
            bits.bits(2, "cmixlev")?;
        }
        if acmod & 4 == 4 {
            bits.bits(2, "surmixlev")?;
        }
        if acmod == 2 {
            bits.bits(2, "dsurmod")?;
        }
        let lfeon = bits.bits(1, "lfeon")?;
        let packed =
            fscod << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | lfeon << 10 | (rate & 31) << 5;
        let [_, bytes @ ..] = packed.to_be_bytes();
        Self::decode(Bytes::copy_from_slice(&bytes))
    }

    /// The body of `dac3`.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Samples a second.
    pub const fn sampling_frequency(&self) -> Timescale {
        self.sampling_frequency
    }

    /// Channels, low frequency effects included.
    pub const fn channels(&self) -> u8 {
        self.channels
    }
}

impl EnhancedConfig {
    /// Reads the body of `dec3`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] for a reserved sampling
    /// frequency.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let mut bits = BitReader::new(&raw);
        bits.bits(13, "data_rate")?;
        bits.bits(3, "num_ind_sub")?;
        let sampling_frequency = frequency(&mut bits)?;
        bits.bits(7, "bsid")?;
        let channels = channels_behind(&mut bits, 3)?;
        Ok(Self { raw, sampling_frequency, channels })
    }

    /// What a sync frame (E.1.2) says, since Enhanced RTMP and MPEG-TS send no record.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), located in the frame; [`Error::Malformed`] where it is no
    /// E-AC-3; [`Error::Unsupported`] for half sampling frequencies, and a programme of more than
    /// one substream.
    pub fn of_frame(frame: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::new(frame);
        sync_word(&mut bits)?;
        let substream = bits.bits(5, "strmtyp")?;
        let size = (bits.bits(11, "frmsiz")? + 1) * 2;
        if substream & 7 != 0 || frame.len() > size as usize {
            let (field, value) = ("substreamid", u64::from(substream));
            return Err(Error::Unsupported { field, offset: 2, value });
        }
        let fscod = bits.bits(2, "fscod")?;
        let blocks = bits.bits(2, "numblkscod")?;
        if fscod == 3 {
            return Err(Error::Unsupported { field: "fscod2", offset: 4, value: blocks.into() });
        }
        let acmod = bits.bits(3, "acmod")?;
        let lfeon = bits.bits(1, "lfeon")?;
        let offset = bits.offset();
        let bsid = bits.bits(5, "bsid")?;
        if !(11..=16).contains(&bsid) {
            return Err(Error::Malformed { field: "bsid", offset, value: bsid.into() });
        }
        let samples = [256, 512, 768, FRAME_LENGTH][blocks as usize];
        let hz = FREQUENCIES.get(fscod as usize).copied().unwrap_or(48_000);
        // Kilobits a second.
        let rate = (size * 8 * (hz / 100)).div_ceil(samples * 10).min(0x1FFF);
        let [high, low] = ((rate << 3) as u16).to_be_bytes();
        let programme = fscod << 22 | bsid << 17 | acmod << 9 | lfeon << 8;
        let [_, bytes @ ..] = programme.to_be_bytes();
        Self::decode(Bytes::from([&[high, low][..], &bytes].concat()))
    }

    /// The body of `dec3`.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Samples a second.
    pub const fn sampling_frequency(&self) -> Timescale {
        self.sampling_frequency
    }

    /// Channels of the first independent substream, low frequency effects included.
    pub const fn channels(&self) -> u8 {
        self.channels
    }
}

/// `ac-3`.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ac-3")
    }
}

/// `ec-3`.
impl fmt::Display for EnhancedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ec-3")
    }
}

/// Samples in a sync frame of E-AC-3 (E.1.3.1.5); `None` where it is none.
pub fn enhanced_frame_samples(frame: &[u8]) -> Option<u32> {
    let &[0x0B, 0x77, _, _, codes, ..] = frame else { return None };
    let blocks = if codes >> 6 == 3 { 3 } else { codes >> 4 & 3 };
    Some([256, 512, 768, FRAME_LENGTH][usize::from(blocks)])
}

fn sync_word(bits: &mut BitReader<'_>) -> Result<(), Error> {
    let found = bits.bits(16, "syncword")?;
    if found != SYNC_WORD {
        return Err(Error::Malformed { field: "syncword", offset: 0, value: found.into() });
    }
    Ok(())
}

fn frequency(bits: &mut BitReader<'_>) -> Result<Timescale, Error> {
    let offset = bits.offset();
    let fscod = bits.bits(2, "fscod")?;
    let hz = FREQUENCIES.get(fscod as usize).copied().and_then(Timescale::new);
    hz.ok_or(Error::Malformed { field: "fscod", offset, value: fscod.into() })
}

fn channels(bits: &mut BitReader<'_>) -> Result<u8, Error> {
    let acmod = bits.bits(3, "acmod")?;
    let lfeon = bits.bits(1, "lfeon")?;
    Ok(CHANNELS[acmod as usize & 7] + lfeon as u8)
}

/// The same after so many bits of `bsmod`.
fn channels_behind(bits: &mut BitReader<'_>, count: u32) -> Result<u8, Error> {
    bits.bits(count, "bsmod")?;
    channels(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_and_a_frame_say_the_same() {
        // 48 kHz, bsid 8, 3/2 with effects, 448 kbit/s: frmsizecod 30.
        let config = Config::of_frame(&[0x0B, 0x77, 0, 0, 30, 8 << 3, 0xE0 | 1]).unwrap();
        assert_eq!(config.raw()[..], [0x10, 0x3D, 0xE0]);
        assert_eq!((config.sampling_frequency().hz(), config.channels()), (48_000, 6));
        assert_eq!(Config::decode(config.raw().clone()), Ok(config));
    }

    #[test]
    fn an_enhanced_frame() {
        // 768 bytes, 48 kHz, six blocks, stereo, bsid 16: 192 kbit/s.
        let frame = [0x0B, 0x77, 0x01, 0x7F, 0x34, 0x80];
        let config = EnhancedConfig::of_frame(&frame).unwrap();
        assert_eq!(config.raw()[..], [0x06, 0x00, 0x20, 0x04, 0x00]);
        assert_eq!((config.sampling_frequency().hz(), config.channels()), (48_000, 2));
        assert_eq!(enhanced_frame_samples(&frame), Some(1536));
    }

    #[test]
    fn other_frames_are_refused() {
        assert!(matches!(
            Config::of_frame(&[0x0B, 0x77, 0, 0, 30, 16 << 3, 0]),
            Err(Error::Malformed { field: "bsid", .. })
        ));
        assert!(matches!(
            EnhancedConfig::of_frame(&[0xFF, 0xFB, 0, 0, 0]),
            Err(Error::Malformed { field: "syncword", .. })
        ));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let frame = [&[0x0B, 0x77], &bytes[..]].concat();
            let _ = (Config::of_frame(&frame), EnhancedConfig::of_frame(&frame));
            let _ = enhanced_frame_samples(&frame);
            let raw = Bytes::from(bytes);
            let _ = (Config::decode(raw.clone()), EnhancedConfig::decode(raw));
        }
    }
}
