//! Payload is shared with the input and never copied into CMAF.

mod rig;

use airloom_segmenter::{Config, Part, Segment, TsSegment};
use bytes::Bytes;
use rig::flv::{self, Tag};
use rig::{AUDIO, Rig, VIDEO};

const FIXTURE: &[u8] = include_bytes!("fixtures/pyramid.flv");

/// Where bytes are, not what they are.
fn place(bytes: &Bytes) -> (*const u8, usize) {
    (bytes.as_ptr(), bytes.len())
}

#[test]
fn parts_and_segments_hold_the_bytes_that_came_in() {
    for part in [Config::default().part, None] {
        let mut config = Config::default();
        config.part = part;
        let mut rig = Rig::new(config);
        for tag in flv::read(FIXTURE) {
            match tag {
                Tag::Track(track) => rig.set_track(track),
                Tag::Picture { time, offset, sync, data } => {
                    rig.feed(VIDEO, time, offset, sync, data);
                }
                Tag::Sound { time, data } => rig.feed(AUDIO, time, 0, true, data),
            }
        }
        rig.finish();
        for track in [VIDEO, AUDIO] {
            let fed: Vec<_> = rig.fed[&track].iter().map(|fed| place(&fed.data)).collect();
            let segments = rig.of(track);
            let parts = || segments.iter().flat_map(|segment| segment.parts.iter());
            let payload: Vec<_> = parts().flat_map(|part| part.payload.iter()).map(place).collect();
            assert_eq!(payload, fed);
            // What goes to a socket is the same memory, headers included, from part and segment.
            let sent: Vec<_> = segments.iter().flat_map(|it| it.chunks()).map(place).collect();
            assert_eq!(sent, parts().flat_map(Part::chunks).map(place).collect::<Vec<_>>());
            if part.is_some() {
                let early = rig.parts_of(track).into_iter().flat_map(Part::chunks);
                assert_eq!(sent, early.map(place).collect::<Vec<_>>());
            }
        }
        // MPEG-TS keeps what it is made of, which is the same again.
        let held = rig.ts.iter().flat_map(TsSegment::segments);
        let held = held.filter(|segment| segment.track == VIDEO).flat_map(Segment::chunks);
        let sent = rig.of(VIDEO).into_iter().flat_map(Segment::chunks);
        assert!(held.map(place).eq(sent.map(place)));
    }
}
