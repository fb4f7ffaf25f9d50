//! Who may say what: policies that look at a submission and say yes or no.
//!
//! A [`Policy`] is a pure function of the submission and of what the room remembers of its author;
//! [`Policies`] asks one after the other and stops at the first that does not pass.

mod audience;
mod length;
mod links;
mod modes;
mod rate;
mod record;
mod review_all;
mod slow;
mod unique;
mod words;

use std::fmt;
use std::time::Duration;

use crate::{Author, Body, Refusal};

pub use audience::{Audience, Emotes};
pub use length::Length;
pub use links::Links;
pub use modes::Modes;
pub use rate::{AuthorRate, Rate, RoomRate};
pub use record::Record;
pub use review_all::ReviewAll;
pub use slow::SlowMode;
pub use unique::Unique;
pub use words::{WordFilter, Words};

/// One rule about what may be said.
///
/// Asked for messages and replies of everybody who is not
/// [staff](crate::Roles::is_staff); everything else is a matter of roles, not of policy.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Judges a submission. Changes nothing.
    fn judge(&self, case: &Case<'_>) -> Verdict;

    /// Notes that the submission was admitted, in the record of the author and of the room.
    fn note(&self, case: &Case<'_>, author: &mut Record, room: &mut Record) {
        let _ = (case, author, room);
    }
}

/// What a policy looks at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The time, on the room's clock.
    pub now: Duration,
    /// Who writes.
    pub author: &'a Author,
    /// What.
    pub body: &'a Body,
    /// Its text.
    pub text: &'a str,
    /// How the moderators have set the room.
    pub modes: &'a Modes,
    /// What is remembered of the author.
    pub record: &'a Record,
    /// What is remembered of the room as a whole.
    pub room: &'a Record,
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Pass,
    /// Somebody should look at it first.
    Hold,
    /// Let the author believe it was said.
    Shadow,
    /// No.
    Refuse(Refusal),
}

/// Policies in the order they are asked.
///
/// ```
/// use airloom_chat::moderation::{Length, Links, Policies};
///
/// let policies = Policies::none().with(Length { characters: 200 }).with(Links::none());
/// ```
#[derive(Debug)]
pub struct Policies(Vec<Box<dyn Policy>>);

impl Policies {
    /// No policy at all: the limits of the room remain.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// One more, asked after the others.
    #[must_use]
    pub fn with(mut self, policy: impl Policy + 'static) -> Self {
        self.0.push(Box::new(policy));
        self
    }

    pub(crate) fn judge(&self, case: &Case<'_>) -> Verdict {
        let mut verdict = Verdict::Pass;
        for policy in &self.0 {
            match (policy.judge(case), verdict) {
                (Verdict::Pass, _) => {}
                (refused @ Verdict::Refuse(_), _) => return refused,
                // Shadow is stricter than a review.
                (Verdict::Shadow, _) | (_, Verdict::Shadow) => verdict = Verdict::Shadow,
                (Verdict::Hold, _) => verdict = Verdict::Hold,
            }
        }
        verdict
    }

    pub(crate) fn note(&self, case: &Case<'_>, author: &mut Record, room: &mut Record) {
        for policy in &self.0 {
            policy.note(case, author, room);
        }
    }
}

/// The modes moderators can set (slow mode, audience, emotes), 500 characters, and 5,000 messages
/// a second in the room. An author's own pace is not among them, for names that nobody has
/// authenticated have none: add [`AuthorRate`] where they are.
impl Default for Policies {
    fn default() -> Self {
        Self::none()
            .with(Length { characters: 500 })
            .with(Audience)
            .with(Emotes)
            .with(SlowMode)
            .with(RoomRate(Rate::new(5000, Duration::from_secs(1), 5000)))
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// A case that policies of the tests look at.
    #[derive(Debug)]
    pub(crate) struct Fixture {
        pub(crate) now: Duration,
        pub(crate) author: Author,
        pub(crate) body: Body,
        pub(crate) modes: Modes,
        pub(crate) record: Record,
        pub(crate) room: Record,
    }

    impl Fixture {
        pub(crate) fn saying(text: &str) -> Self {
            Self {
                now: Duration::ZERO,
                author: Author::new("ann".parse().unwrap()),
                body: Body::Message { text: text.to_owned() },
                modes: Modes::default(),
                record: Record::default(),
                room: Record::default(),
            }
        }

        pub(crate) fn case(&self) -> Case<'_> {
            Case {
                now: self.now,
                author: &self.author,
                body: &self.body,
                text: self.body.text().unwrap_or_default(),
                modes: &self.modes,
                record: &self.record,
                room: &self.room,
            }
        }

        pub(crate) fn judged(&self, policy: &impl Policy) -> Verdict {
            policy.judge(&self.case())
        }

        pub(crate) fn say(&mut self, policy: &impl Policy, at: Duration) -> Verdict {
            self.now = at;
            let verdict = self.judged(policy);
            if verdict == Verdict::Pass {
                let (mut record, mut room) = (self.record.clone(), self.room.clone());
                policy.note(&self.case(), &mut record, &mut room);
                record.note_admission(at);
                (self.record, self.room) = (record, room);
            }
            verdict
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::Fixture;
    use super::*;

    #[derive(Debug)]
    struct Always(Verdict);

    impl Policy for Always {
        fn judge(&self, _: &Case<'_>) -> Verdict {
            self.0
        }
    }

    #[test]
    fn a_refusal_wins_and_shadow_beats_a_review() {
        let fixture = Fixture::saying("x");
        let refused = Verdict::Refuse(Refusal::Policy { policy: "mine" });
        let judged = |verdicts: &[Verdict]| {
            let policies = verdicts.iter().fold(Policies::none(), |all, it| all.with(Always(*it)));
            policies.judge(&fixture.case())
        };
        assert_eq!(judged(&[]), Verdict::Pass);
        assert_eq!(judged(&[Verdict::Hold, Verdict::Pass]), Verdict::Hold);
        assert_eq!(judged(&[Verdict::Shadow, Verdict::Hold]), Verdict::Shadow);
        assert_eq!(judged(&[Verdict::Hold, Verdict::Shadow]), Verdict::Shadow);
        assert_eq!(judged(&[Verdict::Shadow, refused]), refused);
    }
}
