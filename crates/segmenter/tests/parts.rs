//! Low-Latency parts.

mod rig;

use std::time::Duration;

use airloom_media::{Codec, Timescale, Track, TrackId, avc, opus};
use airloom_segmenter::{Config, Event};
use bytes::Bytes;
use proptest::prelude::*;
use rig::{AUDIO, Rig, UNTIMED, VIDEO, X264, audio, video};

/// No part is above the target; only a segment's last is below 85 % of it.
fn assert_regular(rig: &Rig) {
    for init in &rig.inits {
        let target = init.part_target.ticks();
        for segment in rig.of(init.track) {
            let (_, full) = segment.parts.split_last().unwrap();
            for part in segment.parts.iter() {
                assert!(part.duration.ticks() <= target);
            }
            for part in full {
                let ticks = part.duration.ticks();
                assert!(ticks * 100 >= target * 85, "{ticks} of {target} in {part:?}");
            }
        }
    }
}

/// How many parts of a track are below 85 % of its target and not a segment's last, and how many
/// there are.
fn short(rig: &Rig, track: TrackId) -> (usize, usize) {
    let target = rig.init_of(track).part_target.ticks();
    let segments = rig.of(track);
    let full = segments.iter().flat_map(|segment| segment.parts.split_last().unwrap().1);
    let lengths: Vec<_> = full.map(|part| part.duration.ticks()).collect();
    let short = lengths.iter().filter(|ticks| *ticks * 100 < target * 85).count();
    (short, lengths.len())
}

/// [`X264`] that states pictures of `ticks / hz` seconds.
fn stating(ticks: u32, hz: u32) -> Track {
    const SPS: std::ops::Range<usize> = 8..38;
    let mut raw = Vec::new();
    for byte in &X264[SPS] {
        // emulation_prevention_three_byte
        if !(*byte == 3 && raw.ends_with(&[0, 0])) {
            raw.push(*byte);
        }
    }
    // num_units_in_tick and time_scale begin five bits into the byte before the first of their zeros.
    let at = raw.windows(4).position(|four| four == [0x28, 0, 0, 0]).unwrap();
    let fields = (u128::from(ticks) << 32) | (u128::from(hz) * 2);
    let bits = (u128::from(raw[at] >> 3) << 67) | (fields << 3) | u128::from(raw[at + 8] & 7);
    raw[at..at + 9].copy_from_slice(&bits.to_be_bytes()[7..]);
    let mut sps = Vec::new();
    for byte in raw {
        if byte <= 3 && sps.ends_with(&[0, 0]) {
            sps.push(3);
        }
        sps.push(byte);
    }
    let mut record = X264[..6].to_vec();
    record.extend(u16::try_from(sps.len()).unwrap().to_be_bytes());
    record.extend(sps);
    record.extend(&X264[SPS.end..]);
    let config = avc::Config::decode(Bytes::from(record)).unwrap();
    let codec = Codec::Avc(config);
    let (stated, timescale) = codec.picture().unwrap().frame_duration.unwrap();
    assert_eq!(u64::from(timescale.hz()) * u64::from(ticks), stated * u64::from(hz));
    Track { codec, ..video(X264) }
}

/// The rates that encoders are set to.
const USUAL: [(u32, u32); 9] = [
    (1001, 24_000),
    (1, 24),
    (1, 25),
    (1001, 30_000),
    (1, 30),
    (1, 50),
    (1001, 60_000),
    (1, 60),
    (1, 15),
];

/// Pictures of `ticks / hz` seconds, each up to `jitter` milliseconds early or late.
fn jittering(track: &Track, (ticks, hz): (u32, u32), jitter: i64, seed: u64) -> Rig {
    let mut rig = Rig::with(Config::default(), std::slice::from_ref(track));
    let mut random = seed | 1;
    for picture in 0..600i64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let off = match picture {
            // At once, or the times would pass for exact.
            1 => jitter,
            2 => -jitter,
            _ => (random % (2 * jitter.unsigned_abs() + 1)) as i64 - jitter,
        };
        let time = picture * 1000 * i64::from(ticks) / i64::from(hz);
        rig.picture(100 + time + off, 0, picture % 60 == 0);
    }
    rig.finish();
    rig
}

/// zap-stream-core#96: parts longer than PART-TARGET never, audio renditions with parts always.
#[test]
fn thirty_frames_a_second_make_parts_of_exactly_200_ms() {
    let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
    rig.play(0, 300, 30, 60);
    rig.finish();
    assert_eq!(rig.init_of(VIDEO).part_target.ticks(), 18_000);
    assert_eq!(rig.init_of(VIDEO).frame_duration.ticks(), 3000);
    assert_eq!(rig.init_of(AUDIO).part_target.ticks(), 9216);
    assert!(rig.parts_of(VIDEO).iter().rev().skip(1).all(|part| part.samples().len() == 6));
    assert_regular(&rig);
}

