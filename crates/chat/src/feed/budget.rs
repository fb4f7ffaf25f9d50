//! Which ordinary entries a tick shows.

use std::time::Duration;

use crate::config::Display;

/// A bucket of entries that may be shown, and the dice for when it runs out.
#[derive(Debug)]
pub(super) struct Budget {
    display: Option<Display>,
    /// Thousandths of an entry.
    tokens: u64,
    filled: Duration,
    dice: u64,
}

/// Of `count` ordinary entries of a tick, `shown` from `start` on, round the end to the
/// beginning: each has the same chance, and what is missing lies in two runs at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    count: u64,
    start: u64,
    shown: u64,
}

impl Sample {
    pub(super) fn shows(self, index: u64) -> bool {
        // Distance from the start, going round.
        let distance =
            if index >= self.start { index - self.start } else { index + self.count - self.start };
        distance < self.shown
    }
}

impl Budget {
    pub(super) fn new(display: Option<Display>, seed: u64) -> Self {
        let tokens = display.map_or(0, |it| u64::from(it.burst) * 1000);
        Self { display, tokens, filled: Duration::ZERO, dice: seed }
    }

    /// Pays for a tick of `priority` entries that are shown whatever they cost and `ordinary`
    /// ones that are shown as far as the budget goes.
    pub(super) fn sample(&mut self, now: Duration, priority: u64, ordinary: u64) -> Sample {
        let Some(display) = self.display else {
            return Sample { count: ordinary, start: 0, shown: ordinary };
        };
        let passed = u64::try_from(now.saturating_sub(self.filled).as_millis()).unwrap_or(u64::MAX);
        self.filled = self.filled.max(now);
        let gained = passed.saturating_mul(u64::from(display.rate));
        self.tokens = self.tokens.saturating_add(gained).min(u64::from(display.burst) * 1000);
        self.tokens = self.tokens.saturating_sub(priority.saturating_mul(1000));
        let shown = ordinary.min(self.tokens / 1000);
        self.tokens -= shown * 1000;
        let start = if shown < ordinary { self.roll(ordinary) } else { 0 };
        Sample { count: ordinary, start, shown }
    }

    /// A number below `bound`, by splitmix64 and Lemire's multiplication.
    fn roll(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_shown_and_a_flood_is_not() {
        let mut budget = Budget::new(Some(Display { rate: 20, burst: 200 }), 1);
        assert_eq!(budget.sample(Duration::ZERO, 0, 200).shown, 200);
        assert_eq!(budget.sample(Duration::from_millis(500), 0, 1000).shown, 10);
        assert_eq!(budget.sample(Duration::from_secs(1), 4, 1000).shown, 6);
        // Priority entries alone may cost more than there is.
        assert_eq!(budget.sample(Duration::from_millis(1500), 40, 1000).shown, 0);
        assert_eq!(Budget::new(None, 1).sample(Duration::ZERO, 0, 1 << 40).shown, 1 << 40);
    }

    #[test]
    fn every_ordinary_entry_has_the_same_chance() {
        let mut budget = Budget::new(Some(Display { rate: 10, burst: 10 }), 7);
        let mut shown = [0_u32; 50];
        for tick in 0..20_000 {
            let sample = budget.sample(Duration::from_secs(tick), 0, 50);
            let mut count = 0;
            for (index, times) in (0..).zip(&mut shown) {
                *times += u32::from(sample.shows(index));
                count += u32::from(sample.shows(index));
            }
            assert_eq!(count, 10);
        }
        // 4000 each; the standard deviation is 57.
        assert!(shown.iter().all(|times| (3700..4300).contains(times)), "{shown:?}");
    }
}
