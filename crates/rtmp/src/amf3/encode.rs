use super::{Traits, Value, marker};
use crate::Error;
use crate::amf0::Text;

/// Appends one value to `out`. Strings and traits are written in full each time; that is legal, and
/// leaves no tables to keep.
///
/// # Errors
///
/// [`Error::Limit`] for an integer beyond 29 bits, or a length beyond 28;
/// [`Error::Malformed`] for what AMF3 has no form for: a member with an empty name, or a number of
/// sealed members other than the traits name. `out` then ends in the middle of the value.
pub fn encode(value: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
    match value {
        Value::Undefined => out.push(marker::UNDEFINED),
        Value::Null => out.push(marker::NULL),
        Value::Boolean(false) => out.push(marker::FALSE),
        Value::Boolean(true) => out.push(marker::TRUE),
        Value::Integer(integer) => {
            let back = integer << 3 >> 3;
            if back != *integer {
                let value = u64::from(integer.unsigned_abs());
                return Err(Error::Limit { limit: "integer", value, max: MAX_INTEGER });
            }
            out.push(marker::INTEGER);
            u29(*integer as u32 & 0x1FFF_FFFF, out);
        }
        Value::Double(double) => {
            out.push(marker::DOUBLE);
            out.extend(double.to_be_bytes());
        }
        Value::String(text) => {
            out.push(marker::STRING);
            string(text, out)?;
        }
        Value::XmlDocument(text) => {
            out.push(marker::XML_DOCUMENT);
            string(text, out)?;
        }
        Value::Xml(text) => {
            out.push(marker::XML);
            string(text, out)?;
        }
        Value::ByteArray(bytes) => {
            out.push(marker::BYTE_ARRAY);
            length(bytes.len(), out)?;
            out.extend_from_slice(bytes);
        }
        Value::Date(millis) => {
            out.extend([marker::DATE, 1]);
            out.extend(millis.to_be_bytes());
        }
        Value::Array { members: named, values } => {
            out.push(marker::ARRAY);
            length(values.len(), out)?;
            members(named, out)?;
            for value in values {
                encode(value, out)?;
            }
        }
        Value::Object { traits, sealed, dynamic } => object(traits, sealed, dynamic, out)?,
        Value::VectorInt { fixed, items } => {
            vector(marker::VECTOR_INT, items.len(), *fixed, out)?;
            out.extend(items.iter().flat_map(|item| item.to_be_bytes()));
        }
        Value::VectorUint { fixed, items } => {
            vector(marker::VECTOR_UINT, items.len(), *fixed, out)?;
            out.extend(items.iter().flat_map(|item| item.to_be_bytes()));
        }
        Value::VectorDouble { fixed, items } => {
            vector(marker::VECTOR_DOUBLE, items.len(), *fixed, out)?;
            out.extend(items.iter().flat_map(|item| item.to_be_bytes()));
        }
        Value::VectorObject { fixed, class, items } => {
            vector(marker::VECTOR_OBJECT, items.len(), *fixed, out)?;
            string(class, out)?;
            for item in items {
                encode(item, out)?;
            }
        }
        Value::Dictionary { weak, entries } => {
            vector(marker::DICTIONARY, entries.len(), *weak, out)?;
            for (key, value) in entries {
                encode(key, out)?;
                encode(value, out)?;
            }
        }
        Value::Reference { marker, index } => {
            if !(marker::XML_DOCUMENT..=marker::DICTIONARY).contains(marker) {
                let value = u64::from(*marker);
                return Err(Error::Malformed { field: "marker", offset: out.len() as u64, value });
            }
            out.push(*marker);
            bounded(*index as usize, MAX_LENGTH, "object reference")?;
            u29(index << 1, out);
        }
    }
    Ok(())
}

/// Largest integer, and the magnitude of the smallest but one.
const MAX_INTEGER: u64 = 0x0FFF_FFFF;
const MAX_LENGTH: u32 = 0x0FFF_FFFF;
/// Sealed members share their number with three flags and a marker bit.
const MAX_MEMBERS: u32 = 0x01FF_FFFF;

fn bounded(len: usize, max: u32, limit: &'static str) -> Result<u32, Error> {
    let fits = u32::try_from(len).ok().filter(|len| *len <= max);
    fits.ok_or(Error::Limit { limit, value: len as u64, max: max.into() })
}

fn length(len: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    u29(bounded(len, MAX_LENGTH, "length")? << 1 | 1, out);
    Ok(())
}

fn vector(marker: u8, len: usize, flag: bool, out: &mut Vec<u8>) -> Result<(), Error> {
    out.push(marker);
    length(len, out)?;
    out.push(flag.into());
    Ok(())
}

