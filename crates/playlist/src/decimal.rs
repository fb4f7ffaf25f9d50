use std::fmt;

use airloom_media::{Rounding, Timescale, Timestamp};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// A length of time as playlists write it: whole microseconds, exactly.
///
/// A length is the distance of two boundaries that were each rounded down to a microsecond, so a
/// sum of neighbours is off by less than one microsecond however many there are, and a segment is
/// the sum of its parts to the last digit. A length that is whole microseconds stays what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) u64);

impl Micros {
    pub(crate) const fn from_secs(seconds: u32) -> Self {
        Self(seconds as u64 * MICROS_PER_SECOND)
    }

    /// Rounded up, since every use is a promise that something is no longer than this.
    pub(crate) fn from_std(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX))
    }

    /// From `start` to `end`, nothing where they are the wrong way round or leave 64 bits.
    pub(crate) fn between(start: Timestamp, end: Timestamp, timescale: Timescale) -> Option<Self> {
        let (start, end) = (position(start, timescale)?, position(end, timescale)?);
        u64::try_from(end.checked_sub(start)?).ok().map(Self)
    }

    /// Rounded to the nearest whole second, halves up: what `EXT-X-TARGETDURATION` is compared
    /// with (RFC 8216bis, 4.4.3.1).
    pub(crate) const fn rounded_secs(self) -> u64 {
        (self.0 + MICROS_PER_SECOND / 2) / MICROS_PER_SECOND
    }
}

/// Microseconds from the clock's zero to `at`, rounded down.
fn position(at: Timestamp, timescale: Timescale) -> Option<i64> {
    const MICROS: Timescale = match Timescale::new(MICROS_PER_SECOND as u32) {
        Some(timescale) => timescale,
        None => Timescale::MILLIS,
    };
    at.rescale(timescale, MICROS, Rounding::Down).map(Timestamp::ticks)
}

/// Seconds with six decimals: `2.000000`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / MICROS_PER_SECOND, self.0 % MICROS_PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn neighbours_sum_without_drift_and_no_length_outgrows_a_whole_bound(
            first in -1_000_000_000i64..1_000_000_000,
            ticks in prop::collection::vec(1i64..100_000, 1..50),
            hz in 1u32..200_000,
        ) {
            let timescale = Timescale::new(hz).unwrap();
            let mut at = first;
            let mut sum = 0;
            for tick in &ticks {
                let (start, end) = (Timestamp::new(at), Timestamp::new(at + tick));
                let length = Micros::between(start, end, timescale).unwrap();
                prop_assert!(length.0 <= (*tick as u64 * 1_000_000).div_ceil(u64::from(hz)));
                sum += length.0;
                at += tick;
            }
            let whole =
                Micros::between(Timestamp::new(first), Timestamp::new(at), timescale).unwrap();
            prop_assert_eq!(sum, whole.0);
        }
    }

    #[test]
    fn six_decimals_and_rounding_to_seconds() {
        assert_eq!(Micros(2_033_333).to_string(), "2.033333");
        assert_eq!(Micros(50).to_string(), "0.000050");
        assert_eq!([2_499_999, 2_500_000].map(|n| Micros(n).rounded_secs()), [2, 3]);
    }
}
