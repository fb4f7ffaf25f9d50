//! What goes beside the media: ID3 and SCTE-35 as event messages and as a stream of MPEG-TS, and the
//! time of production.

mod rig;

use std::time::Duration;

use airloom_media::{Timestamp, TrackId};
use airloom_segmenter::{Config, Error, EventMessage, Segmenter};
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
    let other = TrackId::new(9);
    assert_eq!(rig.segmenter.handle_message(message(other)), Err(Error::UnknownTrack(other)));
    rig.segmenter.handle_message(message(AUDIO)).unwrap();
    let refused = rig.segmenter.handle_message(message(AUDIO)).unwrap_err();
    assert_eq!(refused, Error::TooManyMessages { track: AUDIO, limit: 1 << 20 });
}

/// Everything that waits costs its box beside its bytes, empty ones too.
#[test]
fn messages_without_data_are_bounded_too() {
    let mut rig = rig(true);
    let empty = || EventMessage::id3(VIDEO, Timestamp::ZERO, Bytes::new());
    let taken = (0..20_000).take_while(|_| rig.segmenter.handle_message(empty()).is_ok()).count();
    assert_eq!(taken, (1 << 20) / (128 + EventMessage::ID3.len()));
    // Once they are out there is room again.
    rig.play(0, 90, 30, 30);
    rig.segmenter.handle_message(empty()).unwrap();
}

/// Of 600 tags of 1000 bytes, one a picture, which are taken: 1 or 0.
fn tags_taken(config: Config) -> Vec<usize> {
    let mut rig = Rig::with(config, &[rig::video(rig::X264)]);
    let mut taken = Vec::new();
    for picture in 0..600i64 {
        let time = picture * 1000 / 30;
        rig.picture(time, 0, picture % 60 == 0);
        let tag = EventMessage::id3(VIDEO, Timestamp::new(time), Bytes::from(vec![7; 1000]));
        taken.push(usize::from(rig.segmenter.handle_message(tag).is_ok()));
    }
    taken
}

/// ID3 tags wait for the end of a segment that becomes MPEG-TS, and for nothing else.
#[test]
fn tags_are_kept_for_mpeg_ts_alone_and_counted() {
    let mut config = Config::default();
    config.limits.message_bytes = 20_000;
    config.ts = false;
    assert!(tags_taken(config.clone()).iter().all(|taken| *taken == 1));
    config.ts = true;
    let taken = tags_taken(config);
    for second in taken.chunks(60).map(|second| second.iter().sum::<usize>()) {
        assert!((10..30).contains(&second), "{second}");
    }
}

/// The bodies of boxes of `kind` in a track's parts, and where their part starts.
fn bodies(rig: &Rig, track: TrackId, kind: [u8; 4]) -> Vec<(u64, Vec<u8>)> {
    let mut bodies = Vec::new();
    for part in rig.of(track).into_iter().flat_map(|segment| segment.parts.iter()) {
        let whole: Vec<u8> = part.chunks().flat_map(|chunk| chunk.to_vec()).collect();
        let found = children(&whole).into_iter().filter(|(found, _)| *found == kind);
        let start = part.start.ticks().unsigned_abs();
        bodies.extend(found.map(|(_, body)| (start, body.to_vec())));
    }
    bodies
}

/// The ids of a track's event messages, as they come.
fn ids(rig: &Rig, track: TrackId) -> Vec<u32> {
    let emsgs = bodies(rig, track, *b"emsg").into_iter();
    emsgs.map(|(_, body)| u32::from_be_bytes(body[20..24].try_into().unwrap())).collect()
}

/// dash.js leaves out a message whose id it has had of that scheme and value.
#[test]
fn each_message_has_an_id_of_its_own() {
    let mut rig = rig(true);
    rig.play(0, 60, 30, 30);
    let cue = |track| {
        EventMessage::scte_35(track, Timestamp::new(2100), Bytes::from_static(&[0xFC, 0x30]))
    };
    let mut stated = cue(VIDEO);
    stated.id = Some(7);
    for message in [cue(VIDEO), cue(AUDIO), stated, cue(VIDEO)] {
        rig.segmenter.handle_message(message).unwrap();
    }
    rig.play(2000, 60, 30, 30);
    rig.finish();
    assert_eq!((ids(&rig, VIDEO), ids(&rig, AUDIO)), (vec![0, 7, 2], vec![1]));
}

#[test]
fn a_scheme_may_be_known_at_run_time_only() {
    let mut rig = rig(true);
    let time = Timestamp::new(100);
    let scheme = format!("urn:example:{}", 2 + 2);
    let mut message = EventMessage::new(VIDEO, time, scheme, Bytes::from_static(b"data"));
    message.value = "1".into();
    rig.segmenter.handle_message(message.clone()).unwrap();
    message.value = "a\0b".into();
    assert_eq!(rig.segmenter.handle_message(message), Err(Error::NulInMessage(VIDEO)));
    rig.play(0, 60, 30, 30);
    rig.finish();
    let bytes: Vec<u8> =
        rig.of(VIDEO)[0].chunks().flat_map(|chunk| chunk.iter().copied()).collect();
    let written = b"urn:example:4\x001\0data";
    assert_eq!(bytes.windows(written.len()).filter(|window| window == written).count(), 1);
}

