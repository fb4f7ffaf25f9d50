use crate::avc::at_most;
use crate::bits::{BitReader, without_emulation_prevention};
use crate::{Colour, Error, Timescale, vui};

/// What a sequence parameter set (ISO/IEC 23008-2, 7.3.2.2) says that a packager needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sps {
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
    /// Sample aspect ratio, where the stream states one.
    pub aspect_ratio: Option<(u16, u16)>,
    /// Colour description, where the stream states one, or that it is of full range.
    pub colour: Option<Colour>,
    /// Ticks of the first a picture lasts on a clock of the second, where the stream says so.
    pub frame_duration: Option<(u64, Timescale)>,
}

/// No level allows a side longer than this (level 6.2: the square root of eight times 35,651,584,
/// and 142,606,336 in the level after it).
const MAX_SIDE: u32 = 33_776;

/// `sps_max_sub_layers_minus1` is at most this.
const MAX_SUB_LAYERS: u32 = 6;

impl Sps {
    /// Reads a sequence parameter set: a NAL unit with its header, without a start code.
    ///
    /// A set that is cut off behind its picture size still gives that.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a field up to the picture's size is missing; [`Error::Malformed`]
    /// for another NAL unit type, an exponential code that does not end, or a picture that no level
    /// allows.
    pub fn decode(nal: &[u8]) -> Result<Self, Error> {
        let rbsp = without_emulation_prevention(nal);
        let mut bits = BitReader::new(&rbsp);
        let layers = up_to_id(&mut bits)?;
        bits.ue("sps_seq_parameter_set_id")?;
        let chroma_format_idc = at_most(&mut bits, 3, "chroma_format_idc")? as u8;
        let mut planes = chroma_format_idc;
        if chroma_format_idc == 3 && bits.flag("separate_colour_plane_flag")? {
            planes = 0;
        }
        let offset = bits.offset();
        let mut width = at_most(&mut bits, MAX_SIDE, "pic_width_in_luma_samples")?;
        let mut height = at_most(&mut bits, MAX_SIDE, "pic_height_in_luma_samples")?;
        let (mut crop_x, mut crop_y) = (0, 0);
        if bits.flag("conformance_window_flag")? {
            let unit_x = if matches!(planes, 1 | 2) { 2 } else { 1 };
            let unit_y = if planes == 1 { 2 } else { 1 };
            let left = u64::from(bits.ue("conf_win_left_offset")?);
            let right = u64::from(bits.ue("conf_win_right_offset")?);
            let top = u64::from(bits.ue("conf_win_top_offset")?);
            let bottom = u64::from(bits.ue("conf_win_bottom_offset")?);
            crop_x = (left + right) * unit_x;
            crop_y = (top + bottom) * unit_y;
        }
        if crop_x >= u64::from(width) || crop_y >= u64::from(height) {
            let field = "pic_width_in_luma_samples";
            return Err(Error::Malformed { field, offset, value: width.into() });
        }
        width -= crop_x as u32;
        height -= crop_y as u32;
        let bit_depth_luma = 8 + at_most(&mut bits, 8, "bit_depth_luma_minus8")? as u8;
        let bit_depth_chroma = 8 + at_most(&mut bits, 8, "bit_depth_chroma_minus8")? as u8;
        let mut sps = Self {
            chroma_format_idc,
            bit_depth_luma,
            bit_depth_chroma,
            width,
            height,
            aspect_ratio: None,
            colour: None,
            frame_duration: None,
        };
        // What a short set does not say stays unknown; the picture size is already certain.
        let _ = sps.read_tools(&mut bits, layers);
        Ok(sps)
    }

    /// From `log2_max_pic_order_cnt_lsb_minus4` to the usability information.
    fn read_tools(&mut self, bits: &mut BitReader<'_>, layers: u32) -> Result<(), Error> {
        let order_bits = 4 + at_most(bits, 12, "log2_max_pic_order_cnt_lsb_minus4")?;
        let all = bits.flag("sps_sub_layer_ordering_info_present_flag")?;
        for _ in if all { 0 } else { layers }..=layers {
            bits.ue("sps_max_dec_pic_buffering_minus1")?;
            bits.ue("sps_max_num_reorder_pics")?;
            bits.ue("sps_max_latency_increase_plus1")?;
        }
        for field in [
            "log2_min_luma_coding_block_size_minus3",
            "log2_diff_max_min_luma_coding_block_size",
            "log2_min_luma_transform_block_size_minus2",
            "log2_diff_max_min_luma_transform_block_size",
            "max_transform_hierarchy_depth_inter",
            "max_transform_hierarchy_depth_intra",
        ] {
            bits.ue(field)?;
        }
        if bits.flag("scaling_list_enabled_flag")?
            && bits.flag("sps_scaling_list_data_present_flag")?
        {
            scaling_list_data(bits)?;
        }
        bits.flag("amp_enabled_flag")?;
        bits.flag("sample_adaptive_offset_enabled_flag")?;
        if bits.flag("pcm_enabled_flag")? {
            bits.bits(8, "pcm_sample_bit_depth_luma_minus1")?;
            bits.ue("log2_min_pcm_luma_coding_block_size_minus3")?;
            bits.ue("log2_diff_max_min_pcm_luma_coding_block_size")?;
            bits.flag("pcm_loop_filter_disabled_flag")?;
        }
        let sets = at_most(bits, 64, "num_short_term_ref_pic_sets")?;
        let mut pictures = 0;
        for set in 0..sets {
            pictures = short_term_ref_pic_set(bits, set, pictures)?;
        }
        if bits.flag("long_term_ref_pics_present_flag")? {
            for _ in 0..at_most(bits, 32, "num_long_term_ref_pics_sps")? {
                bits.bits(order_bits, "lt_ref_pic_poc_lsb_sps")?;
                bits.flag("used_by_curr_pic_lt_sps_flag")?;
            }
        }
        bits.flag("sps_temporal_mvp_enabled_flag")?;
        bits.flag("strong_intra_smoothing_enabled_flag")?;
        if bits.flag("vui_parameters_present_flag")? {
            self.read_vui(bits)?;
        }
        Ok(())
    }

