//! Short texts that are shown or compared as a whole.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Error;
use crate::cursor::as_string;

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $field:literal, $limit:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Cloning shares the text.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest, in bytes.
            pub const LIMIT: usize = $limit;

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// # Errors
            /// [`Error::TooLong`], or [`Error::Malformed`] for an empty text or one with a
            /// control character.
            fn from_str(text: &str) -> Result<Self, Error> {
                if text.len() > Self::LIMIT {
                    return Err(Error::TooLong { field: $field, limit: Self::LIMIT });
                }
                if text.is_empty() || text.chars().any(char::is_control) {
                    return Err(Error::Malformed { field: $field });
                }
                Ok(Self(text.into()))
            }
        }

        as_string!($name);
    )+};
}

labels! {
    /// Who somebody is to the integrator: 1 to 128 bytes of text without control characters.
    UserId = "user", 128;
    /// What somebody or something is called: 1 to 128 bytes of text without control characters.
    Name = "name", 128;
    /// Which room: 1 to 128 bytes of text without control characters.
    RoomId = "room", 128;
    /// An emoji or the integrator's name of an emote: 1 to 64 bytes.
    Reaction = "reaction", 64;
    /// What a client calls one attempt to write, so that trying again admits once: 1 to 128
    /// bytes. Compared within one author only.
    Key = "idempotency key", 128;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_printable() {
        assert_eq!("".parse::<UserId>(), Err(Error::Malformed { field: "user" }));
        assert_eq!("a\nb".parse::<UserId>(), Err(Error::Malformed { field: "user" }));
        assert_eq!(
            "x".repeat(65).parse::<Reaction>(),
            Err(Error::TooLong { field: "reaction", limit: 64 })
        );
        assert_eq!("Zoë 🦊".parse::<UserId>().unwrap().as_str(), "Zoë 🦊");
    }
}
