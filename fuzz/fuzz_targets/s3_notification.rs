//! Access notifications of object stores.

#![no_main]

use airloom_billing::{Dimensions, Event, Name, s3};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(accesses) = s3::accesses(data) else { return };
    let tenant = Name::new("t").expect("a name");
    for access in accesses.into_iter().flatten() {
        let event = access.event(tenant.clone(), Dimensions::default()).expect("a hash is a name");
        assert_eq!(event.quantity, access.bytes);
        assert_eq!(Event::from_json(event.to_json().as_bytes()), Ok(event));
    }
});
