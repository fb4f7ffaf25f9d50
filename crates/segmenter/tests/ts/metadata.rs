//! Timed metadata beside the tracks.

use airloom_segmenter::ts::{self, BASE, Counters, Error, Stream};

use crate::reader::{Event, METADATA, Reader};
use crate::source::{self, Owned, frame, picture};

fn tag(time: i64, len: usize) -> Owned {
    let mut data = b"ID3\x04\0\0".to_vec();
    data.resize(len, 7);
    Owned { stream: Stream::Metadata, decode: time - 3_000, presentation: time, sync: true, data }
}

#[test]
fn tags_come_back_with_their_presentation_time_alone() {
    let program = source::program(true, true).with_metadata();
    let tags = [tag(3_000, 20), tag(4_000, 184), tag(6_000, 65_527)];
    let mut units = vec![picture(0, true), frame(0)];
    units.extend(tags.iter().cloned());
    units.push(picture(3_000, false));
    let units = units.iter().map(Owned::unit);
    let measured = ts::measure(&program, units.clone(), Counters::default()).unwrap();
    let mut reader = Reader::default();
    let bytes = ts::render(&program, units.clone(), Counters::default()).unwrap();
    assert_eq!(bytes.len(), measured.len);
    let events = reader.read(&bytes);
    let declared = events.iter().find_map(|event| match event {
        Event::Pmt { streams, .. } => Some(streams.as_slice()),
        _ => None,
    });
    assert_eq!(declared, Some(&[(0x1B, 0x100), (0x0F, 0x101), (0x15, METADATA)][..]));
    let written: Vec<_> =
        events.iter().filter_map(Event::unit).filter(|unit| unit.pid == METADATA).collect();
    assert_eq!(written.len(), tags.len());
    for (written, source) in written.iter().zip(&tags) {
        assert_eq!(written.stream_id, 0xBD);
        assert_eq!(written.pts, (source.presentation + BASE.ticks() as i64) as u64);
        assert_eq!(written.dts, None);
        assert_eq!(written.data, source.data);
    }
    // Its counter goes on too.
    reader.read(&ts::render(&program, units, measured.counters).unwrap());
}

#[test]
fn what_is_no_tag_or_not_declared_is_refused() {
    let program = source::program(true, true);
    let check = |unit: &Owned| program.clone().with_metadata().check(&unit.unit());
    assert_eq!(
        program.check(&tag(0, 20).unit()),
        Err(Error::Undeclared { unit: 0, stream: Stream::Metadata })
    );
    let mut other = tag(0, 20);
    other.data[0] = b'T';
    assert_eq!(check(&other), Err(Error::NotId3 { unit: 0 }));
    assert_eq!(check(&tag(0, 65_528)), Err(Error::TagTooLong { unit: 0, len: 65_528 }));
    assert_eq!(check(&tag(0, 65_527)), Ok(()));
}
