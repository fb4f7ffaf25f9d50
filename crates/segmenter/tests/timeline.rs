//! Jumps, wraps, restarts and repairs: what happens to times.

mod rig;

use std::time::Duration;

use airloom_media::{Timescale, Track, TrackId};
use airloom_segmenter::{Config, Discontinuity, Event};
use rig::{AUDIO, Arrival, Rig, UNTIMED, VIDEO, X264, audio, pictures, sounds, video};

fn both() -> [airloom_media::Track; 2] {
    [video(X264), audio(48_000)]
}

/// Output times of a track's segments that begin a new timeline, in milliseconds.
fn new_timelines(rig: &Rig, track: airloom_media::TrackId) -> Vec<i64> {
    let hz = i64::from(rig.init_of(track).timescale.hz());
    let new = rig.of(track).into_iter().filter(|segment| segment.discontinuity);
    new.map(|segment| segment.start.ticks() * 1000 / hz).collect()
}

/// The second timeline begins `jump` away; both tracks go, at the same sample distance.
fn jumped(jump: i64) -> Rig {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(20_000_000, 150, 30, 60);
    rig.play(20_000_000 + 5000 + jump, 150, 30, 60);
    rig.finish();
    rig
}

/// ARUT#596, #1555: one discontinuity, target unchanged.
#[test]
fn a_jump_of_16769_s_forward_or_back_is_one_discontinuity() {
    for jump in [16_769_000, -16_769_000] {
        let rig = jumped(jump);
        assert_eq!(rig.discontinuities(), 1, "{:?}", rig.events);
        assert_eq!(rig.segmenter.target_duration(), Some(2));
        // Five seconds after the first sample, plus a frame for what the rounding leaves.
        let [start] = new_timelines(&rig, VIDEO)[..] else { panic!("one on video") };
        assert!((20_004_999..20_005_050).contains(&start), "{start}");
        let [start] = new_timelines(&rig, AUDIO)[..] else { panic!("one on audio") };
        assert!((20_004_999..20_005_050).contains(&start), "{start}");
        rig.assert_everything_is_there();
    }
}

/// Measured: transmux fills TS with PCR packets, 92 KB in, 4 GB out.
#[test]
fn a_jump_of_ten_days_costs_one_discontinuity() {
    let rig = jumped(864_000_000);
    assert_eq!(rig.discontinuities(), 1);
    assert!(rig.gaps.is_empty());
    let (new, old) = (jumped(864_000_000), jumped(16_769_000));
    let bytes = |rig: &Rig| rig.ts.iter().map(|ts| ts.size).sum::<usize>();
    assert_eq!(bytes(&new), bytes(&old), "the length of the jump costs nothing");
    rig.assert_everything_is_there();
}

#[test]
fn both_tracks_keep_their_distance_over_a_jump() {
    let mut rig = Rig::with(Config::default(), &both());
    for start in [0, 1_000_000] {
        for frame in 0..120i64 {
            rig.picture(start + frame * 1000 / 30, 0, frame % 60 == 0);
            rig.sound(start + 46 + frame * 1024 / 48);
        }
    }
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    let first = |track| rig.of(track).into_iter().find(|segment| segment.discontinuity).unwrap();
    let (picture, sound) = (first(VIDEO).start.ticks(), first(AUDIO).start.ticks());
    // Exact to the tick: 46 ms are 4140 ticks of 90 kHz.
    let expected = (picture + 4140) * 48_000;
    assert_eq!((expected + 45_000).div_euclid(90_000), sound);
    rig.assert_everything_is_there();
}

