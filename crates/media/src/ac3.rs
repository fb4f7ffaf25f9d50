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

    /// What a sync frame (E.1.2) says, since Enhanced RTMP and MPEG-TS send no record. Frames of fewer
    /// than six blocks may stand one behind another, as they do in a sample of a file.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), located in the first frame; [`Error::Malformed`] where it is
    /// no E-AC-3; [`Error::Unsupported`] for half sampling frequencies, and a programme of more than
    /// one substream, where the second is.
    pub fn of_frame(frame: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::new(frame);
        sync_word(&mut bits)?;
        let substream = bits.bits(5, "strmtyp")?;
        bits.bits(11, "frmsiz")?;
        if !is_first(substream as u8) {
            return Err(substreams(0, substream as u8));
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
        let (mut size, mut samples) = (0, 0);
        for frame in (SyncFrames { data: frame, at: 0 }) {
            if !is_first(frame.substream) {
                return Err(substreams(frame.offset, frame.substream));
            }
            size += frame.size as u64;
            samples += u64::from(frame.samples);
        }
        let hz = FREQUENCIES.get(fscod as usize).copied().unwrap_or(48_000);
        // Kilobits a second.
        let rate = (size * 8 * u64::from(hz / 100)).div_ceil(samples.max(1) * 10).min(0x1FFF);
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

/// Samples in the sync frames of E-AC-3 that make up a sample (E.1.3.1.5), which in a file are as many
/// as have six blocks together; those of other substreams than the first sound at the same time, and
/// do not count. `None` where it is none.
pub fn enhanced_frame_samples(frame: &[u8]) -> Option<u32> {
    let mut frames = SyncFrames { data: frame, at: 0 };
    let first = frames.next()?.samples;
    let more = frames.filter(|frame| is_first(frame.substream));
    Some(more.fold(first, |sum, frame| sum.saturating_add(frame.samples)))
}

/// The sync frames of E-AC-3 in a sample, one behind another; ends at anything else.
#[derive(Debug)]
struct SyncFrames<'a> {
    data: &'a [u8],
    at: usize,
}

/// What the start of a sync frame says.
#[derive(Debug)]
struct SyncFrame {
    offset: usize,
    /// `strmtyp` and `substreamid`.
    substream: u8,
    /// Its bytes.
    size: usize,
    samples: u32,
}

impl Iterator for SyncFrames<'_> {
    type Item = SyncFrame;

    fn next(&mut self) -> Option<SyncFrame> {
        let offset = self.at;
        let &[0x0B, 0x77, kind, size, codes, ..] = self.data.get(offset..)? else { return None };
        let size = usize::from(u16::from_be_bytes([kind & 7, size])) * 2 + 2;
        self.at += size;
        // Half a sampling frequency takes the place of `numblkscod`; it goes with six.
        let blocks = if codes >> 6 == 3 { 3 } else { codes >> 4 & 3 };
        let samples = [256, 512, 768, FRAME_LENGTH][usize::from(blocks)];
        Some(SyncFrame { offset, substream: kind >> 3, size, samples })
    }
}

/// Whether it is the first independent substream: `strmtyp` 0, or 2 of what was AC-3 once.
const fn is_first(substream: u8) -> bool {
    matches!(substream, 0 | 0b10_000)
}

/// A programme of more than one substream.
fn substreams(offset: usize, substream: u8) -> Error {
    let field = "substreamid";
    Error::Unsupported { field, offset: offset + 2, value: substream.into() }
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

    /// `count` frames of `numblkscod` blocks, 128 bytes each, of a substream.
    fn frames(substream: u8, numblkscod: u8, count: usize) -> Vec<u8> {
        let mut frame = vec![0x0B, 0x77, substream << 3, 63, numblkscod << 4 | 4, 0x80];
        frame.resize(128, 0);
        frame.repeat(count)
    }

    #[test]
    fn frames_of_few_blocks_are_counted_together() {
        for (numblkscod, count) in [(0, 6), (1, 3), (2, 2), (3, 1)] {
            let sample = frames(0, numblkscod, count);
            assert_eq!(enhanced_frame_samples(&sample), Some(1536));
            let config = EnhancedConfig::of_frame(&sample).unwrap();
            // Kilobits a second: 128 bytes a frame.
            let rate = u16::from_be_bytes([config.raw()[0], config.raw()[1]]) >> 3;
            assert_eq!(rate, 32 * count as u16, "{numblkscod}");
            assert_eq!(config.channels(), 2);
        }
        // A dependent substream sounds along with the first, in the same time.
        let both = [frames(0, 1, 1), frames(0b01_000, 1, 1)].concat().repeat(3);
        assert_eq!(enhanced_frame_samples(&both), Some(1536));
        assert!(matches!(
            EnhancedConfig::of_frame(&both),
            Err(Error::Unsupported { field: "substreamid", offset: 130, value: 8 })
        ));
        // Zeros behind a frame are no frame.
        let padded = [frames(0, 3, 1), vec![0; 9]].concat();
        assert_eq!(enhanced_frame_samples(&padded), Some(1536));
        assert!(EnhancedConfig::of_frame(&padded).is_ok());
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