fn string(text: &Text, out: &mut Vec<u8>) -> Result<(), Error> {
    length(text.as_bytes().len(), out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn members(members: &[(Text, Value)], out: &mut Vec<u8>) -> Result<(), Error> {
    for (name, value) in members {
        if name.as_bytes().is_empty() {
            // It would end the members.
            let offset = out.len() as u64;
            return Err(Error::Malformed { field: "member name", offset, value: 0 });
        }
        string(name, out)?;
        encode(value, out)?;
    }
    out.push(1);
    Ok(())
}

fn object(
    traits: &Traits,
    sealed: &[Value],
    dynamic: &[(Text, Value)],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    out.push(marker::OBJECT);
    if sealed.len() != traits.members.len() || (!traits.dynamic && !dynamic.is_empty()) {
        let value = (sealed.len() + dynamic.len()) as u64;
        return Err(Error::Malformed { field: "traits", offset: out.len() as u64, value });
    }
    let count = bounded(sealed.len(), MAX_MEMBERS, "sealed members")?;
    u29(count << 4 | u32::from(traits.dynamic) << 3 | 0b011, out);
    string(&traits.class, out)?;
    for name in &traits.members {
        string(name, out)?;
    }
    for value in sealed {
        encode(value, out)?;
    }
    if traits.dynamic { members(dynamic, out) } else { Ok(()) }
}

fn u29(value: u32, out: &mut Vec<u8>) {
    let part = |shift: u32| (value >> shift) as u8 & 0x7F;
    match value {
        0..0x80 => out.push(value as u8),
        0x80..0x4000 => out.extend([part(7) | 0x80, part(0)]),
        0x4000..0x20_0000 => out.extend([part(14) | 0x80, part(7) | 0x80, part(0)]),
        _ => out.extend([part(22) | 0x80, part(15) | 0x80, part(8) | 0x80, value as u8]),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{Limits, amf3};

    fn text(min: usize) -> impl Strategy<Value = Text> + Clone {
        prop::collection::vec(any::<u8>(), min..8).prop_map(|bytes| Text::from(Bytes::from(bytes)))
    }

    fn value() -> impl Strategy<Value = Value> {
        let bits = || any::<u64>().prop_map(f64::from_bits);
        let leaf = prop_oneof![
            Just(Value::Undefined),
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i32>().prop_map(|integer| Value::Integer(integer >> 3)),
            (-0x5000..0x5000).prop_map(Value::Integer),
            bits().prop_map(Value::Double),
            bits().prop_map(Value::Date),
            text(0).prop_map(Value::String),
            text(0).prop_map(Value::Xml),
            text(0).prop_map(Value::XmlDocument),
            text(0).prop_map(|text| Value::ByteArray(Bytes::copy_from_slice(text.as_bytes()))),
            (any::<bool>(), prop::collection::vec(any::<i32>(), 0..4))
                .prop_map(|(fixed, items)| Value::VectorInt { fixed, items }),
            (any::<bool>(), prop::collection::vec(any::<u32>(), 0..4))
                .prop_map(|(fixed, items)| Value::VectorUint { fixed, items }),
            (any::<bool>(), prop::collection::vec(bits(), 0..4))
                .prop_map(|(fixed, items)| Value::VectorDouble { fixed, items }),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            let values = prop::collection::vec(inner.clone(), 0..4);
            let named = prop::collection::vec((text(1), inner.clone()), 0..4);
            let sealed = prop::collection::vec((text(0), inner.clone()), 0..4);
            prop_oneof![
                (named.clone(), values.clone())
                    .prop_map(|(members, values)| Value::Array { members, values }),
                (text(0), sealed, prop::option::of(named)).prop_map(|(class, sealed, dynamic)| {
                    let (members, sealed) = sealed.into_iter().unzip();
                    let traits = Traits { class, dynamic: dynamic.is_some(), members };
                    let dynamic = dynamic.unwrap_or_default();
                    Value::Object { traits: Arc::new(traits), sealed, dynamic }
                }),
                (any::<bool>(), text(0), values)
                    .prop_map(|(fixed, class, items)| Value::VectorObject { fixed, class, items }),
                (any::<bool>(), prop::collection::vec((inner.clone(), inner), 0..3))
                    .prop_map(|(weak, entries)| Value::Dictionary { weak, entries }),
            ]
        })
    }

    fn encoded(values: &[Value]) -> Bytes {
        let mut bytes = Vec::new();
        for value in values {
            encode(value, &mut bytes).unwrap();
        }
        bytes.into()
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_equal(values in prop::collection::vec(value(), 0..4)) {
            let back = amf3::decode(&encoded(&values), &Limits::default()).unwrap();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn whatever_decodes_encodes_to_something_that_decodes_equal(
            bytes in prop::collection::vec(prop_oneof![0..0x13u8, any::<u8>()], 0..60),
        ) {
            if let Ok(values) = amf3::decode(&bytes.into(), &Limits::default()) {
                let back = amf3::decode(&encoded(&values), &Limits::default()).unwrap();
                prop_assert_eq!(back, values);
            }
        }
    }

    #[test]
    fn what_has_no_form_is_refused() {
        let refused = |value: &Value| encode(value, &mut Vec::new()).is_err();
        assert!(refused(&Value::Integer(0x1000_0000)));
        assert!(!refused(&Value::Integer(-0x1000_0000)));
        assert!(refused(&Value::object([("", Value::Null)])));
        assert!(refused(&Value::Reference { marker: 4, index: 0 }));
        let traits = Arc::new(Traits { members: vec!["a".into()], ..Traits::default() });
        assert!(refused(&Value::Object { traits, sealed: vec![], dynamic: vec![] }));
    }
}
