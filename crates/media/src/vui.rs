//! Video usability information, as far as H.264 (ISO/IEC 14496-10, E.1.1) and HEVC (ISO/IEC 23008-2,
//! E.2.1) write it alike.

use crate::bits::BitReader;
use crate::{Colour, Error};

/// Sample aspect ratios by `aspect_ratio_idc` 1 to 16 (table E-1).
const ASPECT_RATIOS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Reads up to where the chroma samples lie. What was read before an error stays known.
pub(crate) fn read_start(
    bits: &mut BitReader<'_>,
    aspect_ratio: &mut Option<(u16, u16)>,
    colour: &mut Option<Colour>,
) -> Result<(), Error> {
    if bits.flag("aspect_ratio_info_present_flag")? {
        let idc = bits.bits(8, "aspect_ratio_idc")?;
        *aspect_ratio = if idc == 255 {
            let width = bits.bits(16, "sar_width")? as u16;
            let height = bits.bits(16, "sar_height")? as u16;
            (width != 0 && height != 0).then_some((width, height))
        } else {
            idc.checked_sub(1).and_then(|index| ASPECT_RATIOS.get(index as usize)).copied()
        };
    }
    if bits.flag("overscan_info_present_flag")? {
        bits.flag("overscan_appropriate_flag")?;
    }
    if bits.flag("video_signal_type_present_flag")? {
        bits.bits(3, "video_format")?;
        let full_range = bits.flag("video_full_range_flag")?;
        // Cameras say that much and no more.
        *colour = Colour::of_range(full_range);
        if bits.flag("colour_description_present_flag")? {
            *colour = Some(Colour {
                primaries: bits.bits(8, "colour_primaries")? as u8,
                transfer: bits.bits(8, "transfer_characteristics")? as u8,
                matrix: bits.bits(8, "matrix_coefficients")? as u8,
                full_range,
            });
        }
    }
    if bits.flag("chroma_loc_info_present_flag")? {
        bits.ue("chroma_sample_loc_type_top_field")?;
        bits.ue("chroma_sample_loc_type_bottom_field")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(bytes: &[u8]) -> Option<Colour> {
        let (mut aspect_ratio, mut colour) = (None, None);
        read_start(&mut BitReader::new(bytes), &mut aspect_ratio, &mut colour).unwrap();
        colour
    }

    #[test]
    fn a_full_range_is_known_without_a_colour() {
        // video_signal_type_present_flag, video_format 5, video_full_range_flag.
        let full = colour(&[0b0011_0110, 0]).unwrap();
        assert!(full.full_range);
        assert_eq!((full.primaries, full.transfer, full.matrix), (2, 2, 2));
        assert_eq!(colour(&[0b0011_0100, 0]), None);
        // With a description.
        let described = colour(&[0b0011_0111, 1, 13, 6, 0]).unwrap();
        let expected = Colour { primaries: 1, transfer: 13, matrix: 6, full_range: true };
        assert_eq!(described, expected);
    }
}
