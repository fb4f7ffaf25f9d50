//! AMF0: the values of commands and metadata.

use bytes::Bytes;

/// A string as it came: UTF-8 by the specification, anything in the field. Cloning shares it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(Bytes);

impl Text {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, or `None` where it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

/// One AMF0 value (AMF0 specification, 2).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A double.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// A string, short or long.
    String(Text),
    /// Named values, in the order they came; names may repeat.
    Object(Vec<(Text, Value)>),
    /// Nothing.
    Null,
    /// Less than nothing.
    Undefined,
    /// Named values with a count in front, which is a hint only.
    EcmaArray(Vec<(Text, Value)>),
    /// Values in order.
    StrictArray(Vec<Value>),
}

impl Value {
    /// The member `name` of an object or ECMA array; the last one where the name repeats.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) | Self::EcmaArray(members) => members
                .iter()
                .rev()
                .find(|(key, _)| key.as_bytes() == name.as_bytes())
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is a string in UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => text.as_str(),
            _ => None,
        }
    }
}
