//! PAT and PMT: what they declare and when they come.

use std::time::Duration;

use airloom_segmenter::ts::{self, Config, Counters, Program};

use crate::reader::{AUDIO, Event, Reader, VIDEO};
use crate::source::{self, Owned, frame, picture};

/// What one PMT says.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    version: u8,
    pcr_pid: u16,
    streams: Vec<(u8, u16)>,
}

fn pmts(events: &[Event]) -> Vec<Declared> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Pmt { version, pcr_pid, streams } => {
                Some(Declared { version: *version, pcr_pid: *pcr_pid, streams: streams.clone() })
            }
            _ => None,
        })
        .collect()
}

/// gohlslib#329, SRS#512, #506, ARUT#642; measured: phantom H.264 in the PMT of nginx-rtmp and
/// SRS.
#[test]
fn only_tracks_that_exist_are_declared() {
    let declared = |video, audio| {
        let bytes = ts::render(&source::program(video, audio), [], Counters::default()).unwrap();
        let declared = pmts(&Reader::default().read(&bytes)).remove(0);
        (declared.version, declared.pcr_pid, declared.streams)
    };
    assert_eq!(declared(false, true), (0, AUDIO, vec![(0x0F, AUDIO)]));
    assert_eq!(declared(true, false), (0, VIDEO, vec![(0x1B, VIDEO)]));
    assert_eq!(declared(true, true), (0, VIDEO, vec![(0x1B, VIDEO), (0x0F, AUDIO)]));
}

/// SRS#409, ARUT#641: audio that comes later is a new version of the table.
#[test]
fn a_track_that_comes_or_goes_changes_the_version() {
    let mut counters = Counters::default();
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    for (index, audio) in [false, false, true, true, false].into_iter().enumerate() {
        let program = source::program(true, audio);
        let unit = picture(index as i64 * 3_000, true);
        seen.extend(pmts(&reader.read(&ts::render(&program, [unit.unit()], counters).unwrap())));
        counters = ts::measure(&program, [unit.unit()], counters).unwrap().counters;
    }
    let versions: Vec<_> = seen.iter().map(|pmt| (pmt.version, pmt.streams.len())).collect();
    assert_eq!(versions, [(0, 1), (0, 1), (1, 2), (1, 2), (2, 1)]);
}

#[test]
fn tables_are_repeated_by_media_time() {
    let written = |psi_interval| {
        let config = Config { psi_interval, ..Config::default() };
        let (avc, aac) = (source::avc(4), source::aac());
        let program = Program::new(Some(&avc), Some(&aac), &config).unwrap();
        let units: Vec<Owned> =
            (0..60).flat_map(|n| [picture(n * 3_000, n == 0), frame(n * 3_000)]).collect();
        let units = units.iter().map(Owned::unit);
        let bytes = ts::render(&program, units, Counters::default()).unwrap();
        let events = Reader::default().read(&bytes);
        let count = |wanted: fn(&Event) -> bool| events.iter().filter(|e| wanted(e)).count();
        let tables = count(|event| matches!(event, Event::Pat));
        assert_eq!(tables, count(|event| matches!(event, Event::Pmt { .. })));
        tables
    };
    // Two seconds at 30 a second: at the start, then every eighth picture.
    assert_eq!(written(Duration::from_millis(250)), 8);
    assert_eq!(written(Duration::from_millis(100)), 20);
    assert_eq!(written(Duration::MAX), 1);
    // Before each unit that tells a time; the first has the segment's own.
    assert_eq!(written(Duration::ZERO), 120);
}