/// Six of them would not always fit, and five would be too few of a target of six.
#[test]
fn thirty_frames_a_second_that_come_unevenly_make_parts_of_five() {
    let rig = jittering(&video(X264), (1, 30), 2, 7);
    assert_eq!(rig.init_of(VIDEO).part_target.ticks(), 16_200);
    assert!(rig.parts_of(VIDEO).iter().all(|part| part.samples().len() <= 5));
    assert_regular(&rig);
}

#[test]
fn audio_at_44_1_khz_makes_parts_of_eight_frames() {
    let mut rig = Rig::with(Config::default(), &[audio(44_100)]);
    for frame in 0..400i64 {
        rig.sound(frame * 1_024_000 / 44_100);
    }
    rig.finish();
    assert_eq!(rig.init_of(AUDIO).part_target.ticks(), 8 * 1024);
    assert_regular(&rig);
}

/// hls.js#7782: only where the part starts with it.
#[test]
fn a_part_is_independent_only_where_it_starts_with_a_sync_sample() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    // A keyframe as the fifth frame of the second part, too early for a segment.
    for frame in 0..60i64 {
        rig.picture(frame * 1000 / 30, 0, frame % 60 == 0 || frame == 9);
    }
    rig.finish();
    let parts = rig.parts_of(VIDEO);
    assert!(parts[0].independent && !parts[1].independent);
    assert!(parts[1].samples().any(|sample| sample.sync));
}

#[test]
fn a_part_goes_out_as_soon_as_no_further_frame_fits() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    rig.show(0, 12, 30, 30);
    assert_eq!(rig.parts.len(), 1);
    // The thirteenth says how long the twelfth lasts.
    rig.picture(400, 0, false);
    assert_eq!(rig.parts.len(), 2);
}

#[test]
fn a_rate_the_stream_does_not_state_is_measured() {
    for rate in [15, 24, 25, 30, 50, 60, 120] {
        let mut rig = Rig::with(Config::default(), &[video(UNTIMED)]);
        rig.show(0, rate * 6, rate, rate);
        rig.finish();
        let init = rig.init_of(VIDEO);
        assert!(init.part_target.ticks() <= 18_000);
        assert!(init.part_target.ticks() >= 18_000 * 60 / 100, "{rate}: {init:?}");
        assert_regular(&rig);
    }
}

/// The parameter sets say 30 a second, the pictures come at 60 or at 25.
#[test]
fn a_rate_that_is_not_true_is_not_believed() {
    for rate in [60, 25] {
        let mut rig = Rig::with(Config::default(), &[video(X264)]);
        rig.show(0, rate * 6, rate, rate);
        rig.finish();
        assert_regular(&rig);
    }
}

#[test]
fn two_frames_a_second_are_a_part_each() {
    let mut rig = Rig::with(Config::default(), &[video(UNTIMED)]);
    rig.show(0, 20, 2, 4);
    rig.finish();
    assert!(rig.parts.iter().all(|part| part.samples().len() == 1));
    assert_eq!(rig.init_of(VIDEO).part_target.ticks(), 45_090, "a millisecond more");
    assert_regular(&rig);
}

/// A single picture that stands for a second is the one thing no part target can hold.
#[test]
fn only_a_single_long_picture_may_pass_the_target() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    rig.show(0, 60, 30, 30);
    rig.show(3000, 60, 30, 30);
    rig.finish();
    let target = rig.init_of(VIDEO).part_target;
    let long: Vec<_> = rig.parts.iter().filter(|part| part.duration > target).collect();
    assert_eq!(long.len(), 1);
    assert_eq!(long[0].samples().len(), 1);
    assert_eq!(rig.count(|event| matches!(event, Event::GapBridged { .. })), 1);
}

/// The first four pictures of a captured screen come slowly, then thirty a second do.
#[test]
fn a_slow_start_is_not_taken_for_the_rate_for_ever() {
    for step in [33, 100, 150, 500] {
        let mut rig = Rig::with(Config::default(), &[video(UNTIMED)]);
        let mut time = 0;
        for picture in 0..900 {
            rig.picture(time, 0, picture % 60 == 0);
            time += if picture < 4 { step } else { 33 + picture % 3 / 2 };
        }
        rig.finish();
        rig.assert_everything_is_there();
        let (short, all) = short(&rig, VIDEO);
        assert!(short <= 2 && all >= 40, "{step}: {short} of {all}");
        assert!(rig.init_of(VIDEO).part_target.ticks() <= 90 * step.max(200) as u64 + 90);
    }
}

