use std::sync::Arc;

use bytes::Bytes;

use super::{Traits, Value, marker};
use crate::amf0::Text;
use crate::cursor::Cursor;
use crate::{Error, Limits};

/// Decodes all values in `data`, one after another, with tables of references in common.
///
/// Strings and byte arrays are slices of `data`.
///
/// # Errors
///
/// [`Error::Truncated`] where a value is cut short; [`Error::Malformed`] for an unknown marker or a
/// reference to what never came; [`Error::Unsupported`] for a class that writes itself
/// (externalizable); [`Error::Limit`] past [`Limits::amf_depth`] or [`Limits::amf_values`].
pub fn decode(data: &Bytes, limits: &Limits) -> Result<Vec<Value>, Error> {
    let mut cursor = Cursor::new(data);
    let mut reader = Reader::new(limits);
    let mut values = Vec::new();
    while cursor.left() > 0 {
        values.push(reader.value(&mut cursor)?);
    }
    Ok(values)
}

/// Decodes value by value. Its tables grow only with what was counted as a value.
#[derive(Debug)]
pub(crate) struct Reader<'l> {
    limits: &'l Limits,
    depth: usize,
    values: usize,
    strings: Vec<Text>,
    traits: Vec<Arc<Traits>>,
    objects: u32,
}

/// What stands at the head of a string, an object or traits (U29S-ref, U29O-ref …).
enum Head {
    Reference(u32),
    Inline(u32),
}

impl<'l> Reader<'l> {
    pub(crate) const fn new(limits: &'l Limits) -> Self {
        Self::within(limits, 0, 0)
    }

    /// A reader of what stands so deep in something else, behind so many values.
    pub(crate) const fn within(limits: &'l Limits, depth: usize, values: usize) -> Self {
        Self { limits, depth, values, strings: Vec::new(), traits: Vec::new(), objects: 0 }
    }

    /// How many values have been counted.
    pub(crate) const fn values(&self) -> usize {
        self.values
    }

    /// Counts a value, or a part of one that takes memory of its own.
    fn count(&mut self) -> Result<(), Error> {
        self.values += 1;
        Error::check_limit("amf_values", self.values, self.limits.amf_values)
    }

