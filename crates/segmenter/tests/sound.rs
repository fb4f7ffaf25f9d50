//! Audio is counted in samples.

mod rig;

use airloom_media::{Codec, Timescale, Track, aac};
use airloom_segmenter::{Config, Event};
use bytes::Bytes;
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};

fn is_gapless(rig: &Rig, frame: i64) -> bool {
    rig.times(AUDIO).windows(2).all(|pair| pair[1] - pair[0] == frame)
}

#[test]
fn millisecond_jitter_is_rebuilt_to_the_true_grid() {
    for hz in [48_000, 44_100] {
        let mut rig = Rig::with(Config::default(), &[audio(hz)]);
        for frame in 0..2000i64 {
            // Rounded to milliseconds, and now and then early or late by a few.
            let jitter = [0, 3, -2, 9, 0, -7][(frame % 6) as usize];
            rig.sound(5 + frame * 1_024_000 / i64::from(hz) + jitter * i64::from(frame > 0));
        }
        rig.finish();
        assert!(rig.events.is_empty(), "{:?}", rig.events);
        assert!(is_gapless(&rig, 1024));
        rig.assert_everything_is_there();
    }
}

/// Measured: transmux and multimux set each track to zero.
#[test]
fn audio_that_starts_46_ms_after_video_stays_46_ms_after_it() {
    for late in [46, -46, 3000] {
        let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
        let mut samples: Vec<_> = (0..300i64)
            .map(|frame| (1000 + frame * 1000 / 30, Some(frame % 30 == 0)))
            .chain((0..300i64).map(|frame| (1000 + late + frame * 1024 / 48, None)))
            .collect();
        samples.sort_by_key(|(time, _)| *time);
        for (time, picture) in samples {
            match picture {
                Some(sync) => rig.picture(time, 0, sync),
                None => rig.sound(time),
            }
        }
        rig.finish();
        assert_eq!(rig.times(VIDEO)[0], 90_000);
        assert_eq!(rig.times(AUDIO)[0], (1000 + late) * 48);
        assert!(is_gapless(&rig, 1024));
        rig.assert_everything_is_there();
        // The MPEG-TS segments say the same.
        let first = |track| {
            rig.ts
                .iter()
                .flat_map(airloom_segmenter::TsSegment::segments)
                .find(|segment| segment.track == track)
        };
        assert_eq!(first(VIDEO).unwrap().start.ticks(), 90_000);
        assert_eq!(first(AUDIO).unwrap().start.ticks(), (1000 + late) * 48);
    }
}

#[test]
fn lost_frames_are_bridged_and_said() {
    let mut rig = Rig::with(Config::default(), &[audio(48_000)]);
    for frame in (0..50i64).chain(56..150) {
        rig.sound(frame * 1024 / 48);
    }
    rig.finish();
    let times = rig.times(AUDIO);
    let steps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(steps.iter().filter(|step| **step != 1024).count(), 1);
    assert!((steps[49] - 7 * 1024).abs() < 48, "{}", steps[49]);
    assert_eq!(rig.count(|event| matches!(event, Event::AudioResync { .. })), 1);
    rig.assert_everything_is_there();
}

#[test]
fn a_source_that_overlaps_is_taken_back_in_steps() {
    let mut rig = Rig::with(Config::default(), &[audio(48_000)]);
    for frame in 0..200i64 {
        rig.sound(1000 + frame * 1024 / 48 - i64::from(frame >= 50) * 80);
    }
    rig.finish();
    assert_eq!(rig.discontinuities(), 0);
    let times = rig.times(AUDIO);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 512));
    let last = (1000 + 199 * 1024 / 48 - 80) * 48;
    assert!((times[199] - last).abs() <= 41 * 48);
    rig.assert_everything_is_there();
}

/// HE-AAC: the core's frequency counts, 2048 output samples are 1024 of it.
#[test]
fn he_aac_runs_at_the_cores_frequency() {
    let config = aac::Config::decode(Bytes::from_static(&[0x2B, 0x11, 0x88, 0x00])).unwrap();
    let track = Track { id: AUDIO, timescale: Timescale::MILLIS, codec: Codec::Aac(config) };
    let mut rig = Rig::with(Config::default(), &[track]);
    for frame in 0..200i64 {
        rig.sound(frame * 1024 / 24);
    }
    rig.finish();
    assert_eq!(rig.init_of(AUDIO).timescale.hz(), 24_000);
    assert_eq!(rig.init_of(AUDIO).codec.to_string(), "mp4a.40.5");
    assert!(is_gapless(&rig, 1024));
    rig.assert_everything_is_there();
}

/// Captures hand over several frames at once, all with the time of the first.
#[test]
fn frames_that_are_stamped_alike_are_counted() {
    for burst in [2, 4, 6, 10, 20] {
        let mut rig = Rig::with(Config::default(), &[audio(48_000)]);
        for frame in 0..3000 {
            rig.sound(frame / burst * burst * 1024 / 48);
        }
        rig.finish();
        assert!(rig.events.is_empty(), "{burst}: {} events", rig.events.len());
        let expected: Vec<_> = (0..3000).map(|frame| frame * 1024).collect();
        assert_eq!(rig.times(AUDIO), expected, "{burst}");
    }
}

/// A clock that was set back by less than starts a new timeline: the sound follows, in time.
#[test]
fn sound_that_stays_early_is_moved() {
    let mut rig = Rig::with(Config::default(), &[audio(48_000)]);
    for frame in 0..600 {
        let back = if frame >= 200 { 80 } else { 0 };
        rig.sound(frame * 1024 / 48 - back);
    }
    rig.finish();
    let times = rig.times(AUDIO);
    // Half a second later it is where it says that it is, to the drift that is let be.
    for (frame, time) in times.iter().enumerate().skip(240) {
        let off = time / 48 - (frame as i64 * 1024 / 48 - 80);
        assert!((0..=41).contains(&off), "{frame}: {off} ms");
    }
    assert!(rig.count(|event| matches!(event, Event::AudioResync { .. })) > 0);
}
