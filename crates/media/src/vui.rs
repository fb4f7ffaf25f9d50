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