/// One of the tracks jumps half a second of arrival after the other.
#[test]
fn tracks_that_jump_at_different_moments_make_one_discontinuity() {
    for (video_at, audio_at) in [(2000, 2500), (2500, 2000), (2000, 2010), (2000, 1990)] {
        let mut rig = Rig::with(Config::default(), &both());
        let jump = |at: i64, by: i64, arrivals: Vec<(i64, Arrival)>| {
            arrivals.into_iter().map(move |(arrival, sample)| {
                let moved = if arrival < at { 0 } else { by };
                let sample = match sample {
                    Arrival::Picture(time, sync) => {
                        Arrival::Picture(time + moved, sync || (at..at + 34).contains(&arrival))
                    }
                    Arrival::Sound(time) => Arrival::Sound(time + moved),
                };
                (arrival, sample)
            })
        };
        let pictures = jump(video_at, 100_000, pictures(0..150, 60));
        rig.arrive(pictures.chain(jump(audio_at, 100_000, sounds(0..240))).collect());
        rig.finish();
        assert_eq!(rig.discontinuities(), 1, "{:?}", rig.events);
        assert_eq!(rig.count(|event| matches!(event, Event::Rebased { .. })), 0);
        rig.assert_everything_is_there();
    }
}

#[test]
fn one_sample_with_an_absurd_time_is_not_a_new_timeline() {
    let mut rig = Rig::with(Config::default(), &both());
    let mut arrivals = pictures(0..120, 60);
    arrivals[50].1 = Arrival::Picture(9_000_000, false);
    arrivals.extend(sounds(0..190));
    rig.arrive(arrivals);
    rig.finish();
    assert_eq!(rig.discontinuities(), 0, "{:?}", rig.events);
    assert_eq!(rig.count(|event| matches!(event, Event::Repaired { .. })), 1);
    rig.assert_everything_is_there();
}

#[test]
fn a_track_that_jumps_alone_is_brought_back_to_the_others() {
    let mut rig = Rig::with(Config::default(), &both());
    let pictures = pictures(0..300, 60).into_iter().map(|(arrival, sample)| match sample {
        Arrival::Picture(time, sync) if arrival >= 3300 => {
            (arrival, Arrival::Picture(time + 50_000_000, sync))
        }
        same => (arrival, same),
    });
    rig.arrive(pictures.chain(sounds(0..470)).collect());
    rig.finish();
    assert_eq!(rig.discontinuities(), 0, "{:?}", rig.events);
    assert_eq!(rig.count(|event| matches!(event, Event::Rebased { track: VIDEO, .. })), 1);
    rig.assert_everything_is_there();
    let last = *rig.times(VIDEO).last().unwrap();
    assert!((last - 299 * 3000).abs() < 9000, "{last}");
}

/// OME#1686, #1388; measured: nginx-rtmp loses 29 frames. The RTMP crate has unwrapped the clock.
#[test]
fn the_32_bit_wrap_is_nothing() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play((1 << 32) - 3000, 180, 30, 60);
    rig.finish();
    assert!(rig.events.is_empty(), "{:?}", rig.events);
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
}

#[test]
fn the_33_bit_wrap_of_90_khz_is_nothing() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play((1 << 33) / 90 - 3000, 180, 30, 60);
    rig.finish();
    assert!(rig.events.is_empty(), "{:?}", rig.events);
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
    assert_eq!(rig.ts.len(), 3);
}

/// MTX#1002, #1431: the stream survives, order kept. GStreamer repeats the first times.
#[test]
fn equal_and_slightly_earlier_decode_times_are_repaired_in_order() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    let times = [0, 0, 0, 34, 67, 66, 66, 100, 133, 133, 167, 200, 233];
    for (index, time) in times.into_iter().enumerate() {
        rig.picture(time, 67, index == 0);
    }
    rig.finish();
    let expected = [0, 1, 2, 3060, 6030, 6031, 6032, 9000, 11_970, 11_971, 15_030, 18_000, 20_970];
    assert_eq!(rig.times(VIDEO), expected);
    // What is shown stays where it was.
    let shown: Vec<_> = rig
        .samples(VIDEO)
        .iter()
        .map(|sample| sample.decode_time.ticks() + sample.composition_offset.ticks())
        .collect();
    assert_eq!(shown, times.map(|time| (time + 67) * 90));
    assert_eq!(rig.count(|event| matches!(event, Event::Repaired { .. })), 5);
    assert_eq!(rig.discontinuities(), 0);
    rig.assert_everything_is_there();
}

#[test]
fn a_repaired_picture_is_not_shown_before_it_is_decoded() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    for time in [0, 0, 33, 67] {
        rig.picture(time, 0, time == 0);
    }
    rig.finish();
    assert!(rig.samples(VIDEO).iter().all(|sample| sample.composition_offset.ticks() == 0));
}

