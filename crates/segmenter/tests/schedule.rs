//! Where segments begin.

mod rig;

use std::time::Duration;

use airloom_media::{Track, TrackId};
use airloom_segmenter::{Config, Cut, Event};
use bytes::Bytes;
use rig::{AUDIO, Rig, UNTIMED, VIDEO, X264, audio, pictures, sounds, video};

fn both() -> [airloom_media::Track; 2] {
    [video(X264), audio(48_000)]
}

#[test]
fn a_keyframe_every_half_second_makes_segments_of_the_target() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 300, 30, 15);
    rig.finish();
    assert_eq!(rig.lengths(VIDEO), [500, 2000, 2000, 2000, 2000, 1499]);
    assert_eq!(rig.segmenter.target_duration(), Some(2));
    assert!(rig.of(VIDEO).iter().all(|segment| segment.independent));
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
}

#[test]
fn a_keyframe_every_two_seconds() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 300, 30, 60);
    rig.finish();
    assert_eq!(rig.lengths(VIDEO), [2000, 2000, 2000, 2000, 1999]);
    assert_eq!(rig.segmenter.target_duration(), Some(2));
    rig.assert_everything_is_there();
}

#[test]
fn a_keyframe_every_ten_seconds_makes_the_target_ten() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 900, 30, 300);
    rig.finish();
    assert_eq!(rig.lengths(VIDEO), [10_000, 10_000, 9999]);
    assert_eq!(rig.segmenter.target_duration(), Some(10));
    assert!(rig.of(VIDEO).iter().all(|segment| segment.independent));
    rig.assert_everything_is_there();
}

/// What ffmpeg makes of `-g 50` at 30 fps: too early for the target of two seconds, and twice that
/// is too late.
#[test]
fn keyframes_between_the_target_and_half_of_it_begin_a_segment_each() {
    for gop in [38, 40, 45, 50, 56] {
        let mut rig = Rig::with(Config::default(), &both());
        rig.play(0, 40 * gop, 30, gop);
        rig.finish();
        assert_eq!(rig.of(VIDEO).len(), 40, "one of {gop} frames");
        assert!(rig.of(VIDEO).iter().all(|segment| segment.independent), "{gop}");
        assert_eq!(rig.count(|event| matches!(event, Event::ForcedCut { .. })), 0);
        assert_eq!(rig.segmenter.target_duration(), Some(2));
        rig.assert_everything_is_there();
    }
}

/// Regular keyframes of 1.6 s, and one more where the scene changes: all segments begin at one.
#[test]
fn a_scene_cut_between_regular_keyframes_forces_nothing() {
    let mut rig = Rig::with(Config::default(), &both());
    let (mut sound, cuts) = (0, [60, 170, 300, 410]);
    for frame in 0..600i64 {
        let time = frame * 1000 / 30;
        while sound * 1024 / 48 <= time {
            rig.sound(sound * 1024 / 48);
            sound += 1;
        }
        rig.picture(time, 0, frame % 48 == 0 || cuts.contains(&frame));
    }
    rig.finish();
    assert!(rig.of(VIDEO).iter().all(|segment| segment.independent));
    assert_eq!(rig.count(|event| matches!(event, Event::ForcedCut { .. })), 0);
    rig.assert_everything_is_there();
}

#[test]
fn no_keyframe_at_all_is_cut_and_said() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 1200, 30, i64::MAX);
    rig.finish();
    let lengths = rig.lengths(VIDEO);
    // The first waits ten seconds; the others are the longest that round to ten.
    assert_eq!(lengths[..3], [10_000, 10_466, 10_467]);
    let independent: Vec<_> = rig.of(VIDEO).iter().map(|segment| segment.independent).collect();
    assert_eq!(independent, [true, false, false, false]);
    assert_eq!(rig.count(|event| matches!(event, Event::ForcedCut { cut: Cut::Duration, .. })), 3);
    rig.assert_everything_is_there();
}

#[test]
fn irregular_keyframes_never_pass_the_target_and_are_used_where_they_are() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    let keys = [0, 17, 80, 140, 141, 290, 300, 420, 425, 500];
    for frame in 0..600i64 {
        rig.picture(frame * 1000 / 30, 0, keys.contains(&frame));
    }
    rig.finish();
    // 17 is the first after half a second; 80 is due; 140 is 2.0 s after it; 141 too early; then
    // nothing until 290 (5 s later), which ends a segment that was forced.
    let starts: Vec<_> = rig
        .of(VIDEO)
        .iter()
        .filter(|segment| segment.independent)
        .map(|segment| segment.start.ticks() / 3000 + i64::from(segment.start.ticks() % 3000 != 0))
        .collect();
    assert_eq!(starts, [0, 17, 80, 140, 290, 420, 500]);
    assert_eq!(rig.segmenter.target_duration(), Some(2));
    rig.assert_everything_is_there();
}

