/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// At least 1.
    pub width: u16,
    /// At least 1.
    pub height: u16,
}

impl Size {
    /// The largest size of the shape of a picture that fits into this one, and is no larger than the
    /// picture as it is shown.
    pub(super) fn holding(self, width: u32, height: u32, aspect: Option<(u16, u16)>) -> Self {
        let (across, down) = match aspect {
            Some((across, down)) if across > 0 && down > 0 => (across, down),
            _ => (1, 1),
        };
        // Shown with square pixels, in units of 1 / (across x down).
        let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
        let (shown, tall) = (width * u64::from(across), height * u64::from(down));
        let (most, high) = (u64::from(self.width.max(1)), u64::from(self.height.max(1)));
        // As wide as the box, or as high as it, or as large as it is.
        let (out, up) = if shown * high >= most * tall {
            let out = most.min(shown.div_ceil(u64::from(down)));
            (out, rounded(out * tall, shown))
        } else {
            let up = high.min(height);
            (rounded(up * shown, tall), up)
        };
        let side = |pixels: u64| u16::try_from(pixels).unwrap_or(u16::MAX).max(1);
        Self { width: side(out.min(most)), height: side(up.min(high)) }
    }
}

fn rounded(dividend: u64, divisor: u64) -> u64 {
    (dividend + divisor / 2) / divisor.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_kept_and_nothing_grows() {
        let fit = |width, height, aspect| {
            let size = Size { width: 160, height: 90 }.holding(width, height, aspect);
            (size.width, size.height)
        };
        assert_eq!(fit(1920, 1080, None), (160, 90));
        assert_eq!(fit(1080, 1920, None), (51, 90));
        assert_eq!(fit(640, 480, None), (120, 90));
        assert_eq!(fit(3840, 800, None), (160, 33));
        assert_eq!(fit(100, 50, None), (100, 50));
        // 16:9 on 720 x 576, and 4:3.
        assert_eq!(fit(720, 576, Some((64, 45))), (160, 90));
        assert_eq!(fit(720, 576, Some((16, 15))), (120, 90));
        assert_eq!(fit(1440, 1080, Some((4, 3))), (160, 90));
        // Nonsense of the wire stays within the box.
        assert_eq!(fit(16, 16, Some((u16::MAX, 1))), (160, 1));
        assert_eq!(fit(16, 65_535, Some((1, u16::MAX))), (1, 90));
        assert_eq!(fit(0, 0, Some((0, 0))), (1, 1));
    }
}