/// MTX#989, #5226, #4892: decode times are taken, never derived, for ten minutes.
#[test]
fn b_pyramids_keep_every_time_for_ten_minutes() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    // I P B b b, in decode order, with the offsets of a reorder depth of two.
    let offsets = [2, 5, 2, 0, 1];
    for frame in 0..18_000i64 {
        let millis = |frame: i64| (frame * 1000 + 15) / 30;
        let shown = millis(frame + offsets[(frame % 5) as usize]);
        rig.picture(millis(frame), shown - millis(frame), frame % 60 == 0);
    }
    rig.finish();
    assert!(rig.events.is_empty());
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
}

/// Measured: ffmpeg and GStreamer show video with negative offsets 34 ms late. What an encoder sends
/// is kept, and nothing is moved below its decode time that was not.
#[test]
fn negative_composition_offsets_are_kept_as_sent() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    for frame in 0..90i64 {
        rig.picture(frame * 33, [0, 66, -33][(frame % 3) as usize], frame % 30 == 0);
    }
    rig.finish();
    rig.assert_pictures_keep_their_times(0);
    rig.assert_everything_is_there();
}

/// The encoder comes back on the same stream with a clock that starts again.
#[test]
fn a_restart_goes_on_behind_what_was_there() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(5000, 95, 30, 60);
    rig.restart();
    let before: Vec<_> = [VIDEO, AUDIO].map(|track| rig.samples(track).len()).to_vec();
    assert_eq!(before[0], 95, "everything is out at once");
    rig.restart();
    for track in both() {
        rig.set_track(track);
    }
    rig.play(0, 120, 30, 60);
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    assert!(rig.events.iter().any(|event| {
        matches!(event, Event::Discontinuity { reason: Discontinuity::Restart, .. })
    }));
    assert_eq!(rig.inits.len(), 2, "the same configuration needs no new init");
    let sequences: Vec<_> = rig.of(VIDEO).iter().map(|segment| segment.sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3]);
    let [start] = new_timelines(&rig, VIDEO)[..] else { panic!("one") };
    assert!((8166..8230).contains(&start), "{start}");
    rig.assert_everything_is_there();
}

#[test]
fn a_restart_before_anything_came_is_nothing() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.restart();
    rig.play(0, 120, 30, 60);
    rig.finish();
    assert!(rig.events.is_empty());
    assert!(rig.segments.iter().all(|segment| !segment.discontinuity));
}

#[test]
fn a_track_that_does_not_come_back_does_not_hold_the_other() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 90, 30, 60);
    rig.restart();
    for frame in 0..400i64 {
        rig.sound(frame * 1024 / 48);
    }
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    let after = rig.of(AUDIO).into_iter().filter(|segment| segment.sequence >= 2).count();
    assert!(after >= 4, "{:?}", rig.lengths(AUDIO));
    assert!(rig.lengths(AUDIO).iter().all(|length| *length < 2500));
    rig.assert_everything_is_there();
}

/// shaka-packager#976, hls.js#4231: new MAP, DISCONTINUITY, aligned over renditions.
#[test]
fn a_new_configuration_is_a_discontinuity_on_all_tracks() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 100, 30, 60);
    rig.set_track(video(X264));
    rig.set_track(audio(48_000));
    rig.play(100 * 1000 / 30, 80, 30, 60);
    assert_eq!(rig.discontinuities(), 0, "the same again is nothing");
    rig.set_track(video(UNTIMED));
    rig.play(180 * 1000 / 30, 120, 30, 60);
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    let new = |track| {
        let found = rig.of(track).into_iter().find(|segment| segment.discontinuity);
        found.expect("every track has it").clone()
    };
    assert_eq!(new(VIDEO).sequence, new(AUDIO).sequence);
    assert_eq!(new(VIDEO).start.ticks(), 6000 * 90, "time goes on as it was");
    assert_eq!((new(VIDEO).init, new(AUDIO).init), (1, 0));
    assert_eq!(rig.inits.iter().filter(|init| init.track == VIDEO).count(), 2);
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
}

