//! AMF0: what decodes must encode, and decode to the same again.

#![no_main]

use airloom_rtmp::{Limits, amf0};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    let Ok(values) = amf0::decode(&Bytes::copy_from_slice(data), &limits) else { return };
    let mut encoded = Vec::new();
    for value in &values {
        amf0::encode(value, &mut encoded).expect("what was decoded fits");
    }
    let again = amf0::decode(&Bytes::from(encoded), &limits).expect("what was encoded decodes");
    assert_eq!(values, again);
});
