use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sanction {
    how: Restriction,
    /// `None` is for good.
    until: Option<Duration>,
}

impl Sanctions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { in_force: HashMap::new(), limit }
    }

    /// Whether what `user` writes is for their eyes only.
    pub(crate) fn check(&self, now: Duration, user: &UserId) -> Result<bool, Refusal> {
        let Some(sanction) = self.in_force.get(user) else { return Ok(false) };
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
    ) -> Result<(), Refusal> {
        if self.in_force.len() >= self.limit && !self.in_force.contains_key(user) {
            self.in_force.retain(|_, it| it.until.is_none_or(|until| until > now));
            if self.in_force.len() >= self.limit {
                return Err(Refusal::Full { what: "sanctions" });
            }
        }
        let until = lasts.map(|lasts| now.saturating_add(lasts));
        self.in_force.insert(user.clone(), Sanction { how, until });
        Ok(())
    }

    /// What is in force, for another node; the clocks differ, so how much longer.
    pub(crate) fn standing(&self, now: Duration) -> Vec<Standing> {
        let in_force = self.in_force.iter().filter_map(|(user, sanction)| {
            let lasts = sanction.until.map(|until| until.saturating_sub(now));
            let over = lasts.is_some_and(|lasts| lasts.is_zero());
            (!over).then(|| Standing { user: user.clone(), how: sanction.how, lasts })
        });
        in_force.collect()
    }

    /// Takes over what is in force elsewhere, and nothing else.
    pub(crate) fn replace(&mut self, now: Duration, standing: Vec<Standing>) {
        self.in_force.clear();
        for Standing { user, how, lasts } in standing {
            let until = lasts.map(|lasts| now.saturating_add(lasts));
            self.in_force.insert(user, Sanction { how, until });
        }
    }

    pub(crate) fn pardon(&mut self, user: &UserId) {
        self.in_force.remove(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanctions_end_and_are_bounded() {
        let at = Duration::from_secs;
        let (ann, ben) = ("ann".parse().unwrap(), "ben".parse().unwrap());
        let mut sanctions = Sanctions::new(1);
        sanctions.restrict(at(0), &ann, Restriction::Timeout, Some(at(10))).unwrap();
        assert_eq!(sanctions.check(at(4), &ann), Err(Refusal::TimedOut { retry_after: at(6) }));
        assert_eq!(
            sanctions.restrict(at(4), &ben, Restriction::Ban, None),
            Err(Refusal::Full { what: "sanctions" })
        );
        assert_eq!(sanctions.check(at(10), &ann), Ok(false));
        sanctions.restrict(at(10), &ben, Restriction::Ban, None).unwrap();
        assert_eq!(sanctions.check(at(1 << 40), &ben), Err(Refusal::Banned { retry_after: None }));
        sanctions.restrict(at(10), &ben, Restriction::Shadow, None).unwrap();
        assert_eq!(sanctions.check(at(11), &ben), Ok(true));
        sanctions.pardon(&ben);
        assert_eq!(sanctions.check(at(11), &ben), Ok(false));
    }
}
