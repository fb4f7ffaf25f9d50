use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One life of a room's history.
///
/// A room that died idle and came back, or whose sequencer changed, has another epoch, so that
/// an old cursor is never mistaken for a place in the new history. Written as up to sixteen
/// lowercase hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of number `number`. Whoever hands out epochs never hands out one twice for a
    /// room; rising ones (a lease's revision, milliseconds since 1970 at start) are the usual way.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = Error;

    /// Takes what `Display` writes and nothing else: no capitals, no leading zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain || (text.len() > 1 && text.starts_with('0')) {
            return Err(Error::Malformed { field: "epoch" });
        }
        let number = u64::from_str_radix(text, 16);
        number.map(Self).map_err(|_| Error::Malformed { field: "epoch" })
    }
}

/// A place in a room's history: the first entry of an epoch is 1, the next 2.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(u64);

impl Offset {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// The place `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Offset {
    type Err = Error;

    /// Takes decimal digits without sign or leading zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (text.len() > 1 && text.starts_with('0')) {
            return Err(Error::Malformed { field: "offset" });
        }
        text.parse().map(Self).map_err(|_| Error::Malformed { field: "offset" })
    }
}

/// How far a reader has come: the last entry it has, in which epoch.
///
/// Written `EPOCH:OFFSET`; this is the `id` of a server-sent event, so what a browser sends back
/// as `Last-Event-ID`.
///
/// ```
/// use airloom_chat::{Cursor, Epoch, Offset};
///
/// let cursor = Cursor { epoch: Epoch::new(0x18f), offset: Offset::new(42) };
/// assert_eq!(cursor.to_string(), "18f:42");
/// assert_eq!("18f:42".parse(), Ok(cursor));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The life of the room it belongs to.
    pub epoch: Epoch,
    /// The last entry held; zero for none.
    pub offset: Offset,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Takes exactly what `Display` writes, so at most 37 bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming `cursor`, `epoch` or `offset`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (epoch, offset) = text.split_once(':').ok_or(Error::Malformed { field: "cursor" })?;
        Ok(Self { epoch: epoch.parse()?, offset: offset.parse()? })
    }
}

/// What names an entry for ever: the epoch and offset it was first admitted at.
///
/// Written `EPOCH-OFFSET`. An entry keeps its name when a new sequencer takes the history over
/// into its own epoch, where the offset may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The epoch it was admitted in.
    pub epoch: Epoch,
    /// Its offset there.
    pub offset: Offset,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

impl FromStr for EntryId {
    type Err = Error;

    /// Takes exactly what `Display` writes.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming `id`, `epoch` or `offset`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (epoch, offset) = text.split_once('-').ok_or(Error::Malformed { field: "id" })?;
        Ok(Self { epoch: epoch.parse()?, offset: offset.parse()? })
    }
}

/// In JSON these are the strings that `Display` writes.
macro_rules! as_string {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use as_string;

as_string!(Epoch, Cursor, EntryId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_written_form_is_read() {
        for text in [
            "",
            ":",
            "1",
            "1:",
            ":1",
            "01:1",
            "1:01",
            "A:1",
            "1:+1",
            "-1:1",
            "1:1 ",
            "1:1:1",
            "g:1",
            "10000000000000000:1",
            "1:18446744073709551616",
            "1:1\0",
            "\u{661}:1",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
        assert_eq!(
            "ffffffffffffffff:18446744073709551615".parse(),
            Ok(Cursor { epoch: Epoch::new(u64::MAX), offset: Offset::new(u64::MAX) })
        );
        assert_eq!("1:1".parse::<EntryId>(), Err(Error::Malformed { field: "id" }));
    }

    proptest! {
        #[test]
        fn every_cursor_and_id_comes_back(epoch: u64, offset: u64) {
            let (epoch, offset) = (Epoch::new(epoch), Offset::new(offset));
            let cursor = Cursor { epoch, offset };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            let id = EntryId { epoch, offset };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn any_text_is_refused_or_canonical(text in ".{0,40}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
