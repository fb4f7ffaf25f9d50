//! Low-Latency parts.

mod rig;

use std::time::Duration;

use airloom_segmenter::{Config, Event};
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
    // A keyframe as the fourth frame of the second part, too early for a segment.
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