#[test]
fn a_keyframe_a_millisecond_early_is_on_time() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    for frame in 0..301i64 {
        let jitter = i64::from(frame % 120 == 60);
        rig.picture(1000 + frame * 1000 / 30 - jitter, 0, frame % 60 == 0);
    }
    rig.finish();
    let lengths = rig.lengths(VIDEO);
    assert_eq!(lengths[..5], [1999, 2001, 1999, 2001, 1999]);
}

/// SRS#409, ARUT#641, ZLMediaKit#3988.
#[test]
fn video_only() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    rig.show(0, 300, 30, 30);
    rig.finish();
    assert_eq!(rig.lengths(VIDEO), [1000, 2000, 2000, 2000, 2000, 999]);
    assert_eq!(rig.ts.len(), 6);
    rig.assert_everything_is_there();
}

/// gohlslib#329, SRS#512, #506, ARUT#642: segments near the target, only real tracks declared.
#[test]
fn audio_only() {
    for hz in [48_000, 44_100] {
        let mut rig = Rig::with(Config::default(), &[audio(hz)]);
        for frame in 0..430i64 {
            rig.sound(frame * 1_024_000 / i64::from(hz));
        }
        rig.finish();
        let lengths = rig.lengths(AUDIO);
        assert!((500..530).contains(&lengths[0]), "{lengths:?}");
        let middle = &lengths[1..lengths.len() - 1];
        assert!(middle.iter().all(|length| (1985..=2015).contains(length)), "{lengths:?}");
        assert!(rig.of(AUDIO).iter().all(|segment| segment.independent));
        assert_eq!(rig.ts.len(), lengths.len());
        rig.assert_everything_is_there();
    }
}

#[test]
fn sound_is_cut_at_the_first_frame_of_the_segment() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 301, 30, 60);
    rig.finish();
    for (video, audio) in rig.of(VIDEO).iter().zip(rig.of(AUDIO)) {
        assert_eq!(video.sequence, audio.sequence);
        let boundary = video.start.ticks();
        let first = audio.start.ticks();
        let exact = first * 90_000;
        assert!(exact >= boundary * 48_000 && exact < boundary * 48_000 + 1024 * 90_000);
    }
    // The last picture begins a segment of its own; no sound follows it.
    assert_eq!((rig.of(VIDEO).len(), rig.of(AUDIO).len(), rig.gaps.len()), (6, 5, 1));
}

/// Audio that arrives long before or long after the pictures of its time is cut the same.
#[test]
fn interleaving_does_not_change_the_cut() {
    let cut = |lead: i64| {
        let mut rig = Rig::with(Config::default(), &both());
        let mut samples: Vec<_> = (0..300i64)
            .map(|frame| (frame * 1000 / 30, Some(frame % 60 == 0), frame * 1000 / 30))
            .chain((0..460i64).map(|frame| (frame * 1024 / 48 - lead, None, frame * 1024 / 48)))
            .collect();
        samples.sort_by_key(|(arrival, ..)| *arrival);
        for (_, picture, time) in samples {
            match picture {
                Some(sync) => rig.picture(time, 0, sync),
                None => rig.sound(time),
            }
        }
        rig.finish();
        rig.assert_everything_is_there();
        assert!(rig.events.is_empty(), "{:?}", rig.events);
        let cut: Vec<_> = rig.of(AUDIO).iter().map(|segment| segment.start).collect();
        cut
    };
    let even = cut(0);
    assert_eq!(even.len(), 5);
    assert_eq!(cut(700), even, "0.7 s ahead");
    assert_eq!(cut(-700), even, "0.7 s behind");
}

/// SRS#3506, #1052, hls.js#4309.
#[test]
fn sequence_numbers_start_where_they_are_told() {
    let mut config = Config::default();
    config.first_sequence = 1_700_000_000_000;
    let mut rig = Rig::with(config, &both());
    rig.play(0, 130, 30, 60);
    rig.finish();
    assert_eq!(rig.of(VIDEO)[0].sequence, 1_700_000_000_000);
    assert_eq!(rig.of(AUDIO)[0].sequence, 1_700_000_000_000);
    assert_eq!(rig.ts[0].sequence, 1_700_000_000_000);
}

/// ARUT#972, gohlslib#187, #189.
#[test]
fn the_target_duration_is_constant_for_life() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    rig.show(0, 90, 30, 30);
    assert_eq!(rig.segmenter.target_duration(), Some(2));
    // Then a keyframe only every five seconds: cut where it has to be.
    rig.show(3000, 600, 30, 150);
    rig.finish();
    assert_eq!(rig.segmenter.target_duration(), Some(2));
    assert!(rig.lengths(VIDEO).iter().all(|length| *length < 2500));
    // Every keyframe begins a segment all the same.
    let independent = rig.of(VIDEO).iter().filter(|segment| segment.independent).count();
    assert_eq!(independent, 2 + 4);
    rig.assert_everything_is_there();
}