    pub(crate) fn value(&mut self, cursor: &mut Cursor<'_>) -> Result<Value, Error> {
        self.depth += 1;
        Error::check_limit("amf_depth", self.depth, self.limits.amf_depth)?;
        self.count()?;
        let offset = cursor.offset();
        let marker = cursor.u8("marker")?;
        let value = match marker {
            marker::UNDEFINED => Value::Undefined,
            marker::NULL => Value::Null,
            marker::FALSE => Value::Boolean(false),
            marker::TRUE => Value::Boolean(true),
            // 29 bits, sign first: placed at the top and shifted down.
            marker::INTEGER => Value::Integer((u29(cursor, "integer")? << 3) as i32 >> 3),
            marker::DOUBLE => Value::Double(cursor.f64("double")?),
            marker::STRING => Value::String(self.string(cursor, "string")?),
            marker::XML_DOCUMENT..=marker::DICTIONARY => self.complex(cursor, marker)?,
            _ => return Err(Error::Malformed { field: "marker", offset, value: marker.into() }),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn string(&mut self, cursor: &mut Cursor<'_>, field: &'static str) -> Result<Text, Error> {
        let offset = cursor.offset();
        match head(cursor, field)? {
            Head::Reference(index) => {
                let found = self.strings.get(index as usize).cloned();
                found.ok_or(Error::Malformed { field, offset, value: index.into() })
            }
            Head::Inline(len) => {
                let text = Text::from(cursor.bytes(len as usize, field)?);
                // The empty string is never referred to (3.8).
                if len > 0 {
                    self.count()?;
                    self.strings.push(text.clone());
                }
                Ok(text)
            }
        }
    }

    /// A value that has a place in the table of objects.
    fn complex(&mut self, cursor: &mut Cursor<'_>, marker: u8) -> Result<Value, Error> {
        let offset = cursor.offset();
        let size = match head(cursor, "object reference")? {
            Head::Reference(index) if index < self.objects => {
                return Ok(Value::Reference { marker, index });
            }
            Head::Reference(index) => {
                let field = "object reference";
                return Err(Error::Malformed { field, offset, value: index.into() });
            }
            Head::Inline(size) => size,
        };
        // Its number is taken before what it holds gets theirs.
        self.objects += 1;
        let len = size as usize;
        Ok(match marker {
            marker::XML_DOCUMENT => Value::XmlDocument(cursor.bytes(len, "xml-document")?.into()),
            marker::XML => Value::Xml(cursor.bytes(len, "xml")?.into()),
            marker::DATE => Value::Date(cursor.f64("date-time")?),
            marker::ARRAY => {
                let members = self.members(cursor)?;
                Value::Array { members, values: self.several(cursor, size, Self::value)? }
            }
            marker::OBJECT => self.object(cursor, size, offset)?,
            marker::BYTE_ARRAY => Value::ByteArray(cursor.bytes(len, "byte-array")?),
            marker::VECTOR_INT => {
                let fixed = cursor.u8("fixed-vector")? != 0;
                let item = |_: &mut Self, cursor: &mut Cursor<'_>| cursor.u32("vector item");
                let items = self.several(cursor, size, item)?;
                Value::VectorInt {
                    fixed,
                    items: items.into_iter().map(|item| item as i32).collect(),
                }
            }
            marker::VECTOR_UINT => {
                let fixed = cursor.u8("fixed-vector")? != 0;
                let item = |_: &mut Self, cursor: &mut Cursor<'_>| cursor.u32("vector item");
                Value::VectorUint { fixed, items: self.several(cursor, size, item)? }
            }
            marker::VECTOR_DOUBLE => {
                let fixed = cursor.u8("fixed-vector")? != 0;
                let item = |_: &mut Self, cursor: &mut Cursor<'_>| cursor.f64("vector item");
                Value::VectorDouble { fixed, items: self.several(cursor, size, item)? }
            }
            marker::VECTOR_OBJECT => {
                let fixed = cursor.u8("fixed-vector")? != 0;
                let class = self.string(cursor, "object-type-name")?;
                Value::VectorObject {
                    fixed,
                    class,
                    items: self.several(cursor, size, Self::value)?,
                }
            }
            _ => {
                let weak = cursor.u8("weak-keys")? != 0;
                let entry = |reader: &mut Self, cursor: &mut Cursor<'_>| {
                    Ok((reader.value(cursor)?, reader.value(cursor)?))
                };
                Value::Dictionary { weak, entries: self.several(cursor, size, entry)? }
            }
        })
    }

    /// Not reserved: the count is only a claim. Each item takes at least a byte.
    fn several<T>(
        &mut self,
        cursor: &mut Cursor<'_>,
        count: u32,
        item: impl Fn(&mut Self, &mut Cursor<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self, cursor)?);
        }
        Ok(items)
    }

    /// Names and values up to an empty name.
    fn members(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<(Text, Value)>, Error> {
        let mut members = Vec::new();
        loop {
            let name = self.string(cursor, "member name")?;
            if name.as_bytes().is_empty() {
                return Ok(members);
            }
            members.push((name, self.value(cursor)?));
        }
    }

    fn object(&mut self, cursor: &mut Cursor<'_>, head: u32, offset: u64) -> Result<Value, Error> {
        let field = "traits";
        let traits = if head & 1 == 0 {
            let index = head >> 1;
            let found = self.traits.get(index as usize).cloned();
            found.ok_or(Error::Malformed { field, offset, value: index.into() })?
        } else if head & 2 != 0 {
            // What follows is known to the class alone.
            return Err(Error::Unsupported { field, offset, value: head.into() });
        } else {
            let class = self.string(cursor, "class-name")?;
            let name = |reader: &mut Self, cursor: &mut Cursor<'_>| {
                reader.count()?;
                reader.string(cursor, "member name")
            };
            let members = self.several(cursor, head >> 3, name)?;
            let traits = Arc::new(Traits { class, dynamic: head & 4 != 0, members });
            self.traits.push(Arc::clone(&traits));
            traits
        };
        let sealed = self.several(cursor, traits.members.len() as u32, Self::value)?;
        let dynamic = if traits.dynamic { self.members(cursor)? } else { Vec::new() };
        Ok(Value::Object { traits, sealed, dynamic })
    }
}

fn head(cursor: &mut Cursor<'_>, field: &'static str) -> Result<Head, Error> {
    let head = u29(cursor, field)?;
    Ok(if head & 1 == 0 { Head::Reference(head >> 1) } else { Head::Inline(head >> 1) })
}

