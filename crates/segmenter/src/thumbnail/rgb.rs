use airloom_media::Colour;

/// How luma and colour differences become red, green and blue (ISO/IEC 23091-2, 8.3): all factors in
/// 65,536ths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matrix {
    black: i32,
    luma: i32,
    red: i32,
    green_of_blue: i32,
    green_of_red: i32,
    blue: i32,
}

const ONE: i32 = 1 << 16;

impl Matrix {
    /// As the stream says; where it does not, as most do: BT.709 for high definition, BT.601 below.
    pub(super) fn of(colour: Option<Colour>, height: usize) -> Self {
        let stated = colour.map_or(2, |colour| colour.matrix);
        // Parts of red and blue in luma, in ten thousandths.
        let (red, blue) = match stated {
            1 => (2126, 722),
            4 => (3000, 1100),
            5 | 6 => (2990, 1140),
            7 => (2120, 870),
            9 | 10 => (2627, 593),
            _ if height > 576 => (2126, 722),
            _ => (2990, 1140),
        };
        let full = colour.is_some_and(|colour| colour.full_range);
        // 255 of 219 steps, and of 224.
        let (luma, chroma) = if full { (ONE, ONE) } else { (ONE / 219 * 255, ONE / 224 * 255) };
        let green = 10_000 - red - blue;
        let of = |part: i32| {
            let factor = i64::from(chroma) * 2 * i64::from(10_000 - part) / 10_000;
            i32::try_from(factor).unwrap_or(i32::MAX)
        };
        let share = |factor: i32, part: i32| {
            i32::try_from(i64::from(factor) * i64::from(part) / i64::from(green)).unwrap_or(0)
        };
        Self {
            black: if full { 0 } else { 16 },
            luma,
            red: of(red),
            green_of_blue: share(of(blue), blue),
            green_of_red: share(of(red), red),
            blue: of(blue),
        }
    }

    pub(super) fn rgb(&self, luma: u8, blue: u8, red: u8) -> [u8; 3] {
        let luma = (i32::from(luma) - self.black) * self.luma + ONE / 2;
        let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
        [
            luma + self.red * red,
            luma - self.green_of_blue * blue - self.green_of_red * red,
            luma + self.blue * blue,
        ]
        .map(|value| (value >> 16).clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(matrix: u8, full_range: bool) -> Matrix {
        Matrix::of(Some(Colour { primaries: 1, transfer: 1, matrix, full_range }), 0)
    }

    /// The colours of a test card, as the standards compute them.
    #[test]
    fn bars_have_their_colours() {
        for (matrix, [y, u, v], rgb) in [
            (stated(1, false), [16, 128, 128], [0, 0, 0]),
            (stated(1, false), [235, 128, 128], [255, 255, 255]),
            (stated(1, false), [63, 102, 240], [255, 0, 0]),
            (stated(1, false), [173, 42, 26], [0, 255, 0]),
            (stated(1, false), [32, 240, 118], [0, 0, 255]),
            (stated(6, false), [81, 90, 240], [254, 0, 0]),
            (stated(6, false), [145, 54, 34], [0, 255, 1]),
            (stated(6, true), [76, 85, 255], [254, 0, 0]),
            (stated(9, false), [126, 128, 128], [128, 128, 128]),
        ] {
            let found = matrix.rgb(y, u, v);
            let near = |(one, other): (&u8, &u8)| one.abs_diff(*other) <= 2;
            assert!(found.iter().zip(&rgb).all(near), "{found:?}, not {rgb:?}");
        }
    }

    #[test]
    fn what_is_not_said_goes_by_the_size() {
        assert_eq!(Matrix::of(None, 1080), stated(1, false));
        assert_eq!(Matrix::of(None, 576), stated(6, false));
        let range = Colour { primaries: 2, transfer: 2, matrix: 2, full_range: true };
        assert_eq!(Matrix::of(Some(range), 1080), stated(1, true));
    }
}
