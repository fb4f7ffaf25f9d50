use bytes::Bytes;

use super::{Text, Value, marker};
use crate::cursor::Cursor;
use crate::{Error, Limits, amf3};

/// Decodes all values in `data`, one after another as commands and metadata hold them.
///
/// Strings are slices of `data`. An object or ECMA array that ends with the data instead of its
/// end marker is taken as it is: several encoders write their metadata so.
///
/// # Errors
///
/// [`Error::Truncated`] where a value is cut short; [`Error::Malformed`] for an unknown marker;
/// [`Error::Unsupported`] for one the specification reserves; [`Error::Limit`] past
/// [`Limits::amf_depth`] or [`Limits::amf_values`].
pub fn decode(data: &Bytes, limits: &Limits) -> Result<Vec<Value>, Error> {
    let mut reader = Reader::new(data, limits);
    let mut values = Vec::new();
    while let Some(value) = reader.next()? {
        values.push(value);
    }
    Ok(values)
}

/// Decodes value by value, for those who decide on the way whether they want the next.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    cursor: Cursor<'a>,
    depth: usize,
    values: usize,
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(data: &'a Bytes, limits: &'a Limits) -> Self {
        Self { cursor: Cursor::new(data), depth: 0, values: 0, limits }
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.cursor.offset()
    }

    /// The next value, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, Error> {
        if self.cursor.left() == 0 { Ok(None) } else { self.value().map(Some) }
    }

    fn value(&mut self) -> Result<Value, Error> {
        self.values += 1;
        Error::check_limit("amf_values", self.values, self.limits.amf_values)?;
        let offset = self.cursor.offset();
        let marker = self.cursor.u8("marker")?;
        Ok(match marker {
            marker::NUMBER => Value::Number(self.cursor.f64("number")?),
            marker::BOOLEAN => Value::Boolean(self.cursor.u8("boolean")? != 0),
            marker::STRING => Value::String(self.short("string")?),
            marker::LONG_STRING => Value::String(self.long("long-string")?),
            marker::OBJECT => Value::Object(self.members()?),
            marker::NULL => Value::Null,
            marker::UNDEFINED => Value::Undefined,
            marker::REFERENCE => Value::Reference(self.cursor.u16("reference")?),
            marker::ECMA_ARRAY => {
                self.cursor.u32("associative-count")?;
                Value::EcmaArray(self.members()?)
            }
            marker::STRICT_ARRAY => Value::StrictArray(self.strict_array()?),
            marker::DATE => Value::Date {
                millis: self.cursor.f64("date")?,
                zone: self.cursor.u16("time-zone")? as i16,
            },
            marker::UNSUPPORTED => Value::Unsupported,
            marker::XML_DOCUMENT => Value::Xml(self.long("xml-document")?),
            marker::TYPED_OBJECT => {
                Value::Typed { class: self.short("class-name")?, members: self.members()? }
            }
            marker::AVMPLUS_OBJECT => {
                // What stands within counts as deep, and as many, as it is.
                let mut reader = amf3::Reader::within(self.limits, self.depth, self.values);
                let value = reader.value(&mut self.cursor)?;
                self.values = reader.values();
                Value::Amf3(value)
            }
            // movieclip and recordset are reserved (2.6, 2.16).
            0x04 | 0x0E => {
                return Err(Error::Unsupported { field: "marker", offset, value: marker.into() });
            }
            _ => return Err(Error::Malformed { field: "marker", offset, value: marker.into() }),
        })
    }

    fn short(&mut self, field: &'static str) -> Result<Text, Error> {
        let len = self.cursor.u16(field)?;
        self.cursor.bytes(len.into(), field).map(Text::from)
    }

    fn long(&mut self, field: &'static str) -> Result<Text, Error> {
        let len = self.cursor.u32(field)?;
        self.cursor.bytes(len as usize, field).map(Text::from)
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.depth += 1;
        Error::check_limit("amf_depth", self.depth, self.limits.amf_depth)
    }

    fn members(&mut self) -> Result<Vec<(Text, Value)>, Error> {
        self.deeper()?;
        let mut members = Vec::new();
        while self.cursor.left() > 0 {
            let name = self.short("property name")?;
            if name.as_bytes().is_empty() && self.cursor.peek() == Some(marker::OBJECT_END) {
                self.cursor.u8("object-end-marker")?;
                break;
            }
            let value = self.value()?;
            members.push((name, value));
        }
        self.depth -= 1;
        Ok(members)
    }

    fn strict_array(&mut self) -> Result<Vec<Value>, Error> {
        self.deeper()?;
        let count = self.cursor.u32("array-count")? as usize;
        // Not reserved: the count is only a claim.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value()?);
        }
        self.depth -= 1;
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Result<Vec<Value>, Error> {
        decode(&Bytes::copy_from_slice(bytes), &Limits::default())
    }

    #[test]
    fn metadata_as_encoders_write_it() {
        let bytes = b"\x02\0\x0aonMetaData\x08\0\0\0\x02\0\x05width\0\x40\x84\0\0\0\0\0\0\
                      \0\x06stereo\x01\x01\0\0\x09";
        let values = one(bytes).unwrap();
        assert_eq!(values[0].text(), Some("onMetaData"));
        assert_eq!(values[1].member("width").and_then(Value::number), Some(640.0));
        assert_eq!(values[1].member("stereo").and_then(Value::boolean), Some(true));
    }

    #[test]
    fn an_array_without_end_marker_ends_with_the_data() {
        let values = one(b"\x08\0\0\0\x01\0\x01a\x05").unwrap();
        assert_eq!(values, [Value::EcmaArray(vec![("a".into(), Value::Null)])]);
    }

    // Measured: nested AMF of great depth kills an nginx-rtmp worker and its other publishers.
    #[test]
    fn great_depth_is_a_typed_error() {
        let deep = b"\x03\0\x01a".repeat(100_000);
        assert_eq!(one(&deep), Err(Error::Limit { limit: "amf_depth", value: 17, max: 16 }));
        let deep = b"\x0a\0\0\0\x01".repeat(100_000);
        assert_eq!(one(&deep), Err(Error::Limit { limit: "amf_depth", value: 17, max: 16 }));
    }

    #[test]
    fn counts_reserve_nothing_and_values_are_counted() {
        assert_eq!(
            one(b"\x0a\xff\xff\xff\xff\x05"),
            Err(Error::Truncated { field: "marker", offset: 6 })
        );
        assert!(matches!(one(&[5; 5000]), Err(Error::Limit { limit: "amf_values", .. })));
        assert_eq!(
            one(b"\x0c\xff\xff\xff\xffabc"),
            Err(Error::Truncated { field: "long-string", offset: 5 })
        );
    }

    #[test]
    fn markers_are_told_apart() {
        assert_eq!(one(&[0x20]), Err(Error::Malformed { field: "marker", offset: 0, value: 0x20 }));
        assert!(matches!(one(&[0x0E]), Err(Error::Unsupported { value: 0x0E, .. })));
    }

    #[test]
    fn amf3_within_amf0_keeps_to_the_same_limits() {
        let bytes = b"\x11\x04\x05\x11\x06\x03a\x02\0\x01b";
        let a = amf3::Value::String("a".into());
        assert_eq!(
            one(bytes),
            Ok(vec![Value::Amf3(amf3::Value::Integer(5)), Value::Amf3(a), Value::from("b")])
        );
        let deep = [b"\x0a\0\0\0\x01".repeat(10), vec![0x11], b"\x09\x03\x01".repeat(9)].concat();
        assert_eq!(one(&deep), Err(Error::Limit { limit: "amf_depth", value: 17, max: 16 }));
        let many = [0x11, 1].repeat(3000);
        assert!(matches!(one(&many), Err(Error::Limit { limit: "amf_values", .. })));
    }
}
