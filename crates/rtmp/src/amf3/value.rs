use std::sync::Arc;

use bytes::Bytes;

use crate::amf0::Text;

/// One AMF3 value.
///
/// Strings and traits that the wire names by reference are resolved, and shared. A reference to an
/// object seen earlier stays a [`Reference`](Self::Reference): objects may hold themselves.
/// Equality is that of the bits: a NaN equals itself, and 0.0 is not -0.0.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// Less than nothing (3.2).
    Undefined,
    /// Nothing (3.3).
    Null,
    /// A boolean (3.4, 3.5).
    Boolean(bool),
    /// A signed integer of 29 bits (3.6).
    Integer(i32),
    /// A double (3.7).
    Double(f64),
    /// A string (3.8).
    String(Text),
    /// A legacy XML document (3.9).
    XmlDocument(Text),
    /// Milliseconds since 1970-01-01 UTC (3.10).
    Date(f64),
    /// Named values, then values in order (3.11).
    Array {
        /// The associative part; an empty name cannot be written.
        members: Vec<(Text, Value)>,
        /// The dense part.
        values: Vec<Value>,
    },
    /// An object (3.12).
    Object {
        /// Its class and the names of its sealed members.
        traits: Arc<Traits>,
        /// The sealed members, in the order of the names.
        sealed: Vec<Value>,
        /// The dynamic members; an empty name cannot be written.
        dynamic: Vec<(Text, Value)>,
    },
    /// XML (3.13).
    Xml(Text),
    /// Bytes (3.14).
    ByteArray(Bytes),
    /// 32-bit integers (3.15).
    VectorInt {
        /// Whether the length is fixed.
        fixed: bool,
        /// The items.
        items: Vec<i32>,
    },
    /// Unsigned 32-bit integers (3.15).
    VectorUint {
        /// Whether the length is fixed.
        fixed: bool,
        /// The items.
        items: Vec<u32>,
    },
    /// Doubles (3.15).
    VectorDouble {
        /// Whether the length is fixed.
        fixed: bool,
        /// The items.
        items: Vec<f64>,
    },
    /// Values of one class (3.15).
    VectorObject {
        /// Whether the length is fixed.
        fixed: bool,
        /// The class; `*` or empty for any.
        class: Text,
        /// The items.
        items: Vec<Value>,
    },
    /// Values by keys that are values (3.16).
    Dictionary {
        /// Whether keys are held weakly.
        weak: bool,
        /// Keys and values.
        entries: Vec<(Value, Value)>,
    },
    /// An object seen earlier in the same message, by number and by the kind the reference was
    /// marked as: the marker that stands before it.
    Reference {
        /// The marker, 0x07 to 0x11.
        marker: u8,
        /// Which object, from 0 in the order they came.
        index: u32,
    },
}

/// What objects of a class have in common (3.12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traits {
    /// The class; empty for an anonymous object.
    pub class: Text,
    /// Whether members beside the sealed ones may follow.
    pub dynamic: bool,
    /// The names of the sealed members.
    pub members: Vec<Text>,
}

impl Value {
    /// An anonymous object of these members.
    pub fn object<K: Into<Text>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        let traits = Arc::new(Traits { dynamic: true, ..Traits::default() });
        let dynamic = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self::Object { traits, sealed: Vec::new(), dynamic }
    }

    /// The member `name` of an object, sealed or dynamic, or of an array's associative part.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let (sealed, named) = match self {
            Self::Object { traits, sealed, dynamic } => {
                let place = traits.members.iter().position(|member| *member == name);
                (place.and_then(|place| sealed.get(place)), dynamic)
            }
            Self::Array { members, .. } => (None, members),
            _ => return None,
        };
        sealed.or_else(|| named.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Double(a), Self::Double(b)) | (Self::Date(a), Self::Date(b)) => {
                a.to_bits() == b.to_bits()
            }
            (Self::String(a), Self::String(b))
            | (Self::XmlDocument(a), Self::XmlDocument(b))
            | (Self::Xml(a), Self::Xml(b)) => a == b,
            (Self::ByteArray(a), Self::ByteArray(b)) => a == b,
            (Self::Array { members: a, values: x }, Self::Array { members: b, values: y }) => {
                a == b && x == y
            }
            (
                Self::Object { traits: a, sealed: x, dynamic },
                Self::Object { traits: b, sealed: y, dynamic: others },
            ) => a == b && x == y && dynamic == others,
            (Self::VectorInt { fixed: a, items: x }, Self::VectorInt { fixed: b, items: y }) => {
                a == b && x == y
            }
            (Self::VectorUint { fixed: a, items: x }, Self::VectorUint { fixed: b, items: y }) => {
                a == b && x == y
            }
            (
                Self::VectorDouble { fixed: a, items: x },
                Self::VectorDouble { fixed: b, items: y },
            ) => {
                a == b
                    && x.iter().map(|item| item.to_bits()).eq(y.iter().map(|item| item.to_bits()))
            }
            (
                Self::VectorObject { fixed: a, class, items: x },
                Self::VectorObject { fixed: b, class: other, items: y },
            ) => a == b && class == other && x == y,
            (
                Self::Dictionary { weak: a, entries: x },
                Self::Dictionary { weak: b, entries: y },
            ) => a == b && x == y,
            (Self::Reference { marker: a, index: x }, Self::Reference { marker: b, index: y }) => {
                a == b && x == y
            }
            _ => false,
        }
    }
}

impl Eq for Value {}