/// Where the parts of the video start that have a box of `kind`, and the 64 bits at 8 in that: when
/// a message is for, or when media was produced.
fn told(rig: &Rig, kind: [u8; 4]) -> Vec<(u64, u64)> {
    let bodies = bodies(rig, VIDEO, kind).into_iter();
    bodies
        .map(|(start, body)| (start, u64::from_be_bytes(body[8..16].try_into().unwrap())))
        .collect()
}

/// Which offset its times have is known with the first sample: at the start, and after a restart.
#[test]
fn a_message_before_the_first_sample_is_placed_with_it() {
    let mut rig = rig(true);
    let tag = |time| EventMessage::id3(VIDEO, Timestamp::new(time), Bytes::from_static(TAG));
    // Times from below zero on are moved, by ten seconds and more.
    rig.segmenter.handle_message(tag(-900)).unwrap();
    rig.play(-1000, 150, 30, 30);
    rig.restart();
    rig.segmenter.handle_message(tag(100)).unwrap();
    rig.play(0, 60, 30, 30);
    rig.finish();
    let starts: Vec<_> = rig.of(VIDEO).iter().map(|segment| segment.start.ticks()).collect();
    let [first, second] = told(&rig, *b"emsg")[..] else { panic!("two of them") };
    assert_eq!(first.1, starts[0].unsigned_abs() + 9000);
    let turned = rig.of(VIDEO).into_iter().find(|segment| segment.discontinuity).unwrap();
    assert_eq!(second, (turned.start.ticks().unsigned_abs(), second.1));
    assert_eq!(second.1, turned.start.ticks().unsigned_abs() + 9000);
}

/// The same where a jump is not settled yet: the message is on the new timeline.
#[test]
fn a_message_within_a_jump_is_placed_behind_it() {
    let mut rig = Rig::with(Config::default(), &[rig::video(rig::X264)]);
    rig.show(0, 60, 30, 30);
    rig.picture(100_000, 0, true);
    let tag = EventMessage::id3(VIDEO, Timestamp::new(100_100), Bytes::from_static(TAG));
    rig.segmenter.handle_message(tag).unwrap();
    for picture in 1..60 {
        rig.picture(100_000 + picture * 1000 / 30, 0, picture % 30 == 0);
    }
    rig.finish();
    let turned = rig.of(VIDEO).into_iter().find(|segment| segment.discontinuity).unwrap();
    let start = turned.start.ticks().unsigned_abs();
    assert_eq!(told(&rig, *b"emsg"), [(start, start + 9000)]);
}

/// The output's clock goes on without the outage, so nothing is known of the time after it until it
/// is said.
#[test]
fn the_time_of_production_ends_with_the_timeline() {
    let wall = Duration::from_secs(1_700_000_000);
    for said in [false, true] {
        let mut rig = rig(true);
        rig.segmenter.set_produced(VIDEO, Timestamp::ZERO, wall).unwrap();
        rig.play(0, 90, 30, 30);
        rig.restart();
        if said {
            let later = wall + Duration::from_mins(1);
            rig.segmenter.set_produced(VIDEO, Timestamp::ZERO, later).unwrap();
        }
        rig.play(0, 90, 30, 30);
        rig.finish();
        let turned = rig.of(VIDEO).into_iter().find(|segment| segment.discontinuity).unwrap();
        let turned = turned.start.ticks().unsigned_abs();
        let told = told(&rig, *b"prft");
        assert!(told.iter().any(|(start, _)| *start < turned));
        assert_eq!(told.iter().any(|(start, _)| *start >= turned), said);
        for (start, ntp) in told {
            let outage = if start >= turned { 60 * 90_000 - turned } else { 0 };
            let seconds = (start + outage) / 90_000 + 1_700_000_000 + 2_208_988_800;
            assert_eq!(ntp >> 32, seconds, "{start} {turned}");
        }
    }
}

#[test]
fn what_cannot_be_taken_in_is_said_by_all_calls_alike() {
    let mut segmenter = Segmenter::new(Config::default());
    segmenter.set_track(rig::video(rig::X264)).unwrap();
    let time = Timestamp::new(i64::MAX);
    let message = EventMessage::id3(VIDEO, time, Bytes::from_static(TAG));
    let refused = Err(Error::TimeRange { track: VIDEO, time });
    assert_eq!(segmenter.handle_message(message.clone()), refused);
    assert_eq!(segmenter.set_produced(VIDEO, time, Duration::ZERO), refused);
    segmenter.finish();
    assert_eq!(segmenter.handle_message(message), Err(Error::Finished));
    assert_eq!(segmenter.set_produced(VIDEO, time, Duration::ZERO), Err(Error::Finished));
    assert_eq!(segmenter.set_bit_rate(VIDEO, None), Err(Error::Finished));
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