#[test]
fn without_low_latency_a_segment_is_one_fragment() {
    let mut config = Config::default();
    config.part = None;
    let mut rig = Rig::with(config, &both());
    rig.play(0, 240, 30, 60);
    rig.finish();
    assert!(rig.parts.is_empty());
    assert!(rig.segments.iter().all(|segment| segment.parts.len() == 1));
    assert!(rig.inits.iter().all(|init| init.part_target.ticks() == 0));
    rig.assert_everything_is_there();
}

#[test]
fn without_mpeg_ts_there_is_none() {
    let mut config = Config::default();
    config.ts = false;
    let mut rig = Rig::with(config, &both());
    rig.play(0, 240, 30, 60);
    rig.finish();
    assert!(rig.ts.is_empty());
    assert_eq!(rig.of(VIDEO).len(), 4);
}

#[test]
fn the_first_segment_is_short_and_the_part_target_known_at_once() {
    let mut config = Config::default();
    config.first_segment = Duration::from_millis(500);
    let mut rig = Rig::with(config, &[video(X264)]);
    rig.show(0, 7, 30, 30);
    assert_eq!(rig.parts.len(), 1, "six frames are a part as soon as the seventh is there");
    rig.show(7 * 1000 / 30 + 1, 30, 30, 30);
    assert_eq!(rig.of(VIDEO).len(), 0);
}

#[test]
fn negative_decode_times_are_moved_and_said() {
    let mut rig = Rig::with(Config::default(), &[video(UNTIMED)]);
    rig.show(-67, 90, 30, 30);
    rig.finish();
    let [Event::Shifted { by }] = rig.events[..] else { panic!("{:?}", rig.events) };
    assert_eq!(by.ticks() % 90_000, 0, "whole seconds, so every clock has them exactly");
    rig.assert_pictures_keep_their_times(by.ticks() as i64);
    rig.assert_everything_is_there();
}

/// The distance that it leaves, which no segment can span, says nothing of the next.
#[test]
fn a_lost_keyframe_costs_one_segment() {
    let mut rig = Rig::with(Config::default(), &both());
    let mut pictures = pictures(0..900, 45);
    pictures[180].1 = rig::Arrival::Picture(6000, false);
    rig.arrive(pictures.into_iter().chain(sounds(0..1400)).collect());
    rig.finish();
    let blind = rig.of(VIDEO).iter().filter(|segment| !segment.independent).count();
    assert_eq!(blind, 1, "{:?} {:?}", rig.lengths(VIDEO), rig.events);
}

#[test]
fn video_that_comes_back_in_mid_group_is_cut_at_its_first_keyframe() {
    let mut rig = Rig::with(Config::default(), &both());
    let mut pictures = pictures(0..700, 60);
    // From 6.7 s to 11.3 s there are none, and the next keyframe is at 12 s.
    pictures.retain(|(at, _)| !(6700..11_300).contains(at));
    rig.arrive(pictures.into_iter().chain(sounds(0..1100)).collect());
    rig.finish();
    let blind: Vec<_> = rig.of(VIDEO).into_iter().filter(|it| !it.independent).collect();
    assert_eq!(blind.len(), 1, "{:?}", rig.events);
    let end = blind[0].start.ticks() + blind[0].duration.ticks() as i64;
    assert_eq!(end, 12_000 * 90);
}

/// Renditions of one programme, each rounded to milliseconds by itself.
#[test]
fn a_second_video_whose_keyframes_are_a_little_early_begins_with_them() {
    const OTHER: TrackId = TrackId::new(3);
    let other = Track { id: OTHER, ..video(X264) };
    for early in [0, 1, 10] {
        let mut rig = Rig::with(Config::default(), &[video(X264), other.clone()]);
        for frame in 0..300 {
            let time = 1000 + frame * 1000 / 30;
            let data = Bytes::from(vec![0, 0, 0, 2, 0x65, frame as u8]);
            let early = if frame > 0 { early } else { 0 };
            rig.feed(OTHER, time - early, 0, frame % 60 == 0, data);
            rig.picture(time, 0, frame % 60 == 0);
        }
        rig.finish();
        for track in [VIDEO, OTHER] {
            assert_eq!(rig.of(track).len(), 5);
            assert!(rig.of(track).iter().all(|segment| segment.independent), "{track} {early}");
        }
        rig.assert_everything_is_there();
    }
}
