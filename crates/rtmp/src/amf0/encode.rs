use super::{Text, Value, marker};
use crate::{Error, amf3};

/// Appends one value to `out`.
///
/// # Errors
///
/// [`Error::Limit`] for a name or class longer than 65,535 bytes, or a string, XML document or
/// array longer than 32 bits can say; as [`amf3::encode`] for what is AMF3. `out` then ends in the middle of the value.
pub fn encode(value: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend([marker::BOOLEAN, u8::from(*boolean)]),
        Value::String(text) => {
            if text.as_bytes().len() > usize::from(u16::MAX) {
                out.push(marker::LONG_STRING);
                long(text, "long-string", out)?;
            } else {
                out.push(marker::STRING);
                short(text, "string", out)?;
            }
        }
        Value::Object(inner) => {
            out.push(marker::OBJECT);
            members(inner, out)?;
        }
        Value::Null => out.push(marker::NULL),
        Value::Undefined => out.push(marker::UNDEFINED),
        Value::Reference(index) => {
            out.push(marker::REFERENCE);
            out.extend(index.to_be_bytes());
        }
        Value::EcmaArray(inner) => {
            out.push(marker::ECMA_ARRAY);
            count(inner.len(), "associative-count", out)?;
            members(inner, out)?;
        }
        Value::StrictArray(values) => {
            out.push(marker::STRICT_ARRAY);
            count(values.len(), "array-count", out)?;
            for value in values {
                encode(value, out)?;
            }
        }
        Value::Date { millis, zone } => {
            out.push(marker::DATE);
            out.extend(millis.to_be_bytes());
            out.extend(zone.to_be_bytes());
        }
        Value::Unsupported => out.push(marker::UNSUPPORTED),
        Value::Xml(text) => {
            out.push(marker::XML_DOCUMENT);
            long(text, "xml-document", out)?;
        }
        Value::Typed { class, members: inner } => {
            out.push(marker::TYPED_OBJECT);
            short(class, "class-name", out)?;
            members(inner, out)?;
        }
        Value::Amf3(value) => {
            out.push(marker::AVMPLUS_OBJECT);
            amf3::encode(value, out)?;
        }
    }
    Ok(())
}

fn short(text: &Text, limit: &'static str, out: &mut Vec<u8>) -> Result<(), Error> {
    let bytes = text.as_bytes();
    let len = u16::try_from(bytes.len()).map_err(|_| Error::Limit {
        limit,
        value: bytes.len() as u64,
        max: u16::MAX.into(),
    })?;
    out.extend(len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn long(text: &Text, limit: &'static str, out: &mut Vec<u8>) -> Result<(), Error> {
    count(text.as_bytes().len(), limit, out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn count(len: usize, limit: &'static str, out: &mut Vec<u8>) -> Result<(), Error> {
    let len = u32::try_from(len).map_err(|_| Error::Limit {
        limit,
        value: len as u64,
        max: u32::MAX.into(),
    })?;
    out.extend(len.to_be_bytes());
    Ok(())
}

fn members(members: &[(Text, Value)], out: &mut Vec<u8>) -> Result<(), Error> {
    for (name, value) in members {
        short(name, "property name", out)?;
        encode(value, out)?;
    }
    out.extend([0, 0, marker::OBJECT_END]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{Limits, amf0};

    fn text() -> impl Strategy<Value = Text> + Clone {
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| Text::from(Bytes::from(bytes)))
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(|bits| Value::Number(f64::from_bits(bits))),
            any::<bool>().prop_map(Value::Boolean),
            text().prop_map(Value::String),
            Just(Value::String(Text::from("x".repeat(70_000)))),
            Just(Value::Null),
            Just(Value::Undefined),
            Just(Value::Unsupported),
            any::<u16>().prop_map(Value::Reference),
            (any::<u64>(), any::<i16>())
                .prop_map(|(bits, zone)| Value::Date { millis: f64::from_bits(bits), zone }),
            text().prop_map(Value::Xml),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let members = prop::collection::vec((text(), inner.clone()), 0..5);
            prop_oneof![
                members.clone().prop_map(Value::Object),
                members.clone().prop_map(Value::EcmaArray),
                prop::collection::vec(inner, 0..5).prop_map(Value::StrictArray),
                (text(), members).prop_map(|(class, members)| Value::Typed { class, members }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_equal(values in prop::collection::vec(value(), 0..4)) {
            let mut bytes = Vec::new();
            for value in &values {
                encode(value, &mut bytes).unwrap();
            }
            let back = amf0::decode(&bytes.into(), &Limits::default()).unwrap();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn whatever_decodes_encodes_to_something_that_decodes_equal(
            bytes in prop::collection::vec(prop_oneof![0..0x13u8, any::<u8>()], 0..60),
        ) {
            if let Ok(values) = amf0::decode(&bytes.into(), &Limits::default()) {
                let mut again = Vec::new();
                for value in &values {
                    encode(value, &mut again).unwrap();
                }
                prop_assert_eq!(amf0::decode(&again.into(), &Limits::default()).unwrap(), values);
            }
        }
    }

    #[test]
    fn a_name_that_cannot_be_written_is_refused() {
        let value = Value::object([("x".repeat(65_536), Value::Null)]);
        let refused = Error::Limit { limit: "property name", value: 65_536, max: 65_535 };
        assert_eq!(encode(&value, &mut Vec::new()), Err(refused));
    }
}
