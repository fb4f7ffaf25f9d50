use airloom_media::{Rounding, Timescale};

/// Ticks of one clock as ticks of another, prepared so that the usual ratios (milliseconds to
/// 90 kHz, 48 kHz to 90 kHz) cost a multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio {
    multiply: u32,
    divide: u32,
}

impl Ratio {
    pub(super) fn new(from: Timescale, to: Timescale) -> Self {
        let (from, to) = (from.hz(), to.hz());
        let common = greatest_common_divisor(from, to).max(1);
        Self { multiply: to / common, divide: (from / common).max(1) }
    }

    /// `None` past 64 bits.
    #[inline]
    pub(super) fn scale(self, ticks: i64, rounding: Rounding) -> Option<i64> {
        // Times as they are: from zero on, and far from 64 bits.
        let (multiply, divide) = (u64::from(self.multiply), u64::from(self.divide));
        if ticks >= 0
            && let Some(product) = ticks.unsigned_abs().checked_mul(multiply)
        {
            if divide == 1 {
                return i64::try_from(product).ok();
            }
            let (below, rest) = (product / divide, product % divide);
            let up = match rounding {
                Rounding::Down => false,
                Rounding::Nearest => rest * 2 >= divide,
                Rounding::Up => rest > 0,
            };
            return i64::try_from(below + u64::from(up)).ok();
        }
        self.scale_slowly(ticks, rounding)
    }

    #[cold]
    fn scale_slowly(self, ticks: i64, rounding: Rounding) -> Option<i64> {
        let product = i128::from(ticks) * i128::from(self.multiply);
        let divide = i128::from(self.divide);
        let below = i64::try_from(product.div_euclid(divide)).ok()?;
        below.checked_add(round_up(product.rem_euclid(divide), divide, rounding))
    }
}

/// Whether the tick above is the right one: 1 or 0. Halves go up, on both sides of zero.
fn round_up(rest: i128, divide: i128, rounding: Rounding) -> i64 {
    i64::from(match rounding {
        Rounding::Down => false,
        Rounding::Nearest => rest * 2 >= divide,
        Rounding::Up => rest > 0,
    })
}

/// `source` ticks moved by `offset` ticks of 90 kHz, on the clock `to`: rounded once, to the
/// nearest tick, so that what two tracks share stays shared to the tick. `None` past 64 bits.
pub(super) fn scale_moved(source: i64, from: Timescale, offset: i64, to: Timescale) -> Option<i64> {
    let (from, to) = (i128::from(from.hz()), i128::from(to.hz()));
    let mpeg = i128::from(Timescale::MPEG.hz());
    let moved = i128::from(source) * mpeg + i128::from(offset) * from;
    let divide = from * mpeg;
    let product = moved.checked_mul(to)?;
    let below = i64::try_from(product.div_euclid(divide)).ok()?;
    below.checked_add(round_up(product.rem_euclid(divide), divide, Rounding::Nearest))
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use airloom_media::Timestamp;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn milliseconds_to_90_khz_is_exact() {
        let ratio = Ratio::new(Timescale::MILLIS, Timescale::MPEG);
        assert_eq!(ratio, Ratio { multiply: 90, divide: 1 });
        assert_eq!(ratio.scale(-33, Rounding::Down), Some(-2970));
        assert_eq!(ratio.scale(i64::MAX, Rounding::Down), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_vocabulary(
            ticks in any::<i64>(), from in 1u32.., to in 1u32..,
            rounding in prop_oneof![Just(Rounding::Down), Just(Rounding::Up)],
        ) {
            let (from, to) = (Timescale::new(from).unwrap(), Timescale::new(to).unwrap());
            let expected = Timestamp::new(ticks).rescale(from, to, rounding).map(Timestamp::ticks);
            prop_assert_eq!(Ratio::new(from, to).scale(ticks, rounding), expected);
        }

        #[test]
        fn moving_by_nothing_is_scaling(ticks in -(1i64 << 40)..(1i64 << 40), to in 8000u32..96_000) {
            let to = Timescale::new(to).unwrap();
            prop_assert_eq!(
                scale_moved(ticks, Timescale::MILLIS, 0, to),
                Ratio::new(Timescale::MILLIS, to).scale(ticks, Rounding::Nearest)
            );
        }
    }
}
