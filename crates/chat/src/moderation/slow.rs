use super::{Case, Policy, Verdict};
use crate::{Refusal, Roles};

/// Slow mode as the moderators set it in [`Modes`](super::Modes): so long between two messages of
/// one author. VIPs pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowMode;

impl Policy for SlowMode {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        let (Some(pause), Some(last)) = (case.modes.slow(), case.record.last()) else {
            return Verdict::Pass;
        };
        let retry_after = last.saturating_add(pause).saturating_sub(case.now);
        if retry_after.is_zero() || case.author.roles.any(Roles::VIP) {
            Verdict::Pass
        } else {
            Verdict::Refuse(Refusal::SlowMode { retry_after })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn the_second_message_waits() {
        let mut fixture = Fixture::saying("x");
        let at = Duration::from_secs;
        assert_eq!(fixture.say(&SlowMode, at(1)), Verdict::Pass);
        assert_eq!(fixture.say(&SlowMode, at(1)), Verdict::Pass, "off by default");
        fixture.modes.slow_ms = 10_000;
        assert_eq!(
            fixture.say(&SlowMode, at(4)),
            Verdict::Refuse(Refusal::SlowMode { retry_after: at(7) })
        );
        assert_eq!(fixture.say(&SlowMode, at(11)), Verdict::Pass);
        fixture.author.roles = Roles::VIP;
        assert_eq!(fixture.say(&SlowMode, at(12)), Verdict::Pass);
    }
}
