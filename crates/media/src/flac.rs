//! FLAC: the metadata blocks that a decoder must know (RFC 9639, 8; Encapsulation of FLAC in ISO
//! Base Media File Format, 3.3.2).

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Error, Timescale};

/// The signature of a native file; Enhanced RTMP's sequence start carries it, `dfLa` does not.
const MARKER: &[u8] = b"fLaC";

/// Bytes of a `STREAMINFO` block with its header.
const STREAMINFO: usize = 4 + 34;

/// `STREAMINFO`, and the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    sampling_frequency: Timescale,
    channels: u8,
    bits: u8,
    block_size: Option<u16>,
}

impl Config {
    /// Reads metadata blocks, with or without the file's signature before them: the body of MP4's
    /// `dfLa` behind its version and flags, or Enhanced RTMP's sequence start.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] where the first block is
    /// not `STREAMINFO`, or names no sampling frequency.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let raw = if raw.starts_with(MARKER) { raw.slice(MARKER.len()..) } else { raw };
        let mut bits = BitReader::new(&raw);
        bits.flag("last-metadata-block-flag")?;
        let kind = bits.bits(7, "BLOCK_TYPE")?;
        if kind != 0 {
            return Err(Error::Malformed { field: "BLOCK_TYPE", offset: 0, value: kind.into() });
        }
        bits.bits(24, "length")?;
        let smallest = bits.bits(16, "minimum block size")? as u16;
        let largest = bits.bits(16, "maximum block size")? as u16;
        bits.skip(48, "frame size")?;
        let offset = bits.offset();
        let hz = bits.bits(20, "sample rate")?;
        let sampling_frequency = Timescale::new(hz).ok_or(Error::Malformed {
            field: "sample rate",
            offset,
            value: 0,
        })?;
        let channels = bits.bits(3, "channels")? as u8 + 1;
        let depth = bits.bits(5, "bits per sample")? as u8 + 1;
        bits.skip(36 + 128, "MD5")?;
        let block_size = (smallest == largest && smallest > 0).then_some(smallest);
        Ok(Self { raw, sampling_frequency, channels, bits: depth, block_size })
    }

    /// The metadata blocks, without signature.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The `STREAMINFO` block alone, marked as the last.
    pub fn stream_info(&self) -> Bytes {
        let mut block = self.raw.get(..STREAMINFO).unwrap_or_default().to_vec();
        if let Some(first) = block.first_mut() {
            *first |= 0x80;
        }
        Bytes::from(block)
    }

    /// Samples a second.
    pub const fn sampling_frequency(&self) -> Timescale {
        self.sampling_frequency
    }

    /// Channels.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Bits a sample.
    pub const fn bits_per_sample(&self) -> u8 {
        self.bits
    }

    /// Samples in a frame, where all but the last have the same.
    pub const fn block_size(&self) -> Option<u16> {
        self.block_size
    }
}

/// `fLaC`.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fLaC")
    }
}

/// Samples in a frame, as its header says (RFC 9639, 9.1.1); `None` where it is no frame.
pub fn frame_samples(frame: &[u8]) -> Option<u32> {
    let &[0xFF, sync, sizes, _, first, ..] = frame else { return None };
    if sync & 0xFE != 0xF8 {
        return None;
    }
    // The frame's or the first sample's number, coded like UTF-8, stands before a size of its own.
    let number = match first.leading_ones() {
        0 => 1,
        ones @ 2..=7 => ones as usize,
        _ => return None,
    };
    let own = |at: usize| frame.get(4 + number + at).copied().map(u32::from);
    Some(match sizes >> 4 {
        0 => return None,
        1 => 192,
        bits @ 2..=5 => 576 << (bits - 2),
        6 => own(0)? + 1,
        7 => (own(0)? << 8 | own(1)?) + 1,
        bits => 256 << (bits - 8),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 48 kHz, stereo, 16 bit, blocks of 4608.
    fn stream_info() -> Vec<u8> {
        let mut info = vec![0x80, 0, 0, 34, 0x12, 0, 0x12, 0, 0, 0, 0, 0, 0, 0];
        info.extend([0x0B, 0xB8, 0x02, 0xF0, 0, 0, 0, 0]);
        info.extend([0; 16]);
        info
    }

    #[test]
    fn with_and_without_the_signature() {
        let config = Config::decode(Bytes::from(stream_info())).unwrap();
        assert_eq!(config.sampling_frequency().hz(), 48_000);
        assert_eq!((config.channels(), config.bits_per_sample()), (2, 16));
        assert_eq!(config.block_size(), Some(4608));
        let signed = Config::decode(Bytes::from([MARKER, &stream_info()].concat())).unwrap();
        assert_eq!(signed, config);
        assert_eq!(config.stream_info()[..], stream_info());
    }

    #[test]
    fn frames_tell_how_long_they_are() {
        assert_eq!(frame_samples(&[0xFF, 0xF8, 0xC9, 0x18, 0x00]), Some(4096));
        assert_eq!(frame_samples(&[0xFF, 0xF8, 0x59, 0x18, 0x00]), Some(4608));
        assert_eq!(frame_samples(&[0xFF, 0xF8, 0x79, 0x18, 0xC2, 0x80, 0x0F, 0xFF]), Some(4096));
        assert_eq!(frame_samples(&[0xFF, 0xFB, 0x79, 0x18, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
            let _ = frame_samples(&[&[0xFF, 0xF8], &bytes[..]].concat());
            let _ = Config::decode(Bytes::from([&[0], &bytes[..]].concat()));
        }
    }
}
