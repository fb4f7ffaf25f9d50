//! Usage events in the JSON format of CloudEvents, alone and in batches.

#![no_main]

use airloom_billing::{Event, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let alone = Event::from_json(data);
    if let Ok(event) = &alone {
        assert_eq!(Event::from_json(event.to_json().as_bytes()).as_ref(), Ok(event));
        // The way between ledgers.
        let input = Input::Event(event.clone());
        let text = serde_json::to_string(&input).expect("inputs can be written");
        assert_eq!(serde_json::from_str::<Input>(&text).ok(), Some(input));
    }
    let _ = serde_json::from_slice::<Input>(data);
    if let Ok(items) = Event::batch_from_json(data, 100) {
        assert!(items.len() <= 100);
        let read: Vec<_> = items.iter().flatten().map(Event::to_json).collect();
        let again = Event::batch_from_json(format!("[{}]", read.join(",")).as_bytes(), 100);
        let again: Result<Vec<_>, _> = again.expect("a batch").into_iter().collect();
        assert_eq!(again, Ok(items.into_iter().flatten().collect()));
    }
});
