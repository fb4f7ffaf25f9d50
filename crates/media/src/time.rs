use std::fmt;
use std::num::NonZeroU32;

/// How many ticks make one second; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// Milliseconds: the clock of RTMP and FLV.
    pub const MILLIS: Self = Self(NonZeroU32::new(1000).unwrap());
    /// 90 kHz: the clock of MPEG-TS (ISO/IEC 13818-1, 2.4.3.6).
    pub const MPEG: Self = Self(NonZeroU32::new(90_000).unwrap());
    /// Nanoseconds: the clock of [`std::time::Duration`].
    pub const NANOS: Self = Self(NonZeroU32::new(1_000_000_000).unwrap());

    /// A timescale of `hz` ticks a second, or `None` for zero.
    pub const fn new(hz: u32) -> Option<Self> {
        match NonZeroU32::new(hz) {
            Some(hz) => Some(Self(hz)),
            None => None,
        }
    }

    /// Ticks a second.
    pub const fn hz(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Timescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// What happens to the part of a tick that a coarser timescale cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Towards negative infinity: never later than the truth.
    Down,
    /// To the nearest tick, halves away from zero.
    Nearest,
    /// Towards positive infinity: never earlier than the truth.
    Up,
}

/// `ticks * to / from` under one rounding; `None` where the result leaves 64 bits.
fn rescale(ticks: i64, from: Timescale, to: Timescale, rounding: Rounding) -> Option<i64> {
    if from == to {
        return Some(ticks);
    }
    let (from, to) = (i128::from(from.hz()), i128::from(to.hz()));
    let scaled = i128::from(ticks) * to;
    let rounded = match rounding {
        Rounding::Down => scaled.div_euclid(from),
        Rounding::Up => -(-scaled).div_euclid(from),
        Rounding::Nearest if scaled < 0 => -((-scaled + from / 2) / from),
        Rounding::Nearest => (scaled + from / 2) / from,
    };
    i64::try_from(rounded).ok()
}

/// A point on a track's clock, in ticks of that track's [`Timescale`].
///
/// May be negative: a decode time before the clock's zero is legal in several formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The clock's zero.
    pub const ZERO: Self = Self(0);

    /// The point `ticks` after the clock's zero.
    pub const fn new(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Ticks since the clock's zero.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// This point moved later by `duration`, or `None` past 64 bits.
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        match self.0.checked_add_unsigned(duration.0) {
            Some(ticks) => Some(Self(ticks)),
            None => None,
        }
    }

    /// This point moved by a signed `delta`, or `None` past 64 bits.
    pub const fn checked_offset(self, delta: Delta) -> Option<Self> {
        match self.0.checked_add(delta.0) {
            Some(ticks) => Some(Self(ticks)),
            None => None,
        }
    }

    /// How far this point lies after `earlier` (negative if before), or `None` past 64 bits.
    pub const fn checked_since(self, earlier: Self) -> Option<Delta> {
        match self.0.checked_sub(earlier.0) {
            Some(ticks) => Some(Delta(ticks)),
            None => None,
        }
    }

    /// The same point on a clock of another timescale, or `None` where it leaves 64 bits.
    pub fn rescale(self, from: Timescale, to: Timescale, rounding: Rounding) -> Option<Self> {
        rescale(self.0, from, to, rounding).map(Self)
    }
}

/// A length of time, in ticks of a [`Timescale`]; never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A length of `ticks`.
    pub const fn new(ticks: u64) -> Self {
        Self(ticks)
    }

    /// The length in ticks.
    pub const fn ticks(self) -> u64 {
        self.0
    }

    /// The sum, or `None` past 64 bits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(ticks) => Some(Self(ticks)),
            None => None,
        }
    }

    /// The same length in another timescale, or `None` where it leaves 63 bits.
    pub fn rescale(self, from: Timescale, to: Timescale, rounding: Rounding) -> Option<Self> {
        let ticks = i64::try_from(self.0).ok()?;
        rescale(ticks, from, to, rounding).map(|ticks| Self(ticks.unsigned_abs()))
    }

    /// The same length as a [`std::time::Duration`], rounded down to a nanosecond.
    pub fn to_std(self, timescale: Timescale) -> std::time::Duration {
        let hz = u64::from(timescale.hz());
        // The remainder is below 2^32, so the product stays below 2^62.
        let nanos = (self.0 % hz) * 1_000_000_000 / hz;
        std::time::Duration::new(self.0 / hz, nanos as u32)
    }

    /// A [`std::time::Duration`] in ticks of `timescale`, rounded to the nearest tick; saturating.
    pub fn from_std(duration: std::time::Duration, timescale: Timescale) -> Self {
        let hz = u128::from(timescale.hz());
        let ticks = (duration.as_nanos() * hz + 500_000_000) / 1_000_000_000;
        Self(u64::try_from(ticks).unwrap_or(u64::MAX))
    }
}

