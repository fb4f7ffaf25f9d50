use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// A name as it stands in the ledger: of a tenant, meter, producer, source, event or dimension.
///
/// 1 to [`Name::MAX`] bytes of UTF-8 without control characters. Any other character is allowed,
/// separators included: names are never joined with a separator anywhere in this crate, so
/// `("a", "b:c")` and `("a:b", "c")` cannot meet. Comparison is byte by byte; clones share.
///
/// ```
/// use airloom_billing::Name;
///
/// let tenant = Name::new("acme:eu/west")?;
/// assert_eq!(tenant.as_str(), "acme:eu/west");
/// assert!(Name::new("").is_err());
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name, in bytes.
    pub const MAX: usize = 256;

    /// Checks `text` and takes a copy of it.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] for an empty text, one over [`Name::MAX`] bytes, or one with a control
    /// character; the error carries the byte where the fault lies.
    pub fn new(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Name { offset: 0 });
        }
        if text.len() > Self::MAX {
            return Err(Error::Name { offset: Self::MAX });
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((offset, _)) => Err(Error::Name { offset }),
            None => Ok(Self(text.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_a_name_breaks() {
        assert_eq!(Name::new(""), Err(Error::Name { offset: 0 }));
        assert_eq!(Name::new("ab\ncd"), Err(Error::Name { offset: 2 }));
        assert_eq!(Name::new(&"x".repeat(257)), Err(Error::Name { offset: 256 }));
        assert!(Name::new(&"x".repeat(256)).is_ok());
    }
}
