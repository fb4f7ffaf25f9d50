/// How a track's pictures are laid on the display (ISO/IEC 14496-12, 6.2.2 and 8.3.2): phones that
/// were held upright turn them by it.
///
/// Rows of `a b u`, `c d v`, `x y w`: a point goes to `(ax + cy + x, bx + dy + y)`, with y downwards.
/// 16.16 fixed point, the last column 2.30.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix([i32; 9]);

/// 1 as 16.16 fixed point.
const ONE: i32 = 0x0001_0000;

impl Matrix {
    /// Pictures are shown as they are.
    pub const UNITY: Self = Self([ONE, 0, 0, 0, ONE, 0, 0, 0, 0x4000_0000]);

    /// The matrix of these values, row by row.
    pub const fn new(values: [i32; 9]) -> Self {
        Self(values)
    }

    /// Its values, row by row.
    pub const fn values(&self) -> [i32; 9] {
        self.0
    }

    /// By how many degrees it turns pictures clockwise: 0, 90, 180 or 270. `None` where it does
    /// anything else to them than to turn and move them.
    pub const fn rotation(&self) -> Option<u16> {
        const BACK: i32 = -ONE;
        let [a, b, _, c, d, ..] = self.0;
        match (a, b, c, d) {
            (ONE, 0, 0, ONE) => Some(0),
            (0, ONE, BACK, 0) => Some(90),
            (BACK, 0, 0, BACK) => Some(180),
            (0, BACK, ONE, 0) => Some(270),
            _ => None,
        }
    }
}

impl Default for Matrix {
    fn default() -> Self {
        Self::UNITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_of_a_turn_are_told_from_anything_else() {
        let of = |a, b, c, d| Matrix::new([a, b, 0, c, d, 0, 0, 0, 0x4000_0000]).rotation();
        assert_eq!(Matrix::UNITY.rotation(), Some(0));
        assert_eq!(of(0, ONE, -ONE, 0), Some(90));
        assert_eq!(of(-ONE, 0, 0, -ONE), Some(180));
        assert_eq!(of(0, -ONE, ONE, 0), Some(270));
        assert_eq!(of(-ONE, 0, 0, ONE), None, "mirrored");
        assert_eq!(of(ONE, 0, 0, 2 * ONE), None, "stretched");
    }
}