/// A signed distance between two points, in ticks of a [`Timescale`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delta(i64);

impl Delta {
    /// No distance.
    pub const ZERO: Self = Self(0);

    /// A distance of `ticks`; positive is later.
    pub const fn new(ticks: i64) -> Self {
        Self(ticks)
    }

    /// The distance in ticks.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// The distance as a length, or `None` if it points back.
    pub const fn to_duration(self) -> Option<Duration> {
        if self.0 < 0 { None } else { Some(Duration(self.0.unsigned_abs())) }
    }

    /// The same distance in another timescale, or `None` where it leaves 64 bits.
    pub fn rescale(self, from: Timescale, to: Timescale, rounding: Rounding) -> Option<Self> {
        rescale(self.0, from, to, rounding).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_is_what_it_says_on_both_sides_of_zero() {
        let third = Timescale::new(3).unwrap();
        let one = Timescale::new(1).unwrap();
        let at =
            |ticks, rounding| Timestamp::new(ticks).rescale(third, one, rounding).unwrap().ticks();
        assert_eq!([at(4, Rounding::Down), at(-4, Rounding::Down)], [1, -2]);
        assert_eq!([at(4, Rounding::Up), at(-4, Rounding::Up)], [2, -1]);
        assert_eq!([at(4, Rounding::Nearest), at(-4, Rounding::Nearest)], [1, -1]);
        assert_eq!([at(5, Rounding::Nearest), at(-5, Rounding::Nearest)], [2, -2]);
    }

    #[test]
    fn what_leaves_64_bits_is_none() {
        let far = Timestamp::new(i64::MAX);
        assert_eq!(far.rescale(Timescale::MILLIS, Timescale::MPEG, Rounding::Nearest), None);
        assert_eq!(far.checked_add(Duration::new(1)), None);
        assert_eq!(Timestamp::new(i64::MIN).checked_since(Timestamp::new(1)), None);
        assert_eq!(
            Duration::from_std(std::time::Duration::MAX, Timescale::NANOS).ticks(),
            u64::MAX
        );
    }

    proptest! {
        #[test]
        fn a_finer_clock_brings_every_tick_back(ticks in -(1i64 << 52)..(1i64 << 52)) {
            let fine = Timestamp::new(ticks)
                .rescale(Timescale::MILLIS, Timescale::MPEG, Rounding::Nearest).unwrap();
            prop_assert_eq!(fine.ticks(), ticks * 90);
            let back = fine.rescale(Timescale::MPEG, Timescale::MILLIS, Rounding::Down).unwrap();
            prop_assert_eq!(back.ticks(), ticks);
        }

        #[test]
        fn down_nearest_and_up_are_ordered_and_within_a_tick(
            ticks in -(1i64 << 50)..(1i64 << 50), from in 1u32.., to in 1u32..1_000_000,
        ) {
            let (from, to) = (Timescale::new(from).unwrap(), Timescale::new(to).unwrap());
            let at = |r| Timestamp::new(ticks).rescale(from, to, r).map(Timestamp::ticks);
            if let (Some(down), Some(nearest), Some(up)) =
                (at(Rounding::Down), at(Rounding::Nearest), at(Rounding::Up))
            {
                prop_assert!(down <= nearest && nearest <= up && up - down <= 1);
            }
        }

        #[test]
        fn std_durations_survive_a_nanosecond_clock(nanos in 0u64..) {
            let duration = std::time::Duration::from_nanos(nanos);
            prop_assert_eq!(Duration::from_std(duration, Timescale::NANOS).to_std(Timescale::NANOS), duration);
        }
    }
}
