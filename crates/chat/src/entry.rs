use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cursor::as_string;
use crate::{Author, EntryId, Error, Name, Offset, Reaction, WallTime};

/// One thing that happened in a room, as readers get it.
///
/// In JSON an object with `offset`, `id`, `at`, `kind`, the fields of its kind, and the author's
/// `user`, `name` and `roles` where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the room's history.
    pub offset: Offset,
    /// Its name.
    pub id: EntryId,
    /// When it was admitted.
    pub at: WallTime,
    /// What it is.
    #[serde(flatten)]
    pub body: Body,
    /// Who wrote it; nobody where the room itself did.
    #[serde(flatten)]
    pub author: Option<Author>,
}

/// What an entry is: `kind` and its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Body {
    /// Something said.
    Message {
        /// What.
        text: String,
    },
    /// Something said about an earlier entry.
    Reply {
        /// That entry.
        to: EntryId,
        /// What.
        text: String,
    },
    /// How often readers reacted to an entry so far. Totals, so the newest says it all.
    Reactions {
        /// The entry reacted to.
        target: EntryId,
        /// Totals of the reactions that changed.
        counts: BTreeMap<Reaction, u64>,
    },
    /// Money given to the broadcaster.
    Donation {
        /// How much.
        amount: Amount,
        /// What the giver says with it; may be empty.
        text: String,
    },
    /// A subscription begun, renewed or given away.
    Subscription {
        /// The integrator's name for what was subscribed to.
        tier: Name,
        /// How many months in all, this one included.
        months: u32,
        /// What the subscriber says with it; may be empty.
        text: String,
    },
    /// An entry held before everyone's eyes from now on.
    Pin {
        /// Which; absent where the pin is taken off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<EntryId>,
    },
    /// A question to the room, and how it stands. Whoever has the newest has it all.
    Poll(Poll),
    /// What the stream calls itself now.
    StreamInfo {
        /// Its title.
        title: String,
        /// Its category; may be empty.
        category: String,
    },
    /// A word from the room or its systems.
    System {
        /// What.
        text: String,
    },
    /// An entry that is to be shown no more. In a replay it also stands in the place of the
    /// entry it deleted.
    Delete {
        /// That entry.
        target: EntryId,
    },
}

impl Body {
    /// The text that readers will read, where the kind has one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Message { text }
            | Self::Reply { text, .. }
            | Self::Donation { text, .. }
            | Self::Subscription { text, .. }
            | Self::System { text } => Some(text),
            Self::StreamInfo { title, .. } => Some(title),
            Self::Poll(poll) => Some(&poll.question),
            Self::Reactions { .. } | Self::Pin { .. } | Self::Delete { .. } => None,
        }
    }

    /// Whether the kind alone keeps it from being sampled away.
    pub const fn is_priority(&self) -> bool {
        !matches!(self, Self::Message { .. } | Self::Reply { .. })
    }
}

/// A question to the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// What is asked.
    pub question: String,
    /// What may be answered: two to ten.
    pub options: Vec<PollOption>,
    /// Which poll this is the standing of; absent in the entry that opens it, whose own id it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<EntryId>,
    /// Whether votes are no longer taken.
    #[serde(default)]
    pub closed: bool,
}

/// One answer of a [`Poll`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollOption {
    /// The answer.
    pub text: String,
    /// How many chose it.
    #[serde(default)]
    pub votes: u64,
}

/// An amount of money: never a float.
///
/// ```
/// use airloom_chat::{Amount, Currency};
///
/// let amount = Amount { minor: 499, currency: "EUR".parse()? };
/// assert_eq!(serde_json::to_string(&amount).unwrap(), r#"{"minor":499,"currency":"EUR"}"#);
/// # Ok::<(), airloom_chat::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In the currency's minor unit (ISO 4217): cents of a euro, whole yen.
    pub minor: u64,
    /// Which.
    pub currency: Currency,
}

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl FromStr for Currency {
    type Err = Error;

    /// # Errors
    /// [`Error::Malformed`].
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.as_bytes().try_into() {
            Ok(code) if text.bytes().all(|letter| letter.is_ascii_uppercase()) => Ok(Self(code)),
            _ => Err(Error::Malformed { field: "currency" }),
        }
    }
}

as_string!(Currency);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Epoch;

    #[test]
    fn an_entry_is_the_json_of_the_contract_and_comes_back() {
        let entry = Entry {
            offset: Offset::new(7),
            id: EntryId { epoch: Epoch::new(0xa), offset: Offset::new(7) },
            at: WallTime::from_unix(std::time::Duration::from_millis(1_700_000_000_123)),
            body: Body::Message { text: "hello\n\"you\"\u{2028}".to_owned() },
            author: Some(Author::new("ann".parse().unwrap())),
        };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            json,
            "{\"offset\":7,\"id\":\"a-7\",\"at\":\"2023-11-14T22:13:20.123Z\",\"kind\":\"message\",\
             \"text\":\"hello\\n\\\"you\\\"\u{2028}\",\"user\":\"ann\"}"
        );
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn every_kind_comes_back() {
        let id = EntryId { epoch: Epoch::new(1), offset: Offset::new(2) };
        let text = String::from("x");
        for body in [
            Body::Reply { to: id, text: text.clone() },
            Body::Reactions { target: id, counts: [("🔥".parse().unwrap(), 3)].into() },
            Body::Donation {
                amount: Amount { minor: u64::MAX, currency: "JPY".parse().unwrap() },
                text: text.clone(),
            },
            Body::Subscription { tier: "gold".parse().unwrap(), months: 3, text: text.clone() },
            Body::Pin { target: Some(id) },
            Body::Pin { target: None },
            Body::Poll(Poll {
                question: text.clone(),
                options: vec![PollOption { text: text.clone(), votes: 4 }],
                poll: Some(id),
                closed: true,
            }),
            Body::StreamInfo { title: text.clone(), category: String::new() },
            Body::System { text },
            Body::Delete { target: id },
        ] {
            let entry =
                Entry { offset: id.offset, id, at: WallTime::UNIX_EPOCH, body, author: None };
            let json = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry, "{json}");
        }
    }

    #[test]
    fn money_is_three_letters() {
        for text in ["", "EU", "eur", "EURO", "€\0"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }
}
