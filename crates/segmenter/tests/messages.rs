//! What goes beside the media: ID3 and SCTE-35 as event messages and as a stream of MPEG-TS, and the
//! time of production.

mod rig;

use std::time::Duration;

use airloom_media::Timestamp;
use airloom_segmenter::{Config, Error, EventMessage};
use bytes::Bytes;
use rig::boxes::children;
use rig::{AUDIO, Rig, VIDEO};

const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x0DTXXX\0\0\0\x03\0\0\x03\0x";

fn rig(low_latency: bool) -> Rig {
    let mut config = Config::default();
    if !low_latency {
        config.part = None;
    }
    Rig::with(config, &[rig::video(rig::X264), rig::audio(48_000)])
}

/// Types of the boxes in front of each part of the video.
fn fronts(rig: &Rig) -> Vec<(u64, Vec<[u8; 4]>)> {
    let mut fronts = Vec::new();
    for segment in rig.of(VIDEO) {
        for part in segment.parts.iter() {
            let whole: Vec<u8> = part.chunks().flat_map(|chunk| chunk.to_vec()).collect();
            assert_eq!(whole.len(), part.size);
            let kinds = children(&whole).into_iter().map(|(kind, _)| kind);
            fronts.push((part.sequence, kinds.take_while(|kind| kind != b"moof").collect()));
        }
    }
    fronts
}

