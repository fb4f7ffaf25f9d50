//! AV1: the `AV1CodecConfigurationRecord` (AV1 Codec ISO Media File Format Binding, 2.3.3) and what
//! its sequence header says of the picture.

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Colour, Declared, Error};

mod sequence;

pub use sequence::Sequence;

/// `OBU_SEQUENCE_HEADER` (AV1 Bitstream, 6.2.2).
const SEQUENCE_HEADER: u32 = 1;

/// A decoded `AV1CodecConfigurationRecord`, and the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    seq_profile: u8,
    seq_level_idx: u8,
    high_tier: bool,
    bit_depth: u8,
    monochrome: bool,
    /// `chroma_subsampling_x`, `_y` and `chroma_sample_position`, a digit each.
    chroma: [u8; 3],
    sequence: Option<Sequence>,
    pub(crate) declared: Declared,
}

impl Config {
    /// Reads a record, as Enhanced RTMP's sequence start and MP4's `av1C` carry it.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing, in the sequence header too;
    /// [`Error::Malformed`] for another version or a broken sequence header.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let mut bits = BitReader::new(&raw);
        let version = bits.bits(8, "version")?;
        if version != 0x81 {
            return Err(Error::Malformed { field: "version", offset: 0, value: version.into() });
        }
        let seq_profile = bits.bits(3, "seq_profile")? as u8;
        let seq_level_idx = bits.bits(5, "seq_level_idx_0")? as u8;
        let high_tier = bits.flag("seq_tier_0")?;
        let high = bits.flag("high_bitdepth")?;
        let twelve = bits.flag("twelve_bit")?;
        let monochrome = bits.flag("monochrome")?;
        let chroma = [
            bits.bits(1, "chroma_subsampling_x")? as u8,
            bits.bits(1, "chroma_subsampling_y")? as u8,
            bits.bits(2, "chroma_sample_position")? as u8,
        ];
        bits.bits(8, "initial_presentation_delay_present")?;
        let sequence = match raw.get(4..) {
            Some(units) if !units.is_empty() => sequence_header(units)?,
            _ => None,
        };
        Ok(Self {
            seq_profile,
            seq_level_idx,
            high_tier,
            bit_depth: match (high, twelve) {
                (true, true) => 12,
                (true, false) => 10,
                _ => 8,
            },
            monochrome,
            chroma,
            sequence,
            declared: Declared::default(),
            raw,
        })
    }

    /// The record as it came, for `av1C` and for passing on.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Bits a sample: 8, 10 or 12.
    pub const fn bit_depth(&self) -> u8 {
        self.bit_depth
    }

    /// The sequence header, where the record holds one, as it should.
    pub const fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }
}

/// `av01.0.04M.08` (AV1 Codec ISO Media File Format Binding, 5), with the optional part where the
/// picture differs from BT.709, 4:2:0, limited range.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tier = if self.high_tier { 'H' } else { 'M' };
        let (profile, level, depth) = (self.seq_profile, self.seq_level_idx, self.bit_depth);
        write!(f, "av01.{profile}.{level:02}{tier}.{depth:02}")?;
        let default = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };
        let stated = self.sequence.and_then(|sequence| sequence.colour);
        let colour = stated.unwrap_or(default);
        let [x, y, position] = self.chroma;
        if colour == default && [x, y] == [1, 1] && !self.monochrome {
            return Ok(());
        }
        let Colour { primaries, transfer, matrix, full_range } = colour;
        let (mono, range) = (u8::from(self.monochrome), u8::from(full_range));
        write!(f, ".{mono}.{x}{y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{range}")
    }
}

/// The sequence header among open bitstream units (AV1 Bitstream, 5.3).
fn sequence_header(units: &[u8]) -> Result<Option<Sequence>, Error> {
    let mut at = 0;
    while let Some(unit) = units.get(at..).filter(|unit| !unit.is_empty()) {
        let mut bits = BitReader::new(unit);
        bits.flag("obu_forbidden_bit")?;
        let kind = bits.bits(4, "obu_type")?;
        let extended = bits.flag("obu_extension_flag")?;
        let sized = bits.flag("obu_has_size_field")?;
        bits.flag("obu_reserved_1bit")?;
        if extended {
            bits.bits(8, "temporal_id")?;
        }
        let size = if sized { leb128(&mut bits)? } else { unit.len() - bits.offset() };
        let start = bits.offset();
        let Some(payload) = start.checked_add(size).and_then(|end| unit.get(start..end)) else {
            return Err(Error::Truncated { field: "obu_size", offset: at });
        };
        if kind == SEQUENCE_HEADER {
            return Sequence::decode(payload).map(Some);
        }
        at += start + size;
    }
    Ok(None)
}

