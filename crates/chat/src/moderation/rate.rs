use std::time::Duration;

use super::{Case, Policy, Record, Verdict};
use crate::Refusal;

/// So many in a time, and so many at once: the generic cell rate algorithm (ITU-T I.371, A.1),
/// whose whole state is one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time one takes.
    each: Duration,
    /// How far ahead of it one may be.
    ahead: Duration,
}

impl Rate {
    /// `count` in every `period`, `burst` at once. A count or burst of zero is taken for one.
    pub fn new(count: u32, period: Duration, burst: u32) -> Self {
        let each = period / count.max(1);
        Self { each, ahead: each.saturating_mul(burst.max(1) - 1) }
    }

    /// How much longer to wait, if at all.
    pub(crate) fn wait(self, now: Duration, record: &Record) -> Option<Duration> {
        let wait = record.paid_until.saturating_sub(self.ahead).saturating_sub(now);
        (!wait.is_zero()).then_some(wait)
    }

    pub(crate) fn pay(self, now: Duration, record: &mut Record) {
        record.paid_until = record.paid_until.max(now).saturating_add(self.each);
    }
}

/// How fast one author may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorRate(pub Rate);

impl Policy for AuthorRate {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        let wait = self.0.wait(case.now, case.record);
        wait.map_or(Verdict::Pass, |retry_after| {
            Verdict::Refuse(Refusal::AuthorRate { retry_after })
        })
    }

    fn note(&self, case: &Case<'_>, author: &mut Record, _: &mut Record) {
        self.0.pay(case.now, author);
    }
}

/// How fast a whole room may write, staff apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomRate(pub Rate);

impl Policy for RoomRate {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        let wait = self.0.wait(case.now, case.room);
        wait.map_or(Verdict::Pass, |retry_after| Verdict::Refuse(Refusal::RoomRate { retry_after }))
    }

    fn note(&self, case: &Case<'_>, _: &mut Record, room: &mut Record) {
        self.0.pay(case.now, room);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let rate = AuthorRate(Rate::new(2, Duration::from_secs(1), 3));
        let mut fixture = Fixture::saying("x");
        let at = Duration::from_millis;
        for _ in 0..3 {
            assert_eq!(fixture.say(&rate, at(1000)), Verdict::Pass);
        }
        let refused = |millis| Verdict::Refuse(Refusal::AuthorRate { retry_after: at(millis) });
        assert_eq!(fixture.say(&rate, at(1000)), refused(500));
        assert_eq!(fixture.say(&rate, at(1200)), refused(300));
        assert_eq!(fixture.say(&rate, at(1500)), Verdict::Pass);
        assert_eq!(fixture.say(&rate, at(1500)), refused(500));
        // A pause fills the bucket again, and not beyond.
        for _ in 0..3 {
            assert_eq!(fixture.say(&rate, at(60_000)), Verdict::Pass);
        }
        assert_eq!(fixture.say(&rate, at(60_000)), refused(500));
    }

    #[test]
    fn the_room_has_a_pace_of_its_own() {
        let rate = RoomRate(Rate::new(1, Duration::from_secs(1), 1));
        let mut fixture = Fixture::saying("x");
        assert_eq!(fixture.say(&rate, Duration::ZERO), Verdict::Pass);
        fixture.record = Record::default();
        assert_eq!(
            fixture.say(&rate, Duration::ZERO),
            Verdict::Refuse(Refusal::RoomRate { retry_after: Duration::from_secs(1) })
        );
    }
}
