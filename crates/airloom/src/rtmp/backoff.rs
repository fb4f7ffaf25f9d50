use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// How long to wait before the next attempt: at random up to a bound that doubles with every
/// failure and is capped ("full jitter"), so that those who were cut off together do not come back
/// together.
///
/// ```
/// use std::time::Duration;
/// use airloom::rtmp::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// assert!(backoff.wait() <= Duration::from_secs(1));
/// assert!(backoff.wait() <= Duration::from_secs(2));
/// backoff.reset();
/// assert!(backoff.wait() <= Duration::from_secs(1));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
    random: u64,
}

/// Half a second at first, half a minute at most.
impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// Waits up to `first` after the first failure, and never longer than `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, failures: 0, random: RandomState::new().build_hasher().finish() }
    }

    /// Draws from `seed`: the same waits every time, for tests.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.random = seed;
        self
    }

    /// The longest wait there is. What held for as long was a success.
    pub const fn cap(&self) -> Duration {
        self.cap
    }

    /// Counts a failure, and answers how long to wait after it.
    pub fn wait(&mut self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(doubled).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        // splitmix64: any seed is a good one.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let draw = (mixed ^ mixed >> 31) >> 32;
        let nanos = bound.as_nanos() * u128::from(draw) / u128::from(u32::MAX);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Forgets the failures: something went well.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds_hold(backoff: &mut Backoff, bounds: &[u64]) -> Vec<Duration> {
        let waits: Vec<_> = bounds.iter().map(|_| backoff.wait()).collect();
        for (wait, bound) in waits.iter().zip(bounds) {
            assert!(*wait <= Duration::from_secs(*bound), "{wait:?} of {bound} s");
        }
        waits
    }

    #[test]
    fn the_bound_doubles_up_to_the_cap_and_falls_back_after_success() {
        for seed in 0..1000 {
            let mut backoff =
                Backoff::new(Duration::from_secs(1), Duration::from_secs(10)).seed(seed);
            let waits = bounds_hold(&mut backoff, &[1, 2, 4, 8, 10, 10]);
            backoff.reset();
            bounds_hold(&mut backoff, &[1, 2]);
            // The same seed, the same waits.
            let mut again =
                Backoff::new(Duration::from_secs(1), Duration::from_secs(10)).seed(seed);
            assert_eq!(bounds_hold(&mut again, &[1, 2, 4, 8, 10, 10]), waits);
        }
    }

    #[test]
    fn waits_are_spread_over_the_whole_range() {
        let waits: Vec<_> = (0..1000)
            .map(|seed| Backoff::new(Duration::from_secs(1), Duration::MAX).seed(seed).wait())
            .collect();
        for tenth in 0..10 {
            let range =
                Duration::from_millis(tenth * 100)..Duration::from_millis(tenth * 100 + 100);
            let count = waits.iter().filter(|wait| range.contains(*wait)).count();
            assert!((50..200).contains(&count), "{count} in tenth {tenth}");
        }
    }

    #[test]
    fn any_number_of_failures_is_survived() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        for _ in 0..200 {
            backoff.wait();
        }
        let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(backoff.wait(), Duration::ZERO);
    }
}