    /// Annex E.2.1, up to the timing information.
    fn read_vui(&mut self, bits: &mut BitReader<'_>) -> Result<(), Error> {
        vui::read_start(bits, &mut self.aspect_ratio, &mut self.colour)?;
        bits.flag("neutral_chroma_indication_flag")?;
        bits.flag("field_seq_flag")?;
        bits.flag("frame_field_info_present_flag")?;
        if bits.flag("default_display_window_flag")? {
            for _ in 0..4 {
                bits.ue("def_disp_win_offset")?;
            }
        }
        if bits.flag("vui_timing_info_present_flag")? {
            let units = bits.bits(32, "vui_num_units_in_tick")?;
            let scale = Timescale::new(bits.bits(32, "vui_time_scale")?);
            self.frame_duration =
                scale.filter(|_| units > 0).map(|scale| (u64::from(units), scale));
        }
        Ok(())
    }
}

/// `sps_seq_parameter_set_id` of a set of which `bits` is the start.
pub(crate) fn id(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    up_to_id(bits)?;
    at_most(bits, 15, "sps_seq_parameter_set_id")
}

/// Gives `sps_max_sub_layers_minus1`.
fn up_to_id(bits: &mut BitReader<'_>) -> Result<u32, Error> {
    let header = bits.bits(16, "nal_unit_type")?;
    if header >> 9 & 0x3F != 33 {
        let value = u64::from(header >> 9 & 0x3F);
        return Err(Error::Malformed { field: "nal_unit_type", offset: 0, value });
    }
    bits.bits(4, "sps_video_parameter_set_id")?;
    let layers = bits.bits(3, "sps_max_sub_layers_minus1")?;
    if layers > MAX_SUB_LAYERS {
        let (field, value) = ("sps_max_sub_layers_minus1", u64::from(layers));
        return Err(Error::Malformed { field, offset: 2, value });
    }
    bits.flag("sps_temporal_id_nesting_flag")?;
    profile_tier_level(bits, layers)?;
    Ok(layers)
}

/// 7.3.3: only its length matters here.
fn profile_tier_level(bits: &mut BitReader<'_>, layers: u32) -> Result<(), Error> {
    bits.skip(88, "general_profile_idc")?;
    bits.bits(8, "general_level_idc")?;
    let mut present = Vec::with_capacity(MAX_SUB_LAYERS as usize);
    for _ in 0..layers {
        let profile = bits.flag("sub_layer_profile_present_flag")?;
        present.push((profile, bits.flag("sub_layer_level_present_flag")?));
    }
    if layers > 0 {
        bits.bits(2 * (8 - layers), "reserved_zero_2bits")?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 }, "sub_layer_profile_idc")?;
        bits.skip(if level { 8 } else { 0 }, "sub_layer_level_idc")?;
    }
    Ok(())
}

/// 7.3.4: only its length matters here.
fn scaling_list_data(bits: &mut BitReader<'_>) -> Result<(), Error> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag("scaling_list_pred_mode_flag")? {
                bits.ue("scaling_list_pred_matrix_id_delta")?;
                continue;
            }
            if size > 1 {
                bits.se("scaling_list_dc_coef_minus8")?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.se("scaling_list_delta_coef")?;
            }
        }
    }
    Ok(())
}

/// 7.3.7: only its length matters here. Set number `set`; the one before has `pictures`. Gives how
/// many this one has.
fn short_term_ref_pic_set(bits: &mut BitReader<'_>, set: u32, pictures: u32) -> Result<u32, Error> {
    if set > 0 && bits.flag("inter_ref_pic_set_prediction_flag")? {
        bits.flag("delta_rps_sign")?;
        bits.ue("abs_delta_rps_minus1")?;
        let mut count = 0;
        for _ in 0..=pictures {
            let used = bits.flag("used_by_curr_pic_flag")?;
            if used || bits.flag("use_delta_flag")? {
                count += 1;
            }
        }
        return Ok(count);
    }
    let negative = at_most(bits, 16, "num_negative_pics")?;
    let positive = at_most(bits, 16, "num_positive_pics")?;
    for _ in 0..negative + positive {
        bits.ue("delta_poc_minus1")?;
        bits.flag("used_by_curr_pic_flag")?;
    }
    Ok(negative + positive)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Config;
    use super::super::tests::X265;

    #[test]
    fn x265_320x180_at_25() {
        let config = Config::decode(Bytes::from_static(X265)).unwrap();
        let sps = config.sps();
        assert_eq!((sps.width, sps.height), (320, 180));
        assert_eq!((sps.chroma_format_idc, sps.bit_depth_luma), (1, 8));
        let (ticks, scale) = sps.frame_duration.unwrap();
        assert_eq!(u64::from(scale.hz()) / ticks, 25);
    }
}
