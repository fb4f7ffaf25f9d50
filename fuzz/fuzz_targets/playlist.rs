//! What viewers ask for: names and queries.

#![no_main]

use airloom_playlist::{Config, LiveWindow, Request, Resource};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    if let Some(resource) = Resource::parse(name) {
        // One thing has one name.
        assert_eq!(resource.to_string(), name);
    }
    let resource = Resource::parse(name).unwrap_or(Resource::Ts);
    if let Ok(request) = Request::from_query(resource, query) {
        assert!(request.part.is_none() || request.msn.is_some());
        LiveWindow::new(Config::default()).answer(&request);
    }
});
