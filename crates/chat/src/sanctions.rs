use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::author::Rank;
use crate::{Refusal, Restriction, UserId};

/// Who may not write, or not be seen.
#[derive(Debug, Default)]
pub(crate) struct Sanctions {
    in_force: HashMap<UserId, Sanction>,
    limit: usize,
}

/// A sanction as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) user: UserId,
    pub(crate) how: Restriction,
    #[serde(default, with = "crate::input::millis")]
    pub(crate) lasts: Option<Duration>,
    #[serde(default)]
    pub(crate) by: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sanction {
    how: Restriction,
    /// `None` is for good.
    until: Option<Duration>,
    /// What whoever decided it was.
    by: Rank,
}

impl Sanction {
    fn is_over(self, now: Duration) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Sanctions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { in_force: HashMap::new(), limit }
    }

    /// Whether what `user` writes is for their eyes only. Nobody is bound by those who are not above
    /// them.
    pub(crate) fn check(&self, now: Duration, user: &UserId, rank: Rank) -> Result<bool, Refusal> {
        let Some(sanction) = self.in_force.get(user) else { return Ok(false) };
        if rank >= sanction.by {
            return Ok(false);
        }
        let retry_after = sanction.until.map(|until| until.saturating_sub(now));
        if retry_after.is_some_and(|it| it.is_zero()) {
            return Ok(false);
        }
        match (sanction.how, retry_after) {
            (Restriction::Shadow, _) => Ok(true),
            (Restriction::Timeout, Some(retry_after)) => Err(Refusal::TimedOut { retry_after }),
            (Restriction::Ban, _) | (Restriction::Timeout, None) => {
                Err(Refusal::Banned { retry_after })
            }
        }
    }

    pub(crate) fn restrict(
        &mut self,
        now: Duration,
        user: &UserId,
        how: Restriction,
        lasts: Option<Duration>,
        by: Rank,
    ) -> Result<(), Refusal> {
        self.may_change(now, user, by)?;
        if self.in_force.len() >= self.limit && !self.in_force.contains_key(user) {
            self.in_force.retain(|_, it| !it.is_over(now));
            if self.in_force.len() >= self.limit {
                return Err(Refusal::Full { what: "sanctions" });
            }
        }
        let until = lasts.map(|lasts| now.saturating_add(lasts));
        self.in_force.insert(user.clone(), Sanction { how, until, by });
        Ok(())
    }

    /// What somebody above has decided stands.
    fn may_change(&self, now: Duration, user: &UserId, by: Rank) -> Result<(), Refusal> {
        let standing = self.in_force.get(user).filter(|sanction| !sanction.is_over(now));
        if standing.is_some_and(|sanction| sanction.by > by) {
            return Err(Refusal::NotAllowed);
        }
        Ok(())
    }

    /// What is in force, for another node; the clocks differ, so how much longer.
    pub(crate) fn standing(&self, now: Duration) -> Vec<Standing> {
        let in_force = self.in_force.iter().filter_map(|(user, sanction)| {
            let lasts = sanction.until.map(|until| until.saturating_sub(now));
            let over = lasts.is_some_and(|lasts| lasts.is_zero());
            let (how, by) = (sanction.how, sanction.by);
            (!over).then(|| Standing { user: user.clone(), how, lasts, by })
        });
        in_force.collect()
    }

    /// Takes over what is in force elsewhere, and nothing else.
    pub(crate) fn replace(&mut self, now: Duration, standing: Vec<Standing>) {
        self.in_force.clear();
        for Standing { user, how, lasts, by } in standing {
            let until = lasts.map(|lasts| now.saturating_add(lasts));
            self.in_force.insert(user, Sanction { how, until, by });
        }
    }

    pub(crate) fn pardon(&mut self, now: Duration, user: &UserId, by: Rank) -> Result<(), Refusal> {
        self.may_change(now, user, by)?;
        self.in_force.remove(user);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: Rank = Rank::Moderator;

    #[test]
    fn sanctions_end_and_are_bounded() {
        let at = Duration::from_secs;
        let (ann, ben) = ("ann".parse().unwrap(), "ben".parse().unwrap());
        let mut sanctions = Sanctions::new(1);
        sanctions.restrict(at(0), &ann, Restriction::Timeout, Some(at(10)), MOD).unwrap();
        assert_eq!(
            sanctions.check(at(4), &ann, Rank::Viewer),
            Err(Refusal::TimedOut { retry_after: at(6) })
        );
        assert_eq!(
            sanctions.restrict(at(4), &ben, Restriction::Ban, None, MOD),
            Err(Refusal::Full { what: "sanctions" })
        );
        assert_eq!(sanctions.check(at(10), &ann, Rank::Viewer), Ok(false));
        sanctions.restrict(at(10), &ben, Restriction::Ban, None, MOD).unwrap();
        assert_eq!(
            sanctions.check(at(1 << 40), &ben, Rank::Viewer),
            Err(Refusal::Banned { retry_after: None })
        );
        sanctions.restrict(at(10), &ben, Restriction::Shadow, None, MOD).unwrap();
        assert_eq!(sanctions.check(at(11), &ben, Rank::Viewer), Ok(true));
        sanctions.pardon(at(11), &ben, MOD).unwrap();
        assert_eq!(sanctions.check(at(11), &ben, Rank::Viewer), Ok(false));
    }

    #[test]
    fn those_above_are_not_bound_by_those_below() {
        let now = Duration::ZERO;
        let ann = "ann".parse().unwrap();
        let mut sanctions = Sanctions::new(9);
        sanctions.restrict(now, &ann, Restriction::Ban, None, MOD).unwrap();
        assert!(sanctions.check(now, &ann, Rank::Viewer).is_err());
        assert_eq!(sanctions.check(now, &ann, MOD), Ok(false));
        assert_eq!(sanctions.check(now, &ann, Rank::Broadcaster), Ok(false));

        let brief = Some(Duration::from_secs(1));
        sanctions.restrict(now, &ann, Restriction::Ban, None, Rank::Broadcaster).unwrap();
        let shorter = sanctions.restrict(now, &ann, Restriction::Timeout, brief, MOD);
        assert_eq!(shorter, Err(Refusal::NotAllowed));
        assert_eq!(sanctions.pardon(now, &ann, MOD), Err(Refusal::NotAllowed));
        assert!(sanctions.check(now, &ann, MOD).is_err());
        sanctions.pardon(now, &ann, Rank::System).unwrap();
        assert_eq!(sanctions.check(now, &ann, Rank::Viewer), Ok(false));
    }
}