#[test]
fn audio_may_change_its_sampling_frequency() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 100, 30, 30);
    rig.set_track(audio(44_100));
    let sounds = (0..290i64).map(|frame| 3328 + frame * 1_024_000 / 44_100);
    let sounds = sounds.map(|time| (time, Arrival::Sound(time)));
    rig.arrive(pictures(100..300, 30).into_iter().chain(sounds).collect());
    rig.finish();
    assert_eq!(rig.discontinuities(), 1, "{:?}", rig.events);
    let inits: Vec<_> = rig.inits.iter().filter(|init| init.track == AUDIO).collect();
    assert_eq!(inits.iter().map(|init| init.timescale.hz()).collect::<Vec<_>>(), [48_000, 44_100]);
    // The target is for life: 9216 ticks of 48 kHz, said in the new clock.
    assert_eq!(inits[1].part_target.ticks(), 9216 * 441 / 480);
    rig.assert_everything_is_there();
    let aligned = |track| {
        let new = rig.of(track).into_iter().find(|segment| segment.discontinuity);
        new.expect("every track has it").sequence
    };
    assert_eq!(aligned(VIDEO), aligned(AUDIO));
}

/// Found by fuzzing: the pacer is gone, one track has a new configuration to begin with, and the
/// track that takes the lead has one further back in its queue.
#[test]
fn the_new_lead_keeps_its_order_when_two_tracks_change_at_once() {
    const SECOND: TrackId = TrackId::new(3);
    let other = |hz| Track { id: SECOND, ..audio(hz) };
    // From right behind the sample in hand to well behind it.
    for before in [1, 2, 10] {
        let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000), other(48_000)]);
        let speak = |rig: &mut Rig, time: i64, number: u32| {
            let data = [&[0x21, 0x20][..], &number.to_be_bytes()].concat();
            rig.feed(SECOND, time, 0, true, data.into());
        };
        let second = |frame: i64| frame * 1024 / 48;
        for frame in 0..141 {
            rig.sound(second(frame));
            if frame < 138 {
                speak(&mut rig, second(frame), frame as u32);
            }
            rig.picture(second(frame), 0, frame % 47 == 0);
        }
        rig.set_track(other(44_100));
        speak(&mut rig, second(138), 138);
        let mut time = second(140);
        for _ in 0..before {
            time += 21;
            rig.sound(time);
        }
        rig.set_track(audio(44_100));
        for _ in 0..80 {
            time += 23;
            rig.sound(time);
        }
        rig.finish();
        assert_eq!(rig.count(|event| matches!(event, Event::TrackAbsent { track: VIDEO, .. })), 1);
        rig.assert_everything_is_there();
        // Each sample is described by what was in force when it came.
        let changed = rig.fed[&AUDIO].len() - 80;
        let of_the_first = rig.of(AUDIO).into_iter().filter(|segment| segment.init == 0);
        let described: usize = of_the_first.map(|segment| segment.samples().count()).sum();
        assert_eq!(described, changed, "{before} before the change");
    }
}

#[test]
fn a_restart_may_bring_another_configuration() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 90, 30, 60);
    rig.restart();
    rig.set_track(video(UNTIMED));
    rig.set_track(audio(44_100));
    rig.play(0, 90, 30, 60);
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    assert_eq!(rig.inits.len(), 4);
    rig.assert_everything_is_there();
}

/// Both tracks pause for a few seconds, too long for a segment.
#[test]
fn a_gap_that_no_segment_can_hold_is_a_discontinuity() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 150, 30, 60);
    rig.play(9000, 150, 30, 60);
    rig.finish();
    assert_eq!(rig.discontinuities(), 1);
    assert!(rig.lengths(VIDEO).iter().all(|length| *length < 2500));
    rig.assert_everything_is_there();
}

#[test]
fn a_short_gap_is_bridged() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 75, 30, 60);
    rig.play(3500, 150, 30, 60);
    rig.finish();
    assert_eq!(rig.discontinuities(), 0, "{:?}", rig.events);
    assert!(rig.count(|event| matches!(event, Event::GapBridged { .. })) > 0);
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
}

