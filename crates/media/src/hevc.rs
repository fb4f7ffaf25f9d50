//! HEVC: the `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1) and what its sequence
//! parameter set says of the picture.

use std::fmt;

use bytes::Bytes;

use crate::parameter_sets::{Coding, Kind, Sets, check_length_size};
use crate::{Declared, Error};

mod record;
mod sps;

pub use sps::Sps;
pub(crate) use sps::id as sps_id;

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
    pub(crate) declared: Declared,
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
        let declared = Declared::default();
        Ok(Self { raw, length_size, parameter_sets, sps, declared })
    }

    /// The configuration of a stream that sends its parameter sets between its pictures only: what an
    /// access unit says that carries them, as a key frame does. `data` is shaped as
    /// [`Sample::data`](crate::Sample::data) is, with lengths of `length_size` bytes: 1, 2 or 4.
    /// `None` where a video, a sequence or a picture parameter set is missing.
    ///
    /// # Errors
    ///
    /// Those of [`in_band`](Self::in_band); [`Error::Malformed`] for another `length_size`.
    pub fn of_access_unit(data: &[u8], length_size: u8) -> Result<Option<Self>, Error> {
        check_length_size(length_size)?;
        match Coding::Hevc.sets_from([].iter(), data, length_size)? {
            Some(sets) if sets.have(&[Kind::Video, Kind::Sequence, Kind::Picture]) => {
                Self::of_sets(&sets, length_size).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The configuration that holds from an access unit on: this one with the parameter sets of the
    /// base layer that the unit carries, each in the place of the one with its id. `None` where they
    /// say nothing new.
    ///
    /// `data` is shaped as [`Sample::data`](crate::Sample::data) is. It is looked at up to its first
    /// slice, and nothing is allocated where all sets in it are known and there is one sequence
    /// parameter set. Where there are several, the one that the picture refers to becomes the first,
    /// so that [`sps`](Self::sps) speaks of it. The record is written anew, without the messages that
    /// it may have held, and shares no bytes with `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a NAL unit or the start of a set is cut short;
    /// [`Error::Malformed`] for an id that is out of range, and for a sequence parameter set that
    /// describes no picture; [`Error::Unsupported`] for an access unit with more sets than there are
    /// ids, and for a set of more than 4096 bytes. Offsets count from the start of `data`, inside a
    /// set from its header.
    pub fn in_band(&self, data: &[u8]) -> Result<Option<Self>, Error> {
        let held = self.parameter_sets.iter();
        let Some(sets) = Coding::Hevc.sets_from(held, data, self.length_size)? else {
            return Ok(None);
        };
        let mut config = Self::of_sets(&sets, self.length_size)?;
        config.declared = self.declared;
        // What a record says of profile and level: bytes 1 to 12.
        let general = |config: &Self| config.raw.first_chunk::<13>().map(|[_, rest @ ..]| *rest);
        let says_more = config.sps != self.sps || general(&config) != general(self);
        Ok(Some(config).filter(|_| sets.new || says_more))
    }

    fn of_sets(sets: &Sets<'_>, length_size: u8) -> Result<Self, Error> {
        Self::decode(record::record(&sets.sets, length_size)?)
    }

    /// The record as it came or as [`in_band`](Self::in_band) wrote it, for `hvcC` and for passing on.
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