/// The target is for life, so nothing has to be known of a new description's rate at once.
#[test]
fn a_long_first_picture_of_a_new_description_is_not_its_rate() {
    for first in [33, 400] {
        let mut rig = Rig::with(Config::default(), &[video(UNTIMED)]);
        rig.show(0, 150, 30, 60);
        rig.set_track(video(X264));
        rig.show(5000, 60, 30, 60);
        rig.set_track(video(UNTIMED));
        rig.picture(7000, 0, true);
        for picture in 1..300i64 {
            rig.picture(7000 + first - 33 + picture * 1000 / 30, 0, picture % 60 == 0);
        }
        rig.finish();
        rig.assert_everything_is_there();
        let parts = rig.parts_of(VIDEO);
        let last = parts.iter().filter(|part| part.init == 2).count();
        assert!((60..=66).contains(&last), "{first}: {last} parts of 300 pictures");
        assert_eq!(rig.inits[2].frame_duration.ticks() / 100, 30, "{first}");
    }
}

/// A packet of Opus says how long it is; what is missing after it does not make it longer.
#[test]
fn a_gap_behind_the_first_packet_is_not_its_length() {
    let config = opus::Config::decode_header(b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0");
    let codec = Codec::Opus(config.unwrap());
    for first in [20, 400] {
        let track = Track { id: AUDIO, timescale: Timescale::MILLIS, codec: codec.clone() };
        let mut rig = Rig::with(Config::default(), &[track]);
        // 20 ms in stereo.
        let data = Bytes::from_static(&[0xFC, 1, 2, 3]);
        rig.feed(AUDIO, 0, 0, true, data.clone());
        for packet in 0..300 {
            rig.feed(AUDIO, first + packet * 20, 0, true, data.clone());
        }
        rig.finish();
        assert_eq!(rig.init_of(AUDIO).part_target.ticks(), 9600, "{first}");
        assert_eq!(rig.init_of(AUDIO).frame_duration.ticks(), 960, "{first}");
    }
}

/// Ten pictures in a thousand seconds are stated, and two come within 33 ms.
#[test]
fn a_stated_rate_that_the_first_pictures_refute_is_not_believed() {
    for stated in [(100, 1), (9, 1), (1, 1_000_000)] {
        let mut config = Config::default();
        config.first_segment = Duration::from_millis(1);
        let mut rig = Rig::with(config, &[stating(stated.0, stated.1)]);
        // The second keyframe ends the first segment before there are three to measure.
        rig.show(0, 300, 30, 1);
        rig.finish();
        let init = rig.init_of(VIDEO);
        assert!(init.part_target.ticks() <= 18_000, "{stated:?}: {init:?}");
        assert_eq!(init.frame_duration.ticks() / 100, 30, "{stated:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn two_milliseconds_early_or_late_leave_parts_regular(
        rate in prop::sample::select(USUAL.to_vec()), jitter in 0i64..=2, seed in any::<u64>(),
        stated in any::<bool>(),
    ) {
        let track = if stated { stating(rate.0, rate.1) } else { video(UNTIMED) };
        let rig = jittering(&track, rate, jitter, seed);
        rig.assert_everything_is_there();
        let init = rig.init_of(VIDEO);
        prop_assert!(init.part_target.ticks() <= 18_000);
        // Without a rate to hold it against, one millisecond may pass for rounding.
        if stated || jitter != 1 {
            let (short, all) = short(&rig, VIDEO);
            prop_assert_eq!(short, 0, "of {}, {:?}", all, init);
        }
        prop_assert!(rig.parts.iter().all(|part| part.duration <= init.part_target));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_constant_rate_and_target_make_regular_parts(
        rate in 5_000u32..120_000, millis in 50u64..1000, start in 0i64..1_000_000, stated in any::<bool>(),
    ) {
        let mut config = Config::default();
        config.part = Some(Duration::from_millis(millis));
        config.ts = false;
        // What is stated is true: thirty a second.
        let (record, rate) = if stated { (X264, 30_000) } else { (UNTIMED, rate) };
        let mut rig = Rig::with(config, &[video(record)]);
        let rate = i64::from(rate);
        // `rate` thousandths of a frame a second, rounded to milliseconds.
        for frame in 0..200i64 {
            rig.picture(start + (frame * 1_000_000 + rate / 2) / rate, 0, frame % 50 == 0);
        }
        rig.finish();
        rig.assert_everything_is_there();
        let target = rig.init_of(VIDEO).part_target.ticks();
        // Below 10 ms a frame, or a part of one frame, a millisecond of rounding is too much.
        if target > 90 * 20 {
            assert_regular(&rig);
        }
    }
}
