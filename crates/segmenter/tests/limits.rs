//! Nothing grows without bound, and nothing panics.

mod rig;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac};
use airloom_segmenter::{Config, Cut, DropReason, Error, Event, Output, Segmenter};
use bytes::Bytes;
use proptest::prelude::*;
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};

fn sample(track: TrackId, time: i64, offset: i64, sync: bool) -> Sample {
    Sample {
        track,
        decode_time: Timestamp::new(time),
        composition_offset: Delta::new(offset),
        duration: None,
        sync,
        data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    }
}

#[test]
fn empty_and_oversize_samples_are_left_out_and_said() {
    let mut config = Config::default();
    config.limits.sample_bytes = 100;
    let mut rig = Rig::with(config, &[video(X264)]);
    rig.picture(0, 0, true);
    rig.feed(VIDEO, 33, 0, false, Bytes::new());
    rig.feed(VIDEO, 67, 0, false, Bytes::from(vec![0; 101]));
    rig.picture(100, 0, false);
    rig.finish();
    let reasons: Vec<_> = rig
        .events
        .iter()
        .map(|event| match event {
            Event::Dropped { reason, decode_time, .. } => (*reason, decode_time.ticks()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons, [(DropReason::Empty, 33), (DropReason::TooLarge, 67)]);
    assert_eq!(rig.times(VIDEO), [0, 9000]);
}

#[test]
fn misuse_is_refused() {
    let mut segmenter = Segmenter::new(Config::default());
    let stray = sample(TrackId::new(7), 0, 0, true);
    assert_eq!(segmenter.handle_input(stray), Err(Error::UnknownTrack(TrackId::new(7))));
    segmenter.set_track(video(X264)).unwrap();
    let mut swapped = audio(48_000);
    swapped.id = VIDEO;
    assert_eq!(segmenter.set_track(swapped), Err(Error::KindChanged(VIDEO)));
    segmenter.finish();
    segmenter.finish();
    assert_eq!(segmenter.handle_input(sample(VIDEO, 0, 0, true)), Err(Error::Finished));
    assert!(segmenter.poll_output().is_none());
}

#[test]
fn tracks_are_counted() {
    let mut config = Config::default();
    config.limits.tracks = 2;
    let mut segmenter = Segmenter::new(config);
    for id in 1..=2 {
        let mut track = audio(48_000);
        track.id = TrackId::new(id);
        segmenter.set_track(track).unwrap();
    }
    let mut third = audio(48_000);
    third.id = TrackId::new(3);
    let error = Error::TooManyTracks { track: TrackId::new(3), limit: 2 };
    assert_eq!(segmenter.set_track(third), Err(error));
}

#[test]
fn outputs_nobody_polls_stop_the_input() {
    let mut config = Config::default();
    config.limits.outputs = 10;
    let mut segmenter = Segmenter::new(config);
    segmenter.set_track(video(X264)).unwrap();
    let refused = (0..1000i64).find_map(|frame| {
        segmenter.handle_input(sample(VIDEO, frame * 33, 0, frame % 30 == 0)).err()
    });
    assert!(matches!(refused, Some(Error::Undrained(10..=20))));
    while segmenter.poll_output().is_some() {}
    assert_eq!(segmenter.handle_input(sample(VIDEO, 40_000, 0, true)), Ok(()));
}

#[test]
fn a_segment_with_too_many_samples_is_cut() {
    let mut config = Config::default();
    config.limits.segment_samples = 100;
    let mut rig = Rig::with(config, &[video(X264)]);
    rig.show(0, 1000, 500, 1000);
    rig.finish();
    assert!(rig.of(VIDEO).iter().all(|segment| segment.samples().count() <= 100));
    assert!(rig.count(|event| matches!(event, Event::ForcedCut { cut: Cut::Size, .. })) >= 8);
    rig.assert_everything_is_there();
}

#[test]
fn a_segment_with_too_many_bytes_is_cut() {
    let mut config = Config::default();
    config.limits.segment_bytes = 10_000;
    let mut rig = Rig::with(config, &[video(X264)]);
    for frame in 0..60i64 {
        let mut data = vec![0, 0, 3, 0xE4, 0x65];
        data.resize(1000, frame as u8);
        rig.feed(VIDEO, frame * 33, 0, frame == 0, Bytes::from(data));
    }
    rig.finish();
    assert!(rig.of(VIDEO).iter().all(|segment| segment.size < 13_000));
    rig.assert_everything_is_there();
}

/// A follower that floods a segment while the pacer stands still loses samples, not memory.
#[test]
fn a_follower_that_floods_is_stopped() {
    let mut config = Config::default();
    config.limits.segment_samples = 50;
    let mut rig = Rig::with(config, &[video(X264), audio(48_000)]);
    rig.picture(0, 0, true);
    rig.picture(1000, 0, false);
    for _ in 0..500 {
        rig.sound(900);
    }
    assert!(
        rig.count(|event| matches!(
            event,
            Event::Dropped { reason: DropReason::SegmentFull, track: AUDIO, .. }
        )) > 0
            || rig.of(AUDIO).len() > 1
    );
    rig.finish();
}

#[test]
fn times_no_clock_can_hold_are_left_out() {
    let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
    rig.play(0, 10, 30, 30);
    for time in [i64::MAX, i64::MIN, i64::MAX / 90] {
        rig.picture(time, 0, true);
        rig.picture(time, i64::MAX, true);
        rig.sound(time);
    }
    rig.play(334, 60, 30, 30);
    rig.finish();
    assert!(rig.count(|event| matches!(event, Event::Dropped { .. })) >= 3);
}

/// AAC-LC of one channel at 8 kHz.
const SLOW: &[u8] = &[0x15, 0x88];

/// A track whose clock is slower than the one segments are planned by can name times that the
/// latter cannot hold: they made the first segment end again and again.
#[test]
fn times_only_a_slow_clock_can_hold_are_left_out() {
    let codec = aac::Config::decode(Bytes::from_static(SLOW)).unwrap();
    let timescale = Timescale::new(8000).unwrap();
    let mut segmenter = Segmenter::new(Config::default());
    segmenter.set_track(Track { id: AUDIO, timescale, codec: Codec::Aac(codec) }).unwrap();
    let dropped = |segmenter: &mut Segmenter| {
        let outputs = std::iter::from_fn(|| segmenter.poll_output());
        outputs.filter(|output| matches!(output, Output::Event(Event::Dropped { .. }))).count()
    };
    segmenter.handle_input(sample(AUDIO, (1 << 61) - 1, 0, true)).unwrap();
    assert_eq!(dropped(&mut segmenter), 1);
    // What comes at a time that can be held is carried as ever.
    for frame in 0..100 {
        segmenter.handle_input(sample(AUDIO, frame * 1024, 0, true)).unwrap();
    }
    assert_eq!(dropped(&mut segmenter), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a source counts in, and however far: each sample comes out or is said to be left
    /// out.
    #[test]
    fn any_time_of_any_clock_is_carried_or_left_out(
        hz in prop_oneof![prop::sample::select(vec![1u32, 1000, 8000, 90_000]), 1u32..],
        runs in prop::collection::vec(
            (
                prop_oneof![
                    any::<i64>(),
                    prop::sample::select(vec![i64::MIN, i64::MAX, 0]),
                    ((0u32..63), -3i64..4, any::<bool>()).prop_map(|(bits, beside, negative)| {
                        let time = (1i64 << bits).saturating_add(beside);
                        if negative { -time } else { time }
                    }),
                ],
                any::<bool>(),
                prop::bool::weighted(0.2),
            ),
            1..12,
        ),
        step in 0i64..100_000,
    ) {
        let slow = Codec::Aac(aac::Config::decode(Bytes::from_static(SLOW)).unwrap());
        let timescale = Timescale::new(hz).unwrap();
        let mut config = Config::default();
        config.part = None;
        let mut segmenter = Segmenter::new(config);
        for (id, codec) in [(VIDEO, video(X264).codec), (AUDIO, slow)] {
            segmenter.set_track(Track { id, timescale, codec }).unwrap();
        }
        let (mut fed, mut out) = (0, 0);
        let mut drain = |segmenter: &mut Segmenter| {
            while let Some(output) = segmenter.poll_output() {
                out += match output {
                    Output::Segment(segment) => segment.samples().count(),
                    Output::Event(Event::Dropped { .. }) => 1,
                    _ => 0,
                };
            }
        };
        for (time, sound, restart) in runs {
            if restart {
                segmenter.restart();
            }
            for n in 0..5 {
                let id = if sound { AUDIO } else { VIDEO };
                let time = time.saturating_add(n * step);
                segmenter.handle_input(sample(id, time, 0, n == 0)).unwrap();
                fed += 1;
                drain(&mut segmenter);
            }
        }
        segmenter.finish();
        drain(&mut segmenter);
        prop_assert_eq!(out, fed);
    }
}
