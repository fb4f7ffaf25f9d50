//! Opus: the `OpusSpecificBox` (Encapsulation of Opus in ISO Base Media File Format, 4.3.2) and the
//! identification header (RFC 7845, 5.1).

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Error, Timescale};

/// What a decoder of Opus must know, in the form of MP4's `dOps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    channels: u8,
    pre_skip: u16,
}

impl Config {
    /// The clock of all Opus, whatever was recorded (RFC 7845, 4).
    pub const SAMPLING_FREQUENCY: Timescale = Timescale::new(48_000).unwrap();

    /// Reads the body of MP4's `dOps`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] for another version or
    /// no channel.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let mut bits = BitReader::new(&raw);
        let version = bits.bits(8, "Version")?;
        if version != 0 {
            return Err(Error::Malformed { field: "Version", offset: 0, value: version.into() });
        }
        let channels = bits.bits(8, "OutputChannelCount")? as u8;
        if channels == 0 {
            return Err(Error::Malformed { field: "OutputChannelCount", offset: 1, value: 0 });
        }
        let pre_skip = bits.bits(16, "PreSkip")? as u16;
        bits.bits(32, "InputSampleRate")?;
        bits.bits(16, "OutputGain")?;
        if bits.bits(8, "ChannelMappingFamily")? != 0 {
            bits.bits(16, "StreamCount")?;
            bits.skip(8 * usize::from(channels), "ChannelMapping")?;
        }
        Ok(Self { raw, channels, pre_skip })
    }

    /// Reads an identification header, as Enhanced RTMP's sequence start carries it: the same
    /// fields, in the other order of bytes.
    ///
    /// # Errors
    ///
    /// Those of [`decode`](Self::decode), with offsets in the header less eight; and
    /// [`Error::Malformed`] for another signature.
    pub fn decode_header(header: &[u8]) -> Result<Self, Error> {
        let field = "Magic Signature";
        let Some(fields) = header.strip_prefix(b"OpusHead") else {
            let value = header.first().copied().map_or(0, u64::from);
            return Err(Error::Malformed { field, offset: 0, value });
        };
        let Some((&[version, channels, s0, s1, r0, r1, r2, r3, g0, g1, family], mapping)) =
            fields.split_first_chunk()
        else {
            return Err(Error::Truncated { field: "OutputChannelCount", offset: header.len() });
        };
        // Versions below 16 are compatible with 1.
        let version = u8::from(version > 15);
        let mut raw = vec![version, channels, s1, s0, r3, r2, r1, r0, g1, g0, family];
        if family != 0 {
            let len = mapping.len().min(2 + usize::from(channels));
            raw.extend_from_slice(mapping.get(..len).unwrap_or_default());
        }
        Self::decode(Bytes::from(raw))
    }

    /// The body of `dOps`.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Channels.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Samples of 48 kHz at the start that are not for listening.
    pub const fn pre_skip(&self) -> u16 {
        self.pre_skip
    }
}

/// `Opus`.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opus")
    }
}

/// Samples of 48 kHz in a packet (RFC 6716, 3.1 and 3.2); `None` where it is none, or longer than
/// the 120 ms a packet can be.
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let samples = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3F),
    };
    let total = samples * frames;
    (1..=5760).contains(&total).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let header = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
        let config = Config::decode_header(header).unwrap();
        assert_eq!(config.raw()[..], *b"\0\x02\x01\x38\0\0\xBB\x80\0\0\0");
        assert_eq!((config.channels(), config.pre_skip()), (2, 312));
        assert_eq!(Config::decode(config.raw().clone()), Ok(config));
    }

    #[test]
    fn surround_has_a_mapping() {
        let header = b"OpusHead\x01\x06\0\0\x80\xBB\0\0\0\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
        let config = Config::decode_header(header).unwrap();
        assert_eq!(config.raw().len(), 19);
        assert_eq!(
            Config::decode_header(&header[..header.len() - 1]),
            Err(Error::Truncated { field: "ChannelMapping", offset: 13 })
        );
    }

    #[test]
    fn packets_tell_how_long_they_are() {
        assert_eq!(packet_samples(&[0xFC]), Some(960)); // CELT, 20 ms
        assert_eq!(packet_samples(&[0x09]), Some(1920)); // SILK, two of 20 ms
        assert_eq!(packet_samples(&[0x1B, 0x02]), Some(5760)); // SILK, two of 60 ms
        assert_eq!(packet_samples(&[0x1B, 0x03]), None);
        assert_eq!(packet_samples(&[0xFF]), None);
        assert_eq!(packet_samples(&[]), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            let _ = packet_samples(&bytes);
            let _ = Config::decode_header(&[b"OpusHead", &bytes[..]].concat());
            let _ = Config::decode(Bytes::from(bytes));
        }
    }
}
