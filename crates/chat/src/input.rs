use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::WallTime;
use crate::{Author, Batch, Body, Cursor, Entry, EntryId, Key, Modes, Reaction, UserId};

/// What a room is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Input {
    /// Somebody wants an entry in the room. Answered with [`Answer::Admitted`] or
    /// [`Answer::Held`].
    Submit(Submission),
    /// Somebody reacts to an entry. Answered with [`Answer::Counted`].
    React {
        /// Who.
        by: Author,
        /// To what.
        target: EntryId,
        /// How.
        reaction: Reaction,
    },
    /// Somebody votes in the open poll, once. Answered with [`Answer::Counted`].
    Vote {
        /// Who.
        by: Author,
        /// The poll.
        poll: EntryId,
        /// Which of its options, from 0.
        option: usize,
    },
    /// Somebody is writing at this moment. Answered with [`Answer::Counted`].
    Typing {
        /// Who.
        by: UserId,
    },
    /// A moderator acts. Answered with [`Answer::Done`].
    Moderate {
        /// Who.
        by: Author,
        /// What they do.
        act: Act,
    },
    /// The answer to an [`Output::Review`]. Answered with [`Answer::Admitted`] or
    /// [`Answer::Done`].
    Review {
        /// Which submission.
        ticket: Ticket,
        /// Who decided; nobody where a machine did.
        by: Option<UserId>,
        /// Whether it is admitted.
        approve: bool,
    },
}

/// What somebody wants in the room.
///
/// Anybody writes messages, replies and the deletion of their own entries; moderators also pins,
/// polls, stream changes, system words and any deletion; only [`Roles::SYSTEM`](crate::Roles::SYSTEM)
/// announces donations and subscriptions. Reactions are counted through [`Input::React`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Who writes.
    #[serde(flatten)]
    pub author: Author,
    /// Under which key it is admitted once. Refusals are not remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

impl Submission {
    /// A message without a key.
    pub fn message(author: Author, text: impl Into<String>) -> Self {
        Self { author, key: None, body: Body::Message { text: text.into() } }
    }

    /// The same under an idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }
}

/// What a moderator does. Each is told in [`Output::Audit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Act {
    /// Take an entry from everyone's eyes. The same as submitting [`Body::Delete`]. Not one of
    /// somebody whom the room knows to be above.
    Delete {
        /// Which.
        target: EntryId,
    },
    /// Keep somebody from writing for a while, or for good.
    ///
    /// Those above restrict those below: systems the broadcaster, the broadcaster moderators, and
    /// moderators everybody else. A restriction binds nobody who is not below whoever decided it,
    /// and only those as high change it; of somebody whom the room knows to be too high it is
    /// [`Refusal::NotAllowed`](crate::Refusal::NotAllowed).
    Restrict {
        /// Whom.
        user: UserId,
        /// How.
        how: Restriction,
        /// How long, in milliseconds of JSON; `None` for good.
        #[serde(default, with = "millis")]
        lasts: Option<Duration>,
    },
    /// Let somebody write again.
    Pardon {
        /// Whom.
        user: UserId,
    },
    /// Take no more votes.
    ClosePoll {
        /// In which poll.
        poll: EntryId,
    },
    /// Set the room's modes.
    Modes(Modes),
}

/// How somebody is kept from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restriction {
    /// [`Refusal::TimedOut`](crate::Refusal::TimedOut).
    Timeout,
    /// [`Refusal::Banned`](crate::Refusal::Banned).
    Ban,
    /// Nothing is refused, but nobody else sees it: to the others the entry is one that was
    /// deleted before they came.
    Shadow,
}

/// That an entry is in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its name.
    pub id: EntryId,
    /// Where a reader stands who has it.
    pub cursor: Cursor,
}

/// Names a submission that is held for review; never given twice in a room's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub(crate) u64);

/// What a room answers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Answer {
    /// It is in the room.
    Admitted(Receipt),
    /// It waits for a review.
    Held(Ticket),
    /// It is counted, and will show in a tally.
    Counted,
    /// It is done.
    Done,
}

/// What a room tells its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// For every reader.
    Batch(Batch),
    /// For the broadcaster's systems: a donation or a subscription.
    Support(Entry),
    /// For the record.
    Audit(Audit),
    /// For somebody or something that decides; answered with [`Input::Review`].
    Review(Ticket, Submission),
}

/// What somebody with authority did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When.
    pub at: WallTime,
    /// Who; nobody where a machine reviewed.
    pub by: Option<UserId>,
    /// What.
    pub deed: Deed,
}

/// What an [`Audit`] tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Deed {
    /// An act.
    Act(Act),
    /// A review.
    Review {
        /// Of what.
        ticket: Ticket,
        /// Whether it was admitted.
        approve: bool,
    },
    /// An entry only a moderator may write: a pin, a poll, a stream change, a system word.
    Entry(EntryId),
}

/// An optional duration as milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the form serde calls")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let millis = duration.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        millis.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}