/// With the first segment settled, a second of pictures is more than a step may be: what waited for
/// a new timeline begins another when it is gone over.
#[test]
fn a_restart_or_the_end_within_a_jump_loses_nothing() {
    for restarts in [false, true] {
        let mut config = Config::default();
        config.stall = Duration::from_secs(5);
        let mut rig = Rig::with(config, &both());
        rig.picture(0, 0, true);
        rig.sound(0);
        rig.picture(33, 0, false);
        rig.sound(21);
        rig.picture(100_000, 0, true);
        rig.picture(103_000, 0, true);
        if restarts {
            rig.restart();
            rig.picture(0, 0, true);
            rig.picture(33, 0, false);
        }
        rig.finish();
        rig.assert_everything_is_there();
    }
}

#[test]
fn restarted_twice_with_a_few_pictures_between_is_restarted_twice() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 150, 30, 60);
    rig.restart();
    rig.show(0, 3, 30, 60);
    rig.restart();
    rig.play(50, 150, 30, 60);
    rig.finish();
    rig.assert_everything_is_there();
    let restarts = rig.count(|event| {
        matches!(event, Event::Discontinuity { reason: Discontinuity::Restart, .. })
    });
    assert_eq!(restarts, 2, "{:?}", rig.events);
    assert_eq!(rig.count(|event| matches!(event, Event::Repaired { .. })), 0);
}

#[test]
fn another_clock_in_mid_stream_is_counted_by_itself() {
    for waits in [false, true] {
        let tracks = if waits { &both()[..] } else { &both()[..1] };
        let mut rig = Rig::with(Config::default(), tracks);
        rig.show(10_000, 300, 30, 60);
        rig.set_track(Track { timescale: Timescale::MPEG, ..video(X264) });
        for frame in 300..900 {
            rig.picture(900_000 + frame * 3000, 0, frame % 60 == 0);
        }
        rig.finish();
        rig.assert_everything_is_there();
        assert_eq!(rig.count(|event| matches!(event, Event::Repaired { .. })), 0);
        let times = rig.times(VIDEO);
        let lasts = times.last().unwrap() - times[0];
        assert!((lasts - 899 * 3000).abs() < 9000, "{lasts}: {:?}", rig.events);
    }
}

#[test]
fn a_description_is_not_lost_with_the_sample_it_would_begin_with() {
    let mut config = Config::default();
    config.limits.segment_samples = 50;
    let mut rig = Rig::with(config, &both());
    rig.picture(0, 0, true);
    rig.picture(1000, 0, false);
    for _ in 0..60 {
        rig.sound(900);
    }
    rig.set_track(audio(44_100));
    rig.sound(950);
    for frame in 0..60 {
        rig.picture(1033 + frame * 33, 0, frame % 30 == 0);
        rig.sound(1000 + frame * 23);
    }
    rig.finish();
    assert!(rig.count(|event| matches!(event, Event::Dropped { .. })) > 0);
    let rates = rig.inits.iter().filter(|init| init.track == AUDIO).map(|it| it.timescale.hz());
    assert_eq!(rates.collect::<Vec<_>>(), [48_000, 44_100]);
}

/// A sample that waits for its timeline to be settled may carry a description.
#[test]
fn the_description_that_was_given_last_counts() {
    for (again, inits) in [(UNTIMED, 2), (X264, 3)] {
        let mut rig = Rig::with(Config::default(), &both());
        rig.play(0, 150, 30, 60);
        rig.set_track(video(UNTIMED));
        rig.picture(100_000, 0, true);
        rig.set_track(video(again));
        for frame in 1..90 {
            rig.sound(100_000 + frame * 1024 / 48);
            rig.picture(100_000 + frame * 33, 0, frame % 60 == 0);
        }
        rig.finish();
        rig.assert_everything_is_there();
        let of: Vec<_> = rig.inits.iter().filter(|init| init.track == VIDEO).collect();
        assert_eq!(of.len(), inits, "{:?}", rig.events);
        assert_eq!(of[inits - 1].codec, video(again).codec);
    }
}
