use crate::bits::BitReader;
use crate::{Colour, Error, Timescale};

/// What a sequence header (AV1 Bitstream, 5.5) says that a packager needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sequence {
    /// The most a picture is wide.
    pub width: u32,
    /// The most a picture is high.
    pub height: u32,
    /// Colour description, where the stream states one, or that it is of full range.
    pub colour: Option<Colour>,
    /// Ticks of the first a picture lasts on a clock of the second, where all last the same.
    pub frame_duration: Option<(u64, Timescale)>,
}

impl Sequence {
    /// Reads a sequence header without its unit's header.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::new(payload);
        let profile = bits.bits(3, "seq_profile")?;
        bits.flag("still_picture")?;
        let reduced = bits.flag("reduced_still_picture_header")?;
        let mut frame_duration = None;
        if reduced {
            bits.bits(5, "seq_level_idx")?;
        } else {
            let mut delay_bits = None;
            if bits.flag("timing_info_present_flag")? {
                frame_duration = timing_info(&mut bits)?;
                if bits.flag("decoder_model_info_present_flag")? {
                    delay_bits = Some(bits.bits(5, "buffer_delay_length_minus_1")? as usize + 1);
                    bits.bits(32, "num_units_in_decoding_tick")?;
                    bits.bits(10, "buffer_removal_time_length_minus_1")?;
                }
            }
            operating_points(&mut bits, delay_bits)?;
        }
        let width_bits = bits.bits(4, "frame_width_bits_minus_1")? + 1;
        let height_bits = bits.bits(4, "frame_height_bits_minus_1")? + 1;
        let width = bits.bits(width_bits, "max_frame_width_minus_1")? + 1;
        let height = bits.bits(height_bits, "max_frame_height_minus_1")? + 1;
        let mut sequence = Self { width, height, colour: None, frame_duration };
        // What a short header does not say stays unknown; the picture size is already certain.
        let _ = sequence.read_tools(&mut bits, profile, reduced);
        Ok(sequence)
    }

    /// The coding tools up to `color_config`.
    fn read_tools(
        &mut self,
        bits: &mut BitReader<'_>,
        profile: u32,
        reduced: bool,
    ) -> Result<(), Error> {
        if !reduced && bits.flag("frame_id_numbers_present_flag")? {
            bits.bits(7, "delta_frame_id_length_minus_2")?;
        }
        bits.bits(3, "use_128x128_superblock")?;
        if !reduced {
            bits.bits(4, "enable_interintra_compound")?;
            let order_hint = bits.flag("enable_order_hint")?;
            if order_hint {
                bits.bits(2, "enable_jnt_comp")?;
            }
            let screen = bits.flag("seq_choose_screen_content_tools")?
                || bits.flag("seq_force_screen_content_tools")?;
            if screen && !bits.flag("seq_choose_integer_mv")? {
                bits.flag("seq_force_integer_mv")?;
            }
            if order_hint {
                bits.bits(3, "order_hint_bits_minus_1")?;
            }
        }
        bits.bits(3, "enable_superres")?;
        let high = bits.flag("high_bitdepth")?;
        if profile == 2 && high {
            bits.flag("twelve_bit")?;
        }
        let monochrome = profile != 1 && bits.flag("mono_chrome")?;
        let described = bits.flag("color_description_present_flag")?;
        let [primaries, transfer, matrix] = if described {
            ["color_primaries", "transfer_characteristics", "matrix_coefficients"]
                .map(|field| bits.bits(8, field).map(|code| code as u8))
        } else {
            [Ok(Colour::UNSPECIFIED); 3]
        };
        let (primaries, transfer, matrix) = (primaries?, transfer?, matrix?);
        // sRGB is of full range by definition.
        let rgb = !monochrome && (primaries, transfer, matrix) == (1, 13, 0);
        let full_range = rgb || bits.flag("color_range")?;
        self.colour = if described {
            Some(Colour { primaries, transfer, matrix, full_range })
        } else {
            Colour::of_range(full_range)
        };
        Ok(())
    }
}

/// 5.5.3.
fn timing_info(bits: &mut BitReader<'_>) -> Result<Option<(u64, Timescale)>, Error> {
    let units = bits.bits(32, "num_units_in_display_tick")?;
    let scale = Timescale::new(bits.bits(32, "time_scale")?);
    if !bits.flag("equal_picture_interval")? {
        return Ok(None);
    }
    let ticks = u64::from(bits.ue("num_ticks_per_picture_minus_1")?) + 1;
    let duration = u64::from(units) * ticks;
    Ok(scale.filter(|_| duration > 0).map(|scale| (duration, scale)))
}

/// The part of 5.5.1 that says what a decoder of some layers needs: only its length matters here.
fn operating_points(bits: &mut BitReader<'_>, delay_bits: Option<usize>) -> Result<(), Error> {
    let delayed = bits.flag("initial_display_delay_present_flag")?;
    for _ in 0..=bits.bits(5, "operating_points_cnt_minus_1")? {
        bits.bits(12, "operating_point_idc")?;
        if bits.bits(5, "seq_level_idx")? > 7 {
            bits.flag("seq_tier")?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag("decoder_model_present_for_this_op")?
        {
            bits.skip(2 * delay_bits + 1, "decoder_buffer_delay")?;
        }
        if delayed && bits.flag("initial_display_delay_present_for_this_op")? {
            bits.bits(4, "initial_display_delay_minus_1")?;
        }
    }
    Ok(())
}
