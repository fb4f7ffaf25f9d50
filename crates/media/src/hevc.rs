//! HEVC: the `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1) and what its sequence
//! parameter set says of the picture.

use std::fmt;

use bytes::Bytes;

use crate::Error;

mod sps;

pub use sps::Sps;

/// `nal_unit_type` of parameter sets (ISO/IEC 23008-2, table 7-1).
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;

/// A decoded `HEVCDecoderConfigurationRecord`, and the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    length_size: u8,
    parameter_sets: Vec<Bytes>,
    sps: Sps,
}

impl Config {
    /// Reads a record, as Enhanced RTMP's sequence start and MP4's `hvcC` carry it. The parameter
    /// sets are slices of `raw`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field or a parameter set is cut short; [`Error::Malformed`] for
    /// a version other than 1 (or 0, which early encoders wrote), a NAL length of three bytes, no
    /// sequence parameter set, or one that describes no picture.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let version = byte(&raw, 0, "configurationVersion")?;
        if version > 1 {
            let (field, value) = ("configurationVersion", u64::from(version));
            return Err(Error::Malformed { field, offset: 0, value });
        }
        let length_size = (byte(&raw, 21, "lengthSizeMinusOne")? & 3) + 1;
        if length_size == 3 {
            return Err(Error::Malformed { field: "lengthSizeMinusOne", offset: 21, value: 2 });
        }
        let arrays = byte(&raw, 22, "numOfArrays")?;
        let mut at = 23;
        let mut parameter_sets = Vec::new();
        for _ in 0..arrays {
            let kind = byte(&raw, at, "NAL_unit_type")? & 0x3F;
            let count = length(&raw, at + 1, "numNalus")?;
            at += 3;
            for _ in 0..count {
                let start = at + 2;
                let end = start + length(&raw, at, "nalUnitLength")?;
                if end > raw.len() {
                    return Err(Error::Truncated { field: "nalUnit", offset: start });
                }
                if matches!(kind, VPS | SPS | PPS) {
                    parameter_sets.push(raw.slice(start..end));
                }
                at = end;
            }
        }
        // Video, sequence, picture: the order they refer to each other in.
        parameter_sets.sort_by_key(|set| nal_type(set));
        let sps = parameter_sets.iter().find(|set| nal_type(set) == SPS);
        let sps = sps.ok_or(Error::Malformed { field: "numOfArrays", offset: 22, value: 0 })?;
        let sps = Sps::decode(sps)?;
        Ok(Self { raw, length_size, parameter_sets, sps })
    }

    /// The record as it came, for `hvcC` and for passing on.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Bytes in the length before each NAL unit of a sample: 1, 2 or 4.
    pub const fn length_size(&self) -> u8 {
        self.length_size
    }

    /// Video, sequence and picture parameter sets, in this order; each a NAL unit with its header,
    /// no start code.
    pub fn parameter_sets(&self) -> &[Bytes] {
        &self.parameter_sets
    }

    /// What the first sequence parameter set says.
    pub const fn sps(&self) -> &Sps {
        &self.sps
    }
}

/// `hvc1.1.6.L93.B0` and the like (ISO/IEC 14496-15, annex E).
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(general) = self.raw.first_chunk::<13>() else { return Ok(()) };
        let [_, profile, compatibility @ .., level] = general;
        let Some((compatibility, constraints)) = compatibility.split_first_chunk() else {
            return Ok(());
        };
        f.write_str("hvc1.")?;
        match profile >> 6 {
            0 => {}
            space => write!(f, "{}", char::from(b'A' + space - 1))?,
        }
        let compatibility = u32::from_be_bytes(*compatibility).reverse_bits();
        let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
        write!(f, "{}.{compatibility:X}.{tier}{level}", profile & 0x1F)?;
        let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        constraints.iter().take(used).try_for_each(|byte| write!(f, ".{byte:X}"))
    }
}

/// `nal_unit_type` of a NAL unit.
fn nal_type(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |byte| byte >> 1 & 0x3F)
}

fn byte(raw: &Bytes, offset: usize, field: &'static str) -> Result<u8, Error> {
    raw.get(offset).copied().ok_or(Error::Truncated { field, offset })
}

fn length(raw: &Bytes, offset: usize, field: &'static str) -> Result<usize, Error> {
    let bytes = [byte(raw, offset, field)?, byte(raw, offset + 1, field)?];
    Ok(usize::from(u16::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// x265, 320x180, Main, 25 fps, as ffmpeg writes it; the SEI message it adds is left out.
    pub(super) const X265: &[u8] = include_bytes!("hevc/x265.bin");

    #[test]
    fn reads_the_record() {
        let config = Config::decode(Bytes::from_static(X265)).unwrap();
        assert_eq!(config.to_string(), "hvc1.1.6.L60.90");
        assert_eq!(config.length_size(), 4);
        let kinds: Vec<_> = config.parameter_sets().iter().map(|set| nal_type(set)).collect();
        assert_eq!(kinds, [VPS, SPS, PPS]);
    }

    #[test]
    fn bad_records_are_located() {
        let decode = |bytes: &[u8]| Config::decode(Bytes::copy_from_slice(bytes));
        assert_eq!(decode(&[]), Err(Error::Truncated { field: "configurationVersion", offset: 0 }));
        assert_eq!(decode(&X265[..22]), Err(Error::Truncated { field: "numOfArrays", offset: 22 }));
        let mut none = X265[..22].to_vec();
        none.push(0);
        assert!(matches!(decode(&none), Err(Error::Malformed { field: "numOfArrays", .. })));
        assert!(matches!(decode(&X265[..40]), Err(Error::Truncated { field: "nalUnit", .. })));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_never_panics(at in 0..X265.len(), bit in 0..8u8) {
            let mut bytes = X265.to_vec();
            bytes[at] ^= 1 << bit;
            let _ = Config::decode(Bytes::from(bytes)).map(|config| config.to_string());
        }

        #[test]
        fn a_cut_never_panics(at in 0..X265.len()) {
            let _ = Config::decode(Bytes::copy_from_slice(&X265[..at]));
        }
    }
}
