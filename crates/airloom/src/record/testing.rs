//! Streams as an origin tells of them, for tests.

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
use airloom_playlist::WallTime;
use airloom_segmenter::{Config, Output, Segmenter};
use bytes::Bytes;

use crate::origin::Event;

/// Ten seconds of sound, as events.
pub(super) fn events() -> Vec<Event> {
    let mut config = Config::default();
    config.part = Some(std::time::Duration::from_millis(200));
    let mut segmenter = Segmenter::new(config);
    let codec = Codec::Aac(aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap());
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
