use crate::bits::BitReader;
use crate::bits::without_emulation_prevention;
use crate::{Colour, Error, Timescale, vui};

/// What a sequence parameter set (ISO/IEC 14496-10, 7.3.2.1.1) says that a packager needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sps {
    /// `profile_idc`: 66 Baseline, 77 Main, 100 High.
    pub profile_idc: u8,
    /// The `constraint_set` flags and the reserved bits after them, as one byte.
    pub constraint_flags: u8,
    /// `level_idc`: ten times the level.
    pub level_idc: u8,
    /// `chroma_format_idc`: 1 is 4:2:0.
    pub chroma_format_idc: u8,
    /// Bits a luma sample.
    pub bit_depth_luma: u8,
    /// Bits a chroma sample.
    pub bit_depth_chroma: u8,
    /// Width of the picture after cropping, in luma samples.
    pub width: u32,
    /// Height of the picture after cropping, in luma samples.
    pub height: u32,
    /// Width before cropping, in luma samples: whole macroblocks, what a decoder makes room for.
    pub coded_width: u32,
    /// Height before cropping, in luma samples.
    pub coded_height: u32,
    /// Sample aspect ratio, where the stream states one.
    pub aspect_ratio: Option<(u16, u16)>,
    /// Colour description, where the stream states one, or that it is of full range.
    pub colour: Option<Colour>,
    /// Ticks of the first a frame lasts on a clock of the second: `num_units_in_tick * 2` and
    /// `time_scale`. Absent where the stream has no timing information.
    pub frame_duration: Option<(u64, Timescale)>,
}

/// No level allows a picture wider or higher than this (level 6.2: 139,264 macroblocks, and at
/// most the square root of eight times that on one side).
const MAX_SIDE_IN_MACROBLOCKS: u32 = 1056;

