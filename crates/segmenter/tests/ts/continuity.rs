//! Segments written apart from each other join without a seam.

use airloom_segmenter::ts::{self, Counters};

use crate::reader::Reader;
use crate::source::{self, Owned, frame, picture};

fn segments() -> Vec<Vec<Owned>> {
    (0..20)
        .map(|segment| {
            let start = segment * 90_000;
            let mut units = Vec::new();
            for index in 0..30 {
                units.push(picture(start + index * 3_000, index == 0));
                units.push(frame(start + index * 3_000));
            }
            // Different lengths, so that the counters end anywhere.
            units.truncate(60 - segment as usize);
            units
        })
        .collect()
}

#[test]
fn a_concatenation_has_no_continuity_error_whatever_was_written_first() {
    let program = source::program(true, true);
    let segments = segments();
    let mut counters = vec![Counters::default()];
    for segment in &segments {
        let before = *counters.last().unwrap();
        let measured = ts::measure(&program, segment.iter().map(Owned::unit), before).unwrap();
        counters.push(measured.counters);
    }
    // Written lazily: the last one first.
    let mut written: Vec<_> = segments
        .iter()
        .zip(&counters)
        .rev()
        .map(|(segment, &before)| {
            ts::render(&program, segment.iter().map(Owned::unit), before).unwrap()
        })
        .collect();
    written.reverse();
    let events = Reader::default().read(&written.concat());
    let units = events.iter().filter_map(|event| event.unit()).count();
    assert_eq!(units, segments.iter().map(Vec::len).sum::<usize>());
}

#[test]
fn a_segment_without_units_is_its_tables() {
    let program = source::program(true, true);
    let measured = ts::measure(&program, [], Counters::default()).unwrap();
    let bytes = ts::render(&program, [], Counters::default()).unwrap();
    assert_eq!((measured.len, bytes.len()), (376, 376));
    let mut reader = Reader::default();
    assert_eq!(reader.read(&bytes).len(), 2);
    let next = ts::render(&program, [picture(0, true).unit()], measured.counters).unwrap();
    reader.read(&next);
}

/// Units without payload (a zero-length sample, nothing but empty NAL units) write nothing.
#[test]
fn units_without_payload_leave_no_trace() {
    let program = source::program(true, true);
    let mut empty = [picture(0, true), frame(0), picture(0, true)];
    empty[0].data.clear();
    empty[1].data.clear();
    empty[2].data = vec![0; 8];
    let units = empty.iter().map(Owned::unit);
    let measured = ts::measure(&program, units, Counters::default()).unwrap();
    assert_eq!(measured, ts::measure(&program, [], Counters::default()).unwrap());
}
