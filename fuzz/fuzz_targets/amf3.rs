//! AMF3: what decodes must encode, and decode to the same again.
//!
//! Input: the values. Behind AMF0's marker for it, the same bytes are also read where AMF0 goes over
//! to AMF3.

#![no_main]

use airloom_rtmp::{Error, Limits, amf0, amf3};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// AMF0's `avmplus-object-marker`.
const AVM_PLUS: u8 = 0x11;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    let inside = [&[AVM_PLUS], data].concat();
    let inside = amf0::decode(&inside.into(), &limits);
    let Ok(values) = amf3::decode(&Bytes::copy_from_slice(data), &limits) else { return };
    let mut encoded = Vec::new();
    for value in &values {
        amf3::encode(value, &mut encoded).expect("what was decoded fits");
    }
    // A string that the wire named by reference is written in full, and counts again.
    match amf3::decode(&Bytes::from(encoded), &limits) {
        Ok(again) => assert_eq!(values, again),
        Err(error) => assert!(matches!(error, Error::Limit { limit: "amf_values", .. }), "{error}"),
    }
    // One value stands behind one marker.
    if let (Ok(inside), [value]) = (inside, &values[..]) {
        assert_eq!(inside, [amf0::Value::Amf3(value.clone())]);
    }
});
