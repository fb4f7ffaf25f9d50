//! MPEG-TS: any units, measured and rendered alike.

#![no_main]

use airloom_media::{Timestamp, aac, avc};
use airloom_segmenter::ts::{self, AccessUnit, Counters, Program, Stream};
use bytes::Bytes;
use fuzz::{AAC, AVC};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    tracks: u8,
    start: i64,
    units: Vec<Unit<'a>>,
}

#[derive(Debug, Arbitrary)]
struct Unit<'a> {
    sound: bool,
    sync: bool,
    step: i32,
    offset: i16,
    /// Repeated so often: large units without large inputs.
    times: u8,
    data: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let video = avc::Config::decode(Bytes::from_static(AVC[0])).expect("a good record");
    let audio = aac::Config::decode(Bytes::from_static(AAC[0])).expect("a good record");
    let program = Program::new(
        (input.tracks & 1 != 0).then_some(&video),
        (input.tracks & 2 != 0).then_some(&audio),
        &ts::Config::default(),
    );
    let Ok(program) = program else { return };
    let payloads: Vec<Vec<u8>> =
        input.units.iter().map(|unit| unit.data.repeat(usize::from(unit.times) + 1)).collect();
    let mut time = input.start;
    let units: Vec<AccessUnit<'_>> = input
        .units
        .iter()
        .zip(&payloads)
        .map(|(unit, data)| {
            time = time.saturating_add(i64::from(unit.step));
            AccessUnit {
                stream: if unit.sound { Stream::Audio } else { Stream::Video },
                decode_time: Timestamp::new(time),
                presentation_time: Timestamp::new(time.saturating_add(i64::from(unit.offset))),
                sync: unit.sync,
                data,
            }
        })
        .collect();
    let mut counters = Counters::default();
    // Two segments, the second one going on where the first one ends.
    let (first, second) = units.split_at(units.len() / 2);
    for units in [first, second] {
        let Ok(measured) = ts::measure(&program, units.iter().copied(), counters) else { return };
        let segment = ts::render(&program, units.iter().copied(), counters)
            .expect("what was measured can be rendered");
        assert_eq!(segment.len(), measured.len);
        let (packets, rest) = segment.as_chunks::<188>();
        assert!(rest.is_empty() && packets.iter().all(|packet| packet[0] == 0x47));
        let payload: usize = units.iter().map(|unit| unit.data.len()).sum();
        // Headers, tables and clocks never outgrow the payload by more than a bounded sum each.
        assert!(segment.len() <= 2 * payload + (units.len() + 1) * 400 * 188);
        counters = measured.counters;
    }
});
