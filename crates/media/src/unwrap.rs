/// Turns a clock that wraps (32-bit milliseconds of RTMP, 33-bit 90 kHz of MPEG-TS) into one that
/// does not.
///
/// Each value is placed at the point nearest to the one before it, so steps of up to half the
/// range, forward or back, are followed exactly, however often the clock has wrapped.
///
/// ```
/// use airloom_media::Unwrapper;
///
/// let mut clock = Unwrapper::new(32);
/// assert_eq!(clock.unwrap(0xFFFF_FFF0), 0xFFFF_FFF0);
/// assert_eq!(clock.unwrap(0x0000_0010), 0x1_0000_0010);
/// assert_eq!(clock.unwrap(0xFFFF_FFFF), 0xFFFF_FFFF);
/// ```
#[derive(Debug, Clone)]
pub struct Unwrapper {
    bits: u32,
    last: Option<i64>,
}

impl Unwrapper {
    /// A clock of `bits` bits, clamped to 2 to 62.
    pub const fn new(bits: u32) -> Self {
        let bits = if bits < 2 {
            2
        } else if bits > 62 {
            62
        } else {
            bits
        };
        Self { bits, last: None }
    }

    /// Places `raw` (bits above the clock's width are ignored) on the unwrapped clock.
    ///
    /// The first value is taken as it is. The result may be negative when the clock starts just
    /// after a wrap and then steps back over it.
    #[inline]
    pub fn unwrap(&mut self, raw: u64) -> i64 {
        let range = 1i64 << self.bits;
        let raw = (raw & (range as u64 - 1)) as i64;
        let placed = match self.last {
            None => raw,
            Some(last) => {
                // The remainder by a power of two.
                let step = raw.wrapping_sub(last) & (range - 1);
                last.wrapping_add(if step >= range / 2 { step - range } else { step })
            }
        };
        self.last = Some(placed);
        placed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_33_bit_clock_wraps_after_26_hours() {
        let mut clock = Unwrapper::new(33);
        assert_eq!(clock.unwrap((1 << 33) - 1), (1 << 33) - 1);
        assert_eq!(clock.unwrap(0), 1 << 33);
    }

    proptest! {
        #[test]
        fn steps_below_half_the_range_are_followed_exactly(
            start in 0u32.., steps in prop::collection::vec(-(1i64 << 31) + 1..(1i64 << 31), 0..64),
        ) {
            let mut clock = Unwrapper::new(32);
            let mut truth = i64::from(start);
            prop_assert_eq!(clock.unwrap(u64::from(start)), truth);
            for step in steps {
                truth += step;
                prop_assert_eq!(clock.unwrap(truth as u64), truth);
            }
        }
    }
}
