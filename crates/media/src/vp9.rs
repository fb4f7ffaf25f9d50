//! VP9: the `VPCodecConfigurationRecord` (VP Codec ISO Media File Format Binding, 2.2).

use std::fmt;

use bytes::Bytes;

use crate::bits::BitReader;
use crate::{Colour, Declared, Error};

/// A decoded `VPCodecConfigurationRecord`, the bytes it came from, and the picture's size, which
/// the record does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    raw: Bytes,
    profile: u8,
    level: u8,
    bit_depth: u8,
    chroma_subsampling: u8,
    colour: Colour,
    size: Option<(u16, u16)>,
    pub(crate) declared: Declared,
}

impl Config {
    /// Reads a record. It may stand behind the version and flags that MP4's `vpcC` begins with, as
    /// in Enhanced RTMP's sequence start.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field is missing; [`Error::Malformed`] for a bit depth that VP9
    /// does not know.
    pub fn decode(raw: Bytes) -> Result<Self, Error> {
        // A record cannot begin like this: profile 1 has no level 0 of no bits.
        let raw = if raw.starts_with(&[1, 0, 0, 0]) { raw.slice(4..) } else { raw };
        let mut bits = BitReader::new(&raw);
        let profile = bits.bits(8, "profile")? as u8;
        let level = bits.bits(8, "level")? as u8;
        let offset = bits.offset();
        let bit_depth = bits.bits(4, "bitDepth")? as u8;
        if !matches!(bit_depth, 8 | 10 | 12) {
            return Err(Error::Malformed { field: "bitDepth", offset, value: bit_depth.into() });
        }
        let chroma_subsampling = bits.bits(3, "chromaSubsampling")? as u8;
        let full_range = bits.flag("videoFullRangeFlag")?;
        let colour = Colour {
            primaries: bits.bits(8, "colourPrimaries")? as u8,
            transfer: bits.bits(8, "transferCharacteristics")? as u8,
            matrix: bits.bits(8, "matrixCoefficients")? as u8,
            full_range,
        };
        let (size, declared) = (None, Declared::default());
        Ok(Self { raw, profile, level, bit_depth, chroma_subsampling, colour, size, declared })
    }

    /// With the size of the picture: from the sample entry of a file, or from
    /// [`picture_size`] of a key frame.
    #[must_use]
    pub const fn with_size(mut self, width: u16, height: u16) -> Self {
        self.size = Some((width, height));
        self
    }

    /// The record as it came, without version and flags of a box.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Width and height, where they are known.
    pub const fn size(&self) -> Option<(u16, u16)> {
        self.size
    }

    /// How coded values become light. 2 is not specified.
    pub const fn colour(&self) -> Colour {
        self.colour
    }
}

/// `vp09.00.10.08`, with the optional part where the picture differs from BT.709, 4:2:0, limited
/// range.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profile, level, depth) = (self.profile, self.level, self.bit_depth);
        write!(f, "vp09.{profile:02}.{level:02}.{depth:02}")?;
        let Colour { primaries, transfer, matrix, full_range } = self.colour;
        let usual = |code| matches!(code, 1 | 2);
        let chroma = self.chroma_subsampling;
        if chroma <= 1 && !full_range && [primaries, transfer, matrix].into_iter().all(usual) {
            return Ok(());
        }
        let range = u8::from(full_range);
        write!(f, ".{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}")
    }
}

/// Width and height as the uncompressed header of a key frame states them (VP9 Bitstream, 6.2);
/// `None` for any other frame.
pub fn picture_size(frame: &[u8]) -> Option<(u16, u16)> {
    let mut bits = BitReader::new(frame);
    let mut next = |count| bits.bits(count, "uncompressed_header").ok();
    if next(2)? != 2 {
        return None;
    }
    let profile = next(1)? | next(1)? << 1;
    if profile == 3 {
        next(1)?;
    }
    // show_existing_frame, frame_type; show_frame, error_resilient_mode; frame_sync_code.
    if next(2)? != 0 || next(2).is_none() || next(24)? != 0x49_8342 {
        return None;
    }
    if profile >= 2 {
        next(1)?;
    }
    let rgb = next(3)? == 7;
    let odd = profile & 1 == 1;
    match (rgb, odd) {
        (false, false) | (true, true) => next(1)?,
        (false, true) => next(4)?,
        (true, false) => 0,
    };
    let (width, height) = (next(16)? as u16, next(16)? as u16);
    Some((width.saturating_add(1), height.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn with_and_without_the_head_of_a_box() {
        let bare = Config::decode(Bytes::from_static(&[0, 11, 0x82, 2, 2, 2, 0, 0])).unwrap();
        let boxed =
            Config::decode(Bytes::from_static(&[1, 0, 0, 0, 0, 11, 0x82, 2, 2, 2, 0, 0])).unwrap();
        assert_eq!(bare, boxed);
        assert_eq!(bare.to_string(), "vp09.00.11.08");
        assert_eq!(bare.with_size(320, 180).size(), Some((320, 180)));
    }

    #[test]
    fn what_differs_from_the_usual_is_spelt_out() {
        let config = Config::decode(Bytes::from_static(&[2, 51, 0xA2, 9, 16, 9, 0, 0])).unwrap();
        assert_eq!(config.to_string(), "vp09.02.51.10.01.09.16.09.00");
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let frame = [0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xF0, 0x0B, 0x36];
        assert_eq!(picture_size(&frame), Some((320, 180)));
        assert_eq!(picture_size(&[0x86]), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            let _ = picture_size(&bytes);
            let _ = Config::decode(Bytes::from(bytes)).map(|config| config.to_string());
        }
    }
}
