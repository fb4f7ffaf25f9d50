use std::time::Duration;

/// Why the room did not take what somebody sent. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No text where the kind needs one.
    #[error("there is no text")]
    Empty,
    /// A text longer than [`Limits::text`](crate::Limits::text) or the room's rule.
    #[error("the text is longer than {limit} {unit}")]
    TooLong {
        /// The most that is allowed.
        limit: usize,
        /// `bytes` or `characters`.
        unit: &'static str,
    },
    /// Something that only others may do.
    #[error("not allowed for this author")]
    NotAllowed,
    /// A body that cannot be: a poll of one option, a standing nobody counted.
    #[error("{field} is not possible")]
    Impossible {
        /// What of it.
        field: &'static str,
    },
    /// An entry that the room does not hold.
    #[error("no such entry")]
    UnknownEntry,
    /// A ticket that was decided, expired, or never given.
    #[error("nothing is held under that ticket")]
    UnknownTicket,
    /// The author is banned.
    #[error("banned")]
    Banned {
        /// How much longer; `None` for good.
        retry_after: Option<Duration>,
    },
    /// The author is in a timeout.
    #[error("timed out")]
    TimedOut {
        /// How much longer.
        retry_after: Duration,
    },
    /// Slow mode: the author wrote too short a while ago.
    #[error("slow mode")]
    SlowMode {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// Only followers may write.
    #[error("followers only")]
    FollowersOnly,
    /// Only subscribers may write.
    #[error("subscribers only")]
    SubscribersOnly,
    /// Only emotes may be written.
    #[error("emotes only")]
    EmotesOnly,
    /// The author said the same a moment ago.
    #[error("said already")]
    Repeated,
    /// A link where there may be none.
    #[error("links are not allowed")]
    Link,
    /// A word the room does not allow.
    #[error("a word that is not allowed")]
    Word,
    /// The author writes faster than allowed.
    #[error("too many from one author")]
    AuthorRate {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// The room takes no more at this rate.
    #[error("too many in this room")]
    RoomRate {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// A policy of the integrator's own.
    #[error("refused by {policy}")]
    Policy {
        /// Its name.
        policy: &'static str,
    },
    /// A queue is full; soon it will not be.
    #[error("{queue} are full")]
    Busy {
        /// Which queue.
        queue: &'static str,
    },
    /// A bound that does not clear by itself is reached.
    #[error("no more {what}")]
    Full {
        /// Of what.
        what: &'static str,
    },
    /// No poll is open, or not that one.
    #[error("the poll is closed")]
    PollClosed,
    /// The author has voted.
    #[error("voted already")]
    Voted,
    /// This node may not order the room's entries now, and knows nobody who may.
    #[error("the room has no sequencer")]
    NoSequencer,
    /// The sequencer did not answer in time. It may have admitted the entry: trying again under
    /// the same idempotency key is safe.
    #[error("the sequencer did not answer")]
    Unanswered,
}

impl Refusal {
    /// A stable word for it, for `type` of a problem document.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too-long",
            Self::NotAllowed => "not-allowed",
            Self::Impossible { .. } => "impossible",
            Self::UnknownEntry => "unknown-entry",
            Self::UnknownTicket => "unknown-ticket",
            Self::Banned { .. } => "banned",
            Self::TimedOut { .. } => "timed-out",
            Self::SlowMode { .. } => "slow-mode",
            Self::FollowersOnly => "followers-only",
            Self::SubscribersOnly => "subscribers-only",
            Self::EmotesOnly => "emotes-only",
            Self::Repeated => "repeated",
            Self::Link => "link",
            Self::Word => "word",
            Self::AuthorRate { .. } => "author-rate",
            Self::RoomRate { .. } => "room-rate",
            Self::Policy { policy } => policy,
            Self::Busy { .. } => "busy",
            Self::Full { .. } => "full",
            Self::PollClosed => "poll-closed",
            Self::Voted => "voted",
            Self::NoSequencer => "no-sequencer",
            Self::Unanswered => "unanswered",
        }
    }

    /// When trying again may succeed, where that is known: `Retry-After` of an answer.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Banned { retry_after } => *retry_after,
            Self::TimedOut { retry_after }
            | Self::SlowMode { retry_after }
            | Self::AuthorRate { retry_after }
            | Self::RoomRate { retry_after } => Some(*retry_after),
            Self::Busy { .. } | Self::NoSequencer | Self::Unanswered => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }
}
