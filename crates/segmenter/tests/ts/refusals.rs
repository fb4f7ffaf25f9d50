//! What cannot be written, and where.

use airloom_media::aac;
use airloom_segmenter::ts::{self, Config, Counters, Error, Limits, Program, Stream};
use bytes::Bytes;

use crate::source::{self, Owned, frame, picture};

fn refused(program: &Program, units: &[Owned]) -> Error {
    let units = units.iter().map(Owned::unit);
    let error = ts::measure(program, units.clone(), Counters::default()).unwrap_err();
    assert_eq!(ts::render(program, units, Counters::default()), Err(error));
    error
}

#[test]
fn a_program_of_nothing() {
    assert_eq!(Program::new(None, None, &Config::default()), Err(Error::NoTracks));
}

#[test]
fn sound_that_adts_cannot_express() {
    // Object type 2 at 48 kHz, channels by program_config_element.
    let aac = aac::Config::decode(Bytes::from_static(&[0x11, 0x80])).unwrap();
    let error = Program::new(None, Some(&aac), &Config::default()).unwrap_err();
    assert_eq!(error, Error::Unsupported { field: "channelConfiguration", value: 0 });
}

#[test]
fn a_unit_of_a_stream_that_is_not_declared() {
    let error = refused(&source::program(true, false), &[picture(0, true), frame(0)]);
    assert_eq!(error, Error::Undeclared { unit: 1, stream: Stream::Audio });
    let error = refused(&source::program(false, true), &[picture(0, true)]);
    assert_eq!(error, Error::Undeclared { unit: 0, stream: Stream::Video });
}

#[test]
fn a_nal_unit_past_the_end() {
    let mut cut = picture(0, false);
    cut.data.truncate(cut.data.len() - 1);
    let error = refused(&source::program(true, true), &[frame(0), picture(0, true), cut.clone()]);
    assert_eq!(error, Error::Truncated { unit: 2, field: "NALUnitLength", offset: 0 });
    assert_eq!(error.to_string(), "access unit 2, NALUnitLength at byte 0: the unit ends here");
    // The same, found when the unit comes.
    let error = source::program(true, true).check(&cut.unit()).unwrap_err();
    assert_eq!(error, Error::Truncated { unit: 0, field: "NALUnitLength", offset: 0 });
}

#[test]
fn a_frame_longer_than_thirteen_bits() {
    let mut long = frame(0);
    long.data = vec![0; 8_184];
    source::program(false, true).check(&long.unit()).unwrap();
    long.data.push(0);
    let error = refused(&source::program(false, true), &[frame(0), long]);
    assert_eq!(error, Error::FrameTooLong { unit: 1, len: 8_192 });
}

#[test]
fn a_segment_past_its_limit() {
    // Two tables and twice four packets.
    let limits = Limits { segment: 10 * 188, ..Limits::default() };
    let program =
        Program::new(Some(&source::avc(4)), None, &Config { limits, ..Config::default() }).unwrap();
    let pictures = [picture(0, false), picture(3_000, false), picture(6_000, false)];
    let error = refused(&program, &pictures);
    assert_eq!(error, Error::SegmentTooLong { unit: 2, limit: 10 * 188 });
    let fits = pictures.iter().take(2).map(Owned::unit);
    assert_eq!(ts::measure(&program, fits, Counters::default()).unwrap().len, 10 * 188);
}
