use super::Text;
use crate::amf3;

/// One AMF0 value.
///
/// Equality is that of the encoded form: a NaN equals itself, and 0 is not -0. An ECMA array's
/// count is a hint and not kept; a long string is a string.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// A double (2.2).
    Number(f64),
    /// A boolean (2.3).
    Boolean(bool),
    /// A string of any length (2.4, 2.14).
    String(Text),
    /// Named values, in the order they came; names may repeat (2.5).
    Object(Vec<(Text, Value)>),
    /// Nothing (2.7).
    Null,
    /// Less than nothing (2.8).
    Undefined,
    /// An object seen earlier in the same message, by number (2.9); not resolved.
    Reference(u16),
    /// Named values with a count in front (2.10).
    EcmaArray(Vec<(Text, Value)>),
    /// Values in order (2.12).
    StrictArray(Vec<Value>),
    /// A point in time (2.13).
    Date {
        /// Milliseconds since 1970-01-01 UTC.
        millis: f64,
        /// Time zone; the specification wants 0.
        zone: i16,
    },
    /// What the sender could not encode (2.15).
    Unsupported,
    /// An XML document (2.17).
    Xml(Text),
    /// Named values of a class (2.18).
    Typed {
        /// The class.
        class: Text,
        /// Its members, in the order they came.
        members: Vec<(Text, Value)>,
    },
    /// A value of AMF3, with tables of references of its own (3.1, `avmplus-object-marker`).
    Amf3(amf3::Value),
}

impl Value {
    /// An object of these members.
    pub fn object<K: Into<Text>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// The members of an object, ECMA array or typed object; none of anything else.
    pub fn members(&self) -> &[(Text, Self)] {
        match self {
            Self::Object(members) | Self::EcmaArray(members) | Self::Typed { members, .. } => {
                members
            }
            _ => &[],
        }
    }

    /// The member `name`; the last one where the name repeats.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The number, if it is one, in AMF3 as well.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Amf3(amf3::Value::Double(number)) => Some(*number),
            Self::Amf3(amf3::Value::Integer(number)) => Some(f64::from(*number)),
            _ => None,
        }
    }

    /// The boolean, if it is one, in AMF3 as well.
    pub const fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) | Self::Amf3(amf3::Value::Boolean(boolean)) => Some(*boolean),
            _ => None,
        }
    }

    /// The text, if it is a string in UTF-8, in AMF3 as well.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Amf3(amf3::Value::String(text)) => text.as_str(),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::String(a), Self::String(b)) | (Self::Xml(a), Self::Xml(b)) => a == b,
            (Self::Object(a), Self::Object(b)) | (Self::EcmaArray(a), Self::EcmaArray(b)) => a == b,
            (Self::Null, Self::Null)
            | (Self::Undefined, Self::Undefined)
            | (Self::Unsupported, Self::Unsupported) => true,
            (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::StrictArray(a), Self::StrictArray(b)) => a == b,
            (Self::Date { millis: a, zone: x }, Self::Date { millis: b, zone: y }) => {
                a.to_bits() == b.to_bits() && x == y
            }
            (Self::Typed { class: a, members: x }, Self::Typed { class: b, members: y }) => {
                a == b && x == y
            }
            (Self::Amf3(a), Self::Amf3(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}
