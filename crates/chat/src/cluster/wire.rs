//! A refusal on its way from the sequencer to the node whose writer it concerns.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Refusal;

/// What a [`Refusal`] is on the wire: its code and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refused {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<String>,
}

/// The words that refusals of this crate carry.
const WORDS: [&str; 16] = [
    "bytes",
    "characters",
    "entries",
    "field",
    "kind",
    "kinds of reactions",
    "lasts",
    "option",
    "options",
    "outputs",
    "reactions",
    "requests",
    "reviews",
    "sanctions",
    "standing",
    "target",
];

fn word(text: Option<&str>) -> &'static str {
    WORDS.into_iter().find(|word| Some(*word) == text).unwrap_or("more")
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (limit, word) = match refusal {
            Refusal::TooLong { limit, unit } => (Some(limit), Some(unit)),
            Refusal::Impossible { field } => (None, Some(field)),
            Refusal::Busy { queue } => (None, Some(queue)),
            Refusal::Full { what } => (None, Some(what)),
            _ => (None, None),
        };
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        Self {
            code: refusal.code().to_owned(),
            retry_ms: refusal.retry_after().map(millis),
            limit,
            word: word.map(str::to_owned),
        }
    }
}

impl From<&Refused> for Refusal {
    /// A code of somebody's own policy comes back as `policy`: names of policies are not sent.
    fn from(refused: &Refused) -> Self {
        let after = refused.retry_ms.map(Duration::from_millis);
        let retry_after = after.unwrap_or_default();
        let word = word(refused.word.as_deref());
        match refused.code.as_str() {
            "empty" => Self::Empty,
            "too-long" => Self::TooLong { limit: refused.limit.unwrap_or_default(), unit: word },
            "not-allowed" => Self::NotAllowed,
            "impossible" => Self::Impossible { field: word },
            "unknown-entry" => Self::UnknownEntry,
            "unknown-ticket" => Self::UnknownTicket,
            "banned" => Self::Banned { retry_after: after },
            "timed-out" => Self::TimedOut { retry_after },
            "slow-mode" => Self::SlowMode { retry_after },
            "followers-only" => Self::FollowersOnly,
            "subscribers-only" => Self::SubscribersOnly,
            "emotes-only" => Self::EmotesOnly,
            "repeated" => Self::Repeated,
            "link" => Self::Link,
            "word" => Self::Word,
            "author-rate" => Self::AuthorRate { retry_after },
            "room-rate" => Self::RoomRate { retry_after },
            "busy" => Self::Busy { queue: word },
            "full" => Self::Full { what: word },
            "poll-closed" => Self::PollClosed,
            "voted" => Self::Voted,
            "no-sequencer" => Self::NoSequencer,
            "unanswered" => Self::Unanswered,
            _ => Self::Policy { policy: "policy" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_arrives_as_it_left() {
        let retry_after = Duration::from_millis(1500);
        for refusal in [
            Refusal::Empty,
            Refusal::TooLong { limit: 500, unit: "characters" },
            Refusal::NotAllowed,
            Refusal::Impossible { field: "options" },
            Refusal::UnknownEntry,
            Refusal::UnknownTicket,
            Refusal::Banned { retry_after: None },
            Refusal::Banned { retry_after: Some(retry_after) },
            Refusal::TimedOut { retry_after },
            Refusal::SlowMode { retry_after },
            Refusal::FollowersOnly,
            Refusal::SubscribersOnly,
            Refusal::EmotesOnly,
            Refusal::Repeated,
            Refusal::Link,
            Refusal::Word,
            Refusal::AuthorRate { retry_after },
            Refusal::RoomRate { retry_after },
            Refusal::Policy { policy: "policy" },
            Refusal::Busy { queue: "entries" },
            Refusal::Full { what: "sanctions" },
            Refusal::PollClosed,
            Refusal::Voted,
            Refusal::NoSequencer,
            Refusal::Unanswered,
        ] {
            let json = serde_json::to_string(&Refused::from(refusal)).unwrap();
            let back: Refused = serde_json::from_str(&json).unwrap();
            assert_eq!(Refusal::from(&back), refusal, "{json}");
        }
    }
}