/// An integer of 29 bits in one to four bytes (1.3.1).
fn u29(cursor: &mut Cursor<'_>, field: &'static str) -> Result<u32, Error> {
    let mut value = 0;
    for _ in 0..3 {
        let byte = u32::from(cursor.u8(field)?);
        value = value << 7 | byte & 0x7F;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Ok(value << 8 | u32::from(cursor.u8(field)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Value>, Error> {
        decode(&Bytes::copy_from_slice(bytes), &Limits::default())
    }

    // The examples of the specification's table (1.3.1), and the ends of each length.
    #[test]
    fn integers_of_every_length() {
        for (bytes, expected) in [
            (&b"\x04\x00"[..], 0),
            (b"\x04\x7F", 0x7F),
            (b"\x04\x81\x00", 0x80),
            (b"\x04\xFF\x7F", 0x3FFF),
            (b"\x04\x81\x80\x00", 0x4000),
            (b"\x04\xFF\xFF\x7F", 0x1F_FFFF),
            (b"\x04\x80\xC0\x80\x00", 0x20_0000),
            (b"\x04\xBF\xFF\xFF\xFF", 0x0FFF_FFFF),
            (b"\x04\xC0\x80\x80\x00", -0x1000_0000),
            (b"\x04\xFF\xFF\xFF\xFF", -1),
        ] {
            assert_eq!(all(bytes), Ok(vec![Value::Integer(expected)]), "{bytes:02x?}");
        }
    }

    #[test]
    fn strings_and_traits_are_resolved_and_objects_are_not() {
        // {a: "a"} of class C with sealed member a; the same traits again; the first object again.
        let bytes = b"\x0A\x13\x03C\x03a\x06\x02\x0A\x01\x04\x05\x0A\x00";
        let values = all(bytes).unwrap();
        let traits =
            Arc::new(Traits { class: "C".into(), dynamic: false, members: vec!["a".into()] });
        let object =
            |value| Value::Object { traits: traits.clone(), sealed: vec![value], dynamic: vec![] };
        assert_eq!(
            values,
            [
                object(Value::String("a".into())),
                object(Value::Integer(5)),
                Value::Reference { marker: 0x0A, index: 0 },
            ]
        );
    }

    #[test]
    fn every_kind_by_its_bytes() {
        for (bytes, expected) in [
            (&b"\x08\x01\x40\x59\0\0\0\0\0\0"[..], Value::Date(100.0)),
            (b"\x0C\x05ab", Value::ByteArray(Bytes::from_static(b"ab"))),
            (b"\x07\x05<a", Value::XmlDocument("<a".into())),
            (
                b"\x09\x03\x03k\x03\x01\x02",
                Value::Array {
                    members: vec![("k".into(), Value::Boolean(true))],
                    values: vec![Value::Boolean(false)],
                },
            ),
            (b"\x0A\x0B\x01\x03x\x01\x01", Value::object([("x", Value::Null)])),
            (b"\x0D\x03\x01\xFF\xFF\xFF\xFE", Value::VectorInt { fixed: true, items: vec![-2] }),
            (
                b"\x11\x03\x00\x04\x01\x01",
                Value::Dictionary { weak: false, entries: vec![(Value::Integer(1), Value::Null)] },
            ),
        ] {
            assert_eq!(all(bytes), Ok(vec![expected]), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_never_came_cannot_be_referred_to() {
        for bytes in [&b"\x06\x00"[..], b"\x0A\x00", b"\x0A\x01", b"\x09\x02"] {
            assert!(matches!(all(bytes), Err(Error::Malformed { offset: 1, .. })), "{bytes:02x?}");
        }
        assert!(matches!(all(b"\x0A\x07\x03C"), Err(Error::Unsupported { field: "traits", .. })));
        assert!(matches!(all(b"\x12"), Err(Error::Malformed { field: "marker", .. })));
    }

    #[test]
    fn depth_and_values_are_bounded_and_counts_reserve_nothing() {
        let deep = b"\x09\x03\x01".repeat(100_000);
        assert_eq!(all(&deep), Err(Error::Limit { limit: "amf_depth", value: 17, max: 16 }));
        assert!(matches!(all(&[1; 5000]), Err(Error::Limit { limit: "amf_values", .. })));
        // Half a billion items, names and bytes, none of which comes.
        for bytes in [
            &b"\x09\xFF\xFF\xFF\xFF\x01"[..],
            b"\x0D\xFF\xFF\xFF\xFF\x00",
            b"\x0C\xFF\xFF\xFF\xFF",
            b"\x0A\xFF\xFF\xFF\xF3\x01",
        ] {
            assert!(matches!(all(bytes), Err(Error::Truncated { .. })), "{bytes:02x?}");
        }
        // A class without members can be named for ever; each object counts.
        let mut many = b"\x0A\x03\x03C".to_vec();
        many.extend(b"\x0A\x01".repeat(5000));
        assert!(matches!(all(&many), Err(Error::Limit { limit: "amf_values", .. })));
    }
}
