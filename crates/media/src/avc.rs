//! H.264: the `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1) and what its sequence
//! parameter set says of the picture.

use std::fmt;

use bytes::Bytes;

use crate::parameter_sets::{Coding, Kind, Sets, check_length_size};
use crate::{Declared, Error};

mod record;
mod sps;

pub use sps::Sps;
pub(crate) use sps::at_most;

pub use crate::Colour;

/// A decoded `AVCDecoderConfigurationRecord`, and the bytes it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    length_size: u8,
    sequence_parameter_sets: Vec<Bytes>,
    picture_parameter_sets: Vec<Bytes>,
    sps: Sps,
    pub(crate) declared: Declared,
}

impl Config {
    /// Reads a record, as FLV's AVC sequence header and MP4's `avcC` carry it.
    ///
    /// Extension fields after the picture parameter sets are kept in [`raw`](Self::raw) and not
    /// looked at. The parameter sets are slices of `raw`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field or a parameter set is cut short; [`Error::Malformed`]
    /// for a version other than 1, a NAL length of three bytes, no sequence parameter set, or a
    /// sequence parameter set that describes no picture.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        let version = byte(&raw, 0, "configurationVersion")?;
        if version != 1 {
            return Err(Error::Malformed {
                field: "configurationVersion",
                offset: 0,
                value: u64::from(version),
            });
        }
        let length_size = (byte(&raw, 4, "lengthSizeMinusOne")? & 3) + 1;
        if length_size == 3 {
            return Err(Error::Malformed { field: "lengthSizeMinusOne", offset: 4, value: 2 });
        }
        let sps_count = byte(&raw, 5, "numOfSequenceParameterSets")? & 0x1F;
        let mut at = 6;
        let sequence_parameter_sets =
            parameter_sets(&raw, &mut at, sps_count, "sequenceParameterSetNALUnit")?;
        let pps_count = byte(&raw, at, "numOfPictureParameterSets")?;
        at += 1;
        let picture_parameter_sets =
            parameter_sets(&raw, &mut at, pps_count, "pictureParameterSetNALUnit")?;
        let first = sequence_parameter_sets.first().ok_or(Error::Malformed {
            field: "numOfSequenceParameterSets",
            offset: 5,
            value: 0,
        })?;
        let sps = Sps::decode(first)?;
        let declared = Declared::default();
        Ok(Self {
            raw,
            length_size,
            sequence_parameter_sets,
            picture_parameter_sets,
            sps,
            declared,
        })
    }

    /// The configuration of a stream that sends its parameter sets between its pictures only: what an
    /// access unit says that carries them, as a key frame does. `data` is shaped as
    /// [`Sample::data`](crate::Sample::data) is, with lengths of `length_size` bytes: 1, 2 or 4.
    /// `None` where a sequence or a picture parameter set is missing.
    ///
    /// # Errors
    ///
    /// Those of [`in_band`](Self::in_band); [`Error::Malformed`] for another `length_size`.
    pub fn of_access_unit(data: &[u8], length_size: u8) -> Result<Option<Self>, Error> {
        check_length_size(length_size)?;
        match Coding::Avc.sets_from([].iter(), data, length_size)? {
            Some(sets) if sets.have(&[Kind::Sequence, Kind::Picture]) => {
                Self::of_sets(&sets, length_size).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The configuration that holds from an access unit on: this one with the parameter sets that
    /// the unit carries, each in the place of the one with its id. `None` where they say nothing new.
    ///
    /// `data` is shaped as [`Sample::data`](crate::Sample::data) is. It is looked at up to its first
    /// slice, and nothing is allocated where all sets in it are known and there is one sequence
    /// parameter set. Where there are several, the one that the picture refers to becomes the first,
    /// so that [`sps`](Self::sps) speaks of it. The record is written anew, without the extensions of
    /// sequence parameter sets that it may have had, and shares no bytes with `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a NAL unit or the start of a set is cut short;
    /// [`Error::Malformed`] for an id that is out of range, and for a sequence parameter set that
    /// describes no picture; [`Error::Unsupported`] for more sets than a record can hold (31
    /// sequence, 255 picture parameter sets), in the unit or together, and for one of more than
    /// 4096 bytes. Offsets count from the start of `data`, inside a set from its header.
    pub fn in_band(&self, data: &[u8]) -> Result<Option<Self>, Error> {
        let held = self.sequence_parameter_sets.iter().chain(&self.picture_parameter_sets);
        let Some(sets) = Coding::Avc.sets_from(held, data, self.length_size)? else {
            return Ok(None);
        };
        let mut config = Self::of_sets(&sets, self.length_size)?;
        config.declared = self.declared;
        let says_more = config.sps != self.sps;
        Ok(Some(config).filter(|_| sets.new || says_more))
    }

    fn of_sets(sets: &Sets<'_>, length_size: u8) -> Result<Self, Error> {
        Self::decode(record::record(&sets.sets, length_size)?)
    }

    /// The record as it came or as [`in_band`](Self::in_band) wrote it, for `avcC` and for passing on.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Bytes in the length before each NAL unit of a sample: 1, 2 or 4.
    pub const fn length_size(&self) -> u8 {
        self.length_size
    }

    /// Sequence parameter sets, at least one; each a NAL unit with its header, no start code.
    pub fn sequence_parameter_sets(&self) -> &[Bytes] {
        &self.sequence_parameter_sets
    }

    /// Picture parameter sets; each a NAL unit with its header, no start code.
    pub fn picture_parameter_sets(&self) -> &[Bytes] {
        &self.picture_parameter_sets
    }

    /// What the first sequence parameter set says.
    pub const fn sps(&self) -> &Sps {
        &self.sps
    }
}

/// `avc1.PPCCLL` in capital hexadecimal (RFC 6381, 3.3), taken from the sequence parameter set.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sps = &self.sps;
        write!(f, "avc1.{:02X}{:02X}{:02X}", sps.profile_idc, sps.constraint_flags, sps.level_idc)
    }
}