/// `leb128()` (AV1 Bitstream, 4.10.5): up to eight bytes, of which no value fills more than 32 bits.
fn leb128(bits: &mut BitReader<'_>) -> Result<usize, Error> {
    let (field, offset) = ("obu_size", bits.offset());
    let mut value = 0;
    for shift in (0..56).step_by(7) {
        let byte = u64::from(bits.bits(8, field)?);
        value |= (byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            let size = u32::try_from(value).ok().and_then(|size| usize::try_from(size).ok());
            return size.ok_or(Error::Malformed { field, offset, value });
        }
    }
    Err(Error::Malformed { field, offset, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// SVT-AV1, 320x180, Main, 25 fps, as ffmpeg writes it.
    const SVT: &[u8] = include_bytes!("av1/svt.bin");

    #[test]
    fn reads_the_record_and_its_sequence_header() {
        let config = Config::decode(Bytes::from_static(SVT)).unwrap();
        assert_eq!(config.to_string(), "av01.0.00M.08");
        let sequence = config.sequence().unwrap();
        assert_eq!((sequence.width, sequence.height), (320, 180));
    }

    #[test]
    fn what_differs_from_the_usual_is_spelt_out() {
        let config = Config::decode(Bytes::from_static(&[0x81, 0x20 | 4, 0xC0, 0])).unwrap();
        assert_eq!(config.to_string(), "av01.1.04H.10.0.000.01.01.01.0");
        assert_eq!(config.sequence(), None);
    }

    #[test]
    fn sizes_may_be_padded_to_eight_bytes() {
        let [head @ .., _] = SVT.first_chunk::<6>().unwrap();
        let (size, payload) = (SVT[5], &SVT[6..]);
        assert_eq!((head[4], usize::from(size)), (0x0A, payload.len()));
        let decode =
            |bytes: &[u8]| Config::decode(Bytes::from([&head[..], bytes, payload].concat()));
        let plain = decode(&[size]).unwrap();
        for zeros in 0..7 {
            let padded = [&[size | 0x80][..], &vec![0x80; zeros], &[0]].concat();
            assert_eq!(decode(&padded).unwrap().sequence(), plain.sequence(), "{zeros}");
        }
        // A ninth byte, and a value of 33 bits.
        for size in [&[0x80; 9][..], &[0x80, 0x80, 0x80, 0x80, 0x10]] {
            assert!(matches!(decode(size), Err(Error::Malformed { field: "obu_size", .. })));
        }
    }

    #[test]
    fn a_full_range_is_known_without_a_colour() {
        // `color_range`, behind `color_description_present_flag`.
        let mut full = SVT.to_vec();
        full[15] |= 0x08;
        let config = Config::decode(Bytes::from(full)).unwrap();
        let colour = config.sequence().unwrap().colour.unwrap();
        assert!(colour.full_range);
        assert_eq!((colour.primaries, colour.transfer, colour.matrix), (2, 2, 2));
        assert_eq!(config.to_string(), "av01.0.00M.08.0.110.02.02.02.1");
    }

    #[test]
    fn bad_records_are_located() {
        let decode = |bytes: &[u8]| Config::decode(Bytes::copy_from_slice(bytes));
        assert_eq!(decode(&[]), Err(Error::Truncated { field: "version", offset: 0 }));
        assert!(matches!(decode(&[1, 0, 0, 0]), Err(Error::Malformed { field: "version", .. })));
        assert_eq!(
            decode(&SVT[..SVT.len() - 1]),
            Err(Error::Truncated { field: "obu_size", offset: 0 })
        );
    }

    proptest! {
        #[test]
        fn a_flipped_bit_never_panics(at in 0..SVT.len(), bit in 0..8u8) {
            let mut bytes = SVT.to_vec();
            bytes[at] ^= 1 << bit;
            let _ = Config::decode(Bytes::from(bytes)).map(|config| config.to_string());
        }
    }
}