impl Sps {
    /// Reads a sequence parameter set: a NAL unit with its header, without a start code.
    ///
    /// A set that is cut off inside its video usability information still gives its picture size:
    /// some encoders write it short.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field before the usability information is missing;
    /// [`Error::Malformed`] for another NAL unit type, an exponential code that does not end, a
    /// picture beyond level 6.2, or a crop that leaves nothing.
    pub fn decode(nal: &[u8]) -> Result<Self, Error> {
        let rbsp = without_emulation_prevention(nal);
        let mut bits = BitReader::new(&rbsp);
        let header = bits.bits(8, "nal_unit_type")?;
        if header & 0x1F != 7 {
            return Err(Error::Malformed {
                field: "nal_unit_type",
                offset: 0,
                value: u64::from(header & 0x1F),
            });
        }
        let profile_idc = bits.bits(8, "profile_idc")? as u8;
        let constraint_flags = bits.bits(8, "constraint_set_flags")? as u8;
        let level_idc = bits.bits(8, "level_idc")? as u8;
        bits.ue("seq_parameter_set_id")?;

        let mut chroma_format_idc = 1;
        let mut separate_planes = false;
        let (mut bit_depth_luma, mut bit_depth_chroma) = (8, 8);
        if matches!(
            profile_idc,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            chroma_format_idc = at_most(&mut bits, 3, "chroma_format_idc")? as u8;
            if chroma_format_idc == 3 {
                separate_planes = bits.flag("separate_colour_plane_flag")?;
            }
            bit_depth_luma = 8 + at_most(&mut bits, 6, "bit_depth_luma_minus8")? as u8;
            bit_depth_chroma = 8 + at_most(&mut bits, 6, "bit_depth_chroma_minus8")? as u8;
            bits.flag("qpprime_y_zero_transform_bypass_flag")?;
            if bits.flag("seq_scaling_matrix_present_flag")? {
                let lists = if chroma_format_idc == 3 { 12 } else { 8 };
                for list in 0..lists {
                    if bits.flag("seq_scaling_list_present_flag")? {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }

        bits.ue("log2_max_frame_num_minus4")?;
        match at_most(&mut bits, 2, "pic_order_cnt_type")? {
            0 => {
                bits.ue("log2_max_pic_order_cnt_lsb_minus4")?;
            }
            1 => {
                bits.flag("delta_pic_order_always_zero_flag")?;
                bits.se("offset_for_non_ref_pic")?;
                bits.se("offset_for_top_to_bottom_field")?;
                let cycle = at_most(&mut bits, 255, "num_ref_frames_in_pic_order_cnt_cycle")?;
                for _ in 0..cycle {
                    bits.se("offset_for_ref_frame")?;
                }
            }
            _ => {}
        }
        bits.ue("max_num_ref_frames")?;
        bits.flag("gaps_in_frame_num_value_allowed_flag")?;
        let width_in_mbs =
            at_most(&mut bits, MAX_SIDE_IN_MACROBLOCKS - 1, "pic_width_in_mbs_minus1")? + 1;
        let height_in_units =
            at_most(&mut bits, MAX_SIDE_IN_MACROBLOCKS - 1, "pic_height_in_map_units_minus1")? + 1;
        let frame_mbs_only = bits.flag("frame_mbs_only_flag")?;
        if !frame_mbs_only {
            bits.flag("mb_adaptive_frame_field_flag")?;
        }
        bits.flag("direct_8x8_inference_flag")?;

        let (mut width, mut height) =
            (width_in_mbs * 16, height_in_units * 16 * (2 - u32::from(frame_mbs_only)));
        let (coded_width, coded_height) = (width, height);
        if bits.flag("frame_cropping_flag")? {
            let offset = bits.offset();
            let left = u64::from(bits.ue("frame_crop_left_offset")?);
            let right = u64::from(bits.ue("frame_crop_right_offset")?);
            let top = u64::from(bits.ue("frame_crop_top_offset")?);
            let bottom = u64::from(bits.ue("frame_crop_bottom_offset")?);
            let planes = if separate_planes { 0 } else { chroma_format_idc };
            let unit_x = if matches!(planes, 1 | 2) { 2 } else { 1 };
            let unit_y = (if planes == 1 { 2 } else { 1 }) * (2 - u64::from(frame_mbs_only));
            let crop_x = (left + right) * unit_x;
            let crop_y = (top + bottom) * unit_y;
            if crop_x >= u64::from(width) || crop_y >= u64::from(height) {
                let value = crop_x.max(crop_y);
                return Err(Error::Malformed { field: "frame_crop_offset", offset, value });
            }
            width -= crop_x as u32;
            height -= crop_y as u32;
        }

        let mut sps = Self {
            profile_idc,
            constraint_flags,
            level_idc,
            chroma_format_idc,
            bit_depth_luma,
            bit_depth_chroma,
            width,
            height,
            coded_width,
            coded_height,
            aspect_ratio: None,
            colour: None,
            frame_duration: None,
        };
        if bits.flag("vui_parameters_present_flag").unwrap_or(false) {
            // What a short set does not say stays unknown; the picture size is already certain.
            let _ = sps.read_vui(&mut bits);
        }
        Ok(sps)
    }

    /// Annex E.1.1, up to the timing information.
    fn read_vui(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        vui::read_start(bits, &mut self.aspect_ratio, &mut self.colour)?;
        if bits.flag("timing_info_present_flag")? {
            let units = bits.bits(32, "num_units_in_tick")?;
            let scale = Timescale::new(bits.bits(32, "time_scale")?);
            self.frame_duration =
                scale.filter(|_| units > 0).map(|scale| (u64::from(units) * 2, scale));
        }
        Ok(())
    }
}

pub(crate) fn at_most(
    bits: &mut BitReader<'_>,
    max: u32,
    field: &'static str,
) -> Result<u32, Error> {
    let offset = bits.offset();
    let value = bits.ue(field)?;
    if value > max {
        return Err(Error::Malformed { field, offset, value: u64::from(value) });
    }
    Ok(value)
}

/// 7.3.2.1.1.1: only its length matters here.
fn skip_scaling_list(bits: &mut BitReader<'_>, size: usize) -> Result<(), Error> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = (last.wrapping_add(bits.se("delta_scale")?)).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::X264;
    use super::*;

    #[test]
    fn x264_640x360_at_30() {
        let sps = Sps::decode(&X264[8..38]).unwrap();
        assert_eq!((sps.width, sps.height), (640, 360));
        assert_eq!((sps.coded_width, sps.coded_height), (640, 368));
        assert_eq!((sps.profile_idc, sps.level_idc), (100, 30));
        assert_eq!(sps.aspect_ratio, Some((1, 1)));
        let colour = sps.colour.unwrap();
        assert_eq!((colour.primaries, colour.transfer, colour.matrix), (1, 1, 1));
        let (ticks, scale) = sps.frame_duration.unwrap();
        assert_eq!(u64::from(scale.hz()) / ticks, 30);
    }

    #[test]
    fn a_set_cut_in_its_usability_information_still_has_a_size() {
        let sps = Sps::decode(&X264[8..19]).unwrap();
        assert_eq!((sps.width, sps.height, sps.frame_duration), (640, 360, None));
    }

    #[test]
    fn another_nal_unit_is_refused() {
        assert_eq!(
            Sps::decode(&[0x68, 0xEB]),
            Err(Error::Malformed { field: "nal_unit_type", offset: 0, value: 8 })
        );
    }
}