fn byte(raw: &Bytes, offset: usize, field: &'static str) -> Result<u8, Error> {
    raw.get(offset).copied().ok_or(Error::Truncated { field, offset })
}

fn parameter_sets(
    raw: &Bytes,
    at: &mut usize,
    count: u8,
    field: &'static str,
) -> Result<Vec<Bytes>, Error> {
    let mut sets = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let high = byte(raw, *at, field)?;
        let low = byte(raw, *at + 1, field)?;
        let start = *at + 2;
        let end = start + usize::from(u16::from_be_bytes([high, low]));
        if end > raw.len() {
            return Err(Error::Truncated { field, offset: *at });
        }
        sets.push(raw.slice(start..end));
        *at = end;
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// x264, 640x360, High, 30 fps, BT.709, as ffmpeg writes it.
    pub(super) const X264: &[u8] = &[
        0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40,
        0xA0, 0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00,
        0x00, 0x03, 0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB,
        0x22, 0xC0, 0xFD, 0xF8, 0xF8, 0x00,
    ];

    #[test]
    fn reads_the_record() {
        let mut raw = X264.to_vec();
        // Replace the sets by the smallest legal ones, so that every byte is accounted for.
        raw.truncate(5);
        raw.extend([
            0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69, 1, 0, 2, 0x68, 0xCE,
        ]);
        let config = Config::decode(Bytes::from(raw)).unwrap();
        assert_eq!(config.to_string(), "avc1.42C00D");
        assert_eq!(config.length_size(), 4);
        assert_eq!(config.picture_parameter_sets(), [Bytes::from_static(&[0x68, 0xCE])]);
    }

    #[test]
    fn bad_records_are_located() {
        let decode = |bytes: &[u8]| Config::decode(Bytes::copy_from_slice(bytes));
        assert_eq!(decode(&[]), Err(Error::Truncated { field: "configurationVersion", offset: 0 }));
        assert!(matches!(
            decode(&[2]),
            Err(Error::Malformed { field: "configurationVersion", .. })
        ));
        assert_eq!(
            decode(&[1, 0x64, 0, 0x1E, 0xFE, 0xE1]),
            Err(Error::Malformed { field: "lengthSizeMinusOne", offset: 4, value: 2 })
        );
        assert_eq!(
            decode(&X264[..20]),
            Err(Error::Truncated { field: "sequenceParameterSetNALUnit", offset: 6 })
        );
        assert_eq!(
            decode(&[1, 0x64, 0, 0x1E, 0xFF, 0xE0, 0]),
            Err(Error::Malformed { field: "numOfSequenceParameterSets", offset: 5, value: 0 })
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Config::decode(Bytes::from(bytes));
        }

        #[test]
        fn a_flipped_bit_never_panics(at in 0..X264.len(), bit in 0..8u8) {
            let mut bytes = X264.to_vec();
            bytes[at] ^= 1 << bit;
            let _ = Config::decode(Bytes::from(bytes));
        }
    }
}