#[test]
fn a_message_stands_in_front_of_the_part_that_follows() {
    for low_latency in [true, false] {
        let mut rig = rig(low_latency);
        rig.play(0, 90, 30, 30);
        // At 3.1 s of a stream whose clock began at zero.
        let mut cue =
            EventMessage::scte_35(VIDEO, Timestamp::new(3100), Bytes::from_static(&[0xFC, 0x30]));
        cue.duration = Some(airloom_media::Duration::new(30_000));
        rig.segmenter.handle_message(cue).unwrap();
        let tag = EventMessage::id3(VIDEO, Timestamp::new(3100), Bytes::from_static(TAG));
        rig.segmenter.handle_message(tag).unwrap();
        rig.play(3000, 120, 30, 30);
        rig.finish();

        let with: Vec<_> =
            fronts(&rig).into_iter().filter(|(_, front)| front.contains(b"emsg")).collect();
        let [(sequence, front)] = &with[..] else { panic!("{with:?}") };
        let emsgs = front.iter().filter(|kind| *kind == b"emsg").count();
        assert_eq!((emsgs, front.len() - usize::from(front[0] == *b"styp")), (2, 2));

        let of = rig.of(VIDEO);
        let segment = of.iter().find(|segment| segment.sequence == *sequence).unwrap();
        let bytes: Vec<u8> = segment.chunks().flat_map(|chunk| chunk.to_vec()).collect();
        let at = bytes.windows(4).position(|four| four == b"emsg").unwrap() + 4;
        let number = |from: usize, to: usize| {
            bytes[at + from..at + to].iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        assert_eq!((number(0, 4), number(4, 8)), (1 << 24, 90_000));
        assert_eq!((number(8, 16), number(16, 20)), (3100 * 90, 30_000 * 90));
        assert!(bytes[at + 24..].starts_with(b"urn:scte:scte35:2013:bin\0\0\xFC\x30"));
        let tag = bytes.windows(TAG.len()).filter(|window| *window == TAG).count();
        assert_eq!(tag, 1);

        // MPEG-TS has the tag in a stream of its own, from the first tag on.
        let tagged = rig.ts.iter().filter(|ts| {
            let bytes = ts.render();
            let packets = bytes.chunks(188).filter(|p| p[1] & 0x1F == 1 && p[2] == 2);
            packets.flatten().copied().collect::<Vec<_>>().windows(3).any(|three| three == b"ID3")
        });
        assert_eq!(tagged.map(|ts| ts.sequence).collect::<Vec<_>>(), [*sequence]);
    }
}

/// A tag for a time far off must not move the clock of MPEG-TS.
#[test]
fn a_tag_for_next_week_costs_nothing() {
    let mut rig = rig(true);
    rig.play(0, 60, 30, 30);
    let week = Timestamp::new(7 * 86_400_000);
    rig.segmenter.handle_message(EventMessage::id3(VIDEO, week, Bytes::from_static(TAG))).unwrap();
    rig.play(2000, 120, 30, 30);
    rig.finish();
    for ts in &rig.ts {
        let bytes = ts.render();
        assert_eq!(bytes.len(), ts.size);
        // discontinuity_indicator in any adaptation field.
        let steps = bytes.chunks(188).filter(|p| p[3] & 0x20 != 0 && p[4] > 0 && p[5] & 0x80 != 0);
        assert_eq!(steps.count(), 0);
    }
}

#[test]
fn each_part_tells_when_it_was_produced() {
    let mut rig = rig(true);
    rig.play(0, 30, 30, 30);
    let wall = Duration::from_secs(1_700_000_000);
    rig.segmenter.set_produced(VIDEO, Timestamp::new(1000), wall).unwrap();
    rig.play(1000, 90, 30, 30);
    rig.finish();
    let mut told = 0;
    for part in rig.of(VIDEO).iter().flat_map(|segment| segment.parts.iter()) {
        let header = &part.header;
        let Some(at) = header.windows(4).position(|four| four == b"prft") else { continue };
        let field = |from: usize, to: usize| {
            header[at + from..at + to].iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
        };
        assert_eq!((field(4, 8) >> 24, field(8, 12)), (1, 1));
        let ticks = part.start.ticks().unsigned_abs();
        assert_eq!(field(20, 28), ticks);
        let seconds = field(12, 16) - 2_208_988_800;
        let nanos = (field(16, 20) * 1_000_000_000) >> 32;
        let expected = wall.as_nanos() as i128 + (i128::from(ticks) - 90_000) * 100_000 / 9;
        let found = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        assert!((found - expected).abs() < 10, "{found} {expected}");
        told += 1;
    }
    assert!(told > 10);
    assert!(!fronts(&rig)[0].1.contains(b"prft"), "not before it was said");
}

#[test]
fn messages_are_bounded_and_need_a_track() {
    let mut rig = rig(true);
    let message =
        |track| EventMessage::new(track, Timestamp::ZERO, "urn:x", Bytes::from(vec![0; 600_000]));
    let other = airloom_media::TrackId::new(9);
    assert_eq!(rig.segmenter.handle_message(message(other)), Err(Error::UnknownTrack(other)));
    rig.segmenter.handle_message(message(AUDIO)).unwrap();
    let refused = rig.segmenter.handle_message(message(AUDIO)).unwrap_err();
    assert_eq!(refused, Error::TooManyMessages { track: AUDIO, limit: 1 << 20 });
}

#[test]
fn a_segment_index_says_how_long_the_fragment_is() {
    let mut config = Config::default();
    (config.part, config.sidx) = (None, true);
    let mut rig = Rig::with(config, &[rig::video(rig::X264), rig::audio(48_000)]);
    rig.play(0, 300, 30, 30);
    rig.finish();
    for segment in rig.of(VIDEO) {
        let bytes: Vec<u8> = segment.chunks().flat_map(|chunk| chunk.to_vec()).collect();
        let top = children(&bytes);
        let kinds: Vec<_> = top.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [*b"styp", *b"sidx", *b"moof", *b"mdat"]);
        let index = top[1].1;
        let field = |at: usize| u32::from_be_bytes(index[at..at + 4].try_into().unwrap());
        assert_eq!(field(32) as usize, top[2].1.len() + top[3].1.len() + 16);
        assert_eq!(u64::from(field(36)), segment.duration.ticks());
        assert_eq!(i64::from(field(16)), segment.start.ticks());
        assert_eq!(field(40) >> 28, 9);
    }
}

#[test]
fn a_segment_index_says_that_pictures_are_shown_before_the_first() {
    let mut config = Config::default();
    (config.part, config.sidx) = (None, true);
    let mut rig = Rig::with(config, &[rig::video(rig::X264)]);
    for frame in 0..300 {
        // An open group: what follows a keyframe at once is shown before it.
        let sync = frame % 30 == 0;
        rig.picture(frame * 1000 / 30, if sync { 100 } else { 33 }, sync);
    }
    rig.finish();
    for segment in rig.of(VIDEO) {
        let bytes: Vec<u8> = segment.chunks().flat_map(|chunk| chunk.to_vec()).collect();
        let index = children(&bytes)[1].1;
        // starts_with_SAP, SAP_type 3.
        assert_eq!(index[40] >> 4, 8 | 3);
    }
}
