use airloom_media::{Kind, Picture};

use super::writer::{full_box, u16, u32, version, wide};
use super::{Matrix, Presentation};

/// Enabled, in the movie, in the preview.
const FLAGS: u32 = 7;

/// `tkhd` (ISO/IEC 14496-12, 8.3.2) of pictures that are shown as they are.
pub(super) fn tkhd(out: &mut Vec<u8>, presentation: Presentation<'_>, duration: u64) {
    tkhd_laid(out, presentation, duration, Matrix::UNITY);
}

/// The same of pictures that `matrix` lays on the display.
pub(super) fn tkhd_laid(
    out: &mut Vec<u8>,
    presentation: Presentation<'_>,
    duration: u64,
    matrix: Matrix,
) {
    let version = version(duration);
    let (width, height) = presentation.codec.picture().map_or((0, 0), |shown| display_size(&shown));
    let volume = match presentation.codec.kind() {
        Kind::Audio => 0x0100,
        _ => 0,
    };
    full_box(out, *b"tkhd", version, FLAGS, |out| {
        wide(out, version, 0);
        wide(out, version, 0);
        u32(out, presentation.track_id);
        u32(out, 0); // reserved
        wide(out, version, duration);
        out.extend([0; 12]); // reserved, layer, alternate_group
        u16(out, volume);
        u16(out, 0);
        matrix.values().iter().for_each(|value| u32(out, *value as u32));
        u32(out, width);
        u32(out, height);
    });
}

/// The picture's size on a display of square pixels, as 16.16 fixed point.
fn display_size(picture: &Picture) -> (u32, u32) {
    let (numerator, denominator) = picture.aspect_ratio.unwrap_or((1, 1));
    let denominator = u64::from(denominator).max(1);
    let width = (u64::from(picture.width) << 16) * u64::from(numerator) / denominator;
    (u32::try_from(width).unwrap_or(u32::MAX), picture.height.min(0xFFFF) << 16)
}

#[cfg(test)]
mod tests {
    use airloom_media::Timescale;

    use super::*;
    use crate::testing::avc_codec;

    #[test]
    fn size_is_fixed_point_and_stretched_by_the_sample_aspect_ratio() {
        let mut picture = avc_codec().picture().unwrap();
        assert_eq!(display_size(&picture), (640 << 16, 360 << 16));
        picture.aspect_ratio = Some((4, 3));
        assert_eq!(display_size(&picture).0, (640 << 16) / 3 * 4 + 1);
    }

    #[test]
    fn is_92_bytes() {
        let codec = avc_codec();
        let mut out = Vec::new();
        let timescale = Timescale::MPEG;
        tkhd(&mut out, Presentation { track_id: 9, timescale, codec: &codec, bit_rate: None }, 0);
        assert_eq!(out.len(), 92);
        assert_eq!(out[20..24], [0, 0, 0, 9]);
    }
}
