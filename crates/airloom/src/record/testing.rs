//! Streams as an origin tells of them, for tests.

use std::sync::Arc;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
use airloom_playlist::{Resource, WallTime};
use airloom_segmenter::{Config, Output, Segmenter};
use bytes::Bytes;

use super::item::Item;
use super::shelf::Shelf;
use super::tape::Tape;
use crate::origin::{Coding, Event};

/// Ten seconds of sound, as events.
pub(super) fn events() -> Vec<Event> {
    events_of(Bytes::from_static(&[0x11, 0x90]))
}

/// The same of another `AudioSpecificConfig`.
pub(super) fn events_of(specific: Bytes) -> Vec<Event> {
    let mut config = Config::default();
    config.part = Some(std::time::Duration::from_millis(200));
    let mut segmenter = Segmenter::new(config);
    let codec = Codec::Aac(aac::Config::decode(specific).unwrap());
    let track = TrackId::new(1);
    segmenter.set_track(Track { id: track, timescale: Timescale::MILLIS, codec }).unwrap();
    for frame in 0..470 {
        let sample = Sample {
            track,
            decode_time: Timestamp::new(frame * 1024 / 48),
            composition_offset: Delta::ZERO,
            duration: None,
            sync: true,
            data: Bytes::from_static(&[0x21; 100]),
        };
        segmenter.handle_input(sample).unwrap();
    }
    segmenter.finish();
    let at = WallTime::UNIX_EPOCH;
    let mut events = vec![Event::Started { life: 1, at }];
    while let Some(output) = segmenter.poll_output() {
        events.push(match output {
            Output::Init(init) => Event::Init { id: 1, init, at },
            Output::Part(part) => Event::Part { part, at },
            Output::Segment(segment) => Event::Segment { segment, at },
            _ => continue,
        });
    }
    events.push(Event::Ended { at });
    events
}

/// A tape of them under `name`, up to the end, which is not told.
pub(super) fn taped(shelf: &Arc<Shelf>, name: &str, events: &[Event]) -> Tape {
    let item = shelf.begin(&name.parse().unwrap(), 1, WallTime::UNIX_EPOCH).unwrap();
    let mut tape = Tape::new(Arc::clone(shelf), item);
    for event in events {
        match event {
            Event::Init { id, init, .. } => tape.init(*id, init.clone()),
            Event::Part { part, at } => tape.part(part, *at).unwrap(),
            Event::Segment { segment, .. } => {
                let (track, sequence) = (segment.track, segment.sequence);
                tape.item().timeline(|timeline| timeline.complete(track, sequence));
            }
            _ => {}
        }
    }
    tape
}

/// A recording of them under `name`.
pub(super) fn recorded(shelf: &Arc<Shelf>, name: &str, events: &[Event]) -> Arc<Item> {
    let tape = taped(shelf, name, events);
    let item = Arc::clone(tape.item());
    tape.finish(None);
    item
}

/// The playlist of the one track.
pub(super) fn playlist(shelf: &Shelf, item: &Arc<Item>) -> String {
    let timeline = shelf.timeline(item).unwrap();
    let mut timeline = timeline.lock().unwrap();
    let text = timeline.text(Resource::Media { track: TrackId::new(1) }, None, None).unwrap();
    String::from_utf8(text.body(Coding::Identity).to_vec()).unwrap()
}
