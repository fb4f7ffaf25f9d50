use airloom_media::{Rounding, Timescale};

/// Ticks of one clock as ticks of another, prepared so that the usual ratios (milliseconds to
/// 90 kHz, 48 kHz to 90 kHz) cost a multiplication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio {
    multiply: u32,
    divide: u32,
    /// A whole 64 bits over `divide`, rounded up: multiplying by it is dividing, several times as
    /// fast, for products up to `exact`.
    inverse: u64,
    exact: u64,
}

impl Ratio {
    pub(super) fn new(from: Timescale, to: Timescale) -> Self {
        let (from, to) = (from.hz(), to.hz());
        let common = greatest_common_divisor(from, to).max(1);
        let (multiply, divide) = (to / common, (from / common).max(1));
        // With one more than the quotient of 64 bits, what is too much of `product / divide` is
        // below `product / 2^64`: too little to matter while that is below `1 / divide`.
        let quotient = u64::MAX / u64::from(divide);
        Self { multiply, divide, inverse: quotient.wrapping_add(1), exact: quotient }
    }

    /// `ticks` on a clock that is a multiple of the other, where there is nothing to round.
    #[inline]
    pub(super) fn scale_exactly(self, ticks: i64) -> Option<i64> {
        if self.divide == 1 { ticks.checked_mul(self.multiply.into()) } else { None }
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
            let below = if product < self.exact {
                ((u128::from(product) * u128::from(self.inverse)) >> 64) as u64
            } else {
                product / divide
            };
            let rest = product - below * divide;
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
        assert_eq!((ratio.multiply, ratio.divide), (90, 1));
        assert_eq!(ratio.scale(-33, Rounding::Down), Some(-2970));
        assert_eq!(ratio.scale(i64::MAX, Rounding::Down), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_vocabulary(
            ticks in prop_oneof![any::<i64>(), 0..1i64 << 45, 0..100_000i64],
            from in prop_oneof![1u32.., 1..200_000u32], to in prop_oneof![1u32.., 1..200_000u32],
            rounding in prop::sample::select(vec![Rounding::Down, Rounding::Nearest, Rounding::Up]),
        ) {
            // Below zero the two round halves differently.
            let half = i128::from(ticks) * i128::from(to) % i128::from(from) * 2;
            prop_assume!(half != -i128::from(from));
            let (from, to) = (Timescale::new(from).unwrap(), Timescale::new(to).unwrap());
            let expected = Timestamp::new(ticks).rescale(from, to, rounding).map(Timestamp::ticks);
            prop_assert_eq!(Ratio::new(from, to).scale(ticks, rounding), expected);
        }

        #[test]
        fn multiplying_by_the_inverse_is_dividing(
            divide in prop_oneof![2u32.., 2..100_000u32, (1..32u32).prop_map(|bits| 1 << bits)],
            quotient in any::<u64>(), beside in -2i64..3,
        ) {
            // What is one less than a multiple would be the first to go wrong.
            let ratio = Ratio::new(Timescale::new(divide).unwrap(), Timescale::new(1).unwrap());
            let quotient = quotient % (ratio.exact / u64::from(divide)).max(1);
            let product = (quotient * u64::from(divide)).saturating_add_signed(beside);
            let product = i64::try_from(product).unwrap_or(i64::MAX);
            prop_assert_eq!(ratio.scale(product, Rounding::Down), Some(product / i64::from(divide)));
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
