//! What encoders do that is legal and unusual: it changes nothing.

mod rig;

use airloom_media::{Delta, Duration, Sample, Timescale, Timestamp, Track};
use airloom_segmenter::{Config, Event};
use bytes::Bytes;
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};

/// Phones and screen capture: frames come when something changed.
#[test]
fn a_variable_frame_rate_keeps_every_time_and_length() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    let steps = [16, 17, 33, 100, 34, 16, 67, 150, 33, 34];
    let mut times = Vec::new();
    let mut time = 0;
    for frame in 0..600usize {
        times.push(time);
        rig.picture(time, 0, frame % 30 == 0);
        time += steps[frame % steps.len()];
    }
    rig.finish();
    let expected: Vec<_> = times.iter().map(|time| time * 90).collect();
    assert_eq!(rig.times(VIDEO), expected);
    for (sample, pair) in rig.samples(VIDEO).iter().zip(expected.windows(2)) {
        assert_eq!(sample.duration.ticks(), (pair[1] - pair[0]).unsigned_abs());
    }
    assert!(!rig.events.iter().any(|event| matches!(event, Event::Discontinuity { .. })));
}

/// OBS and ffmpeg send their sequence headers again and again.
#[test]
fn the_same_configuration_again_is_nothing() {
    let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
    // 48 frames of sound take 1.024 s.
    for frame in 0..480 {
        rig.sound(frame * 1024 / 48);
        if frame % 2 == 0 {
            rig.picture(frame * 1024 / 48, 0, frame % 48 == 0);
        }
        if frame % 48 == 10 {
            rig.set_track(video(X264));
            rig.set_track(audio(48_000));
        }
    }
    rig.finish();
    assert_eq!(rig.inits.len(), 2);
    assert_eq!(rig.events, []);
    assert!(rig.of(AUDIO).iter().all(|segment| !segment.discontinuity));
}

/// An open group of pictures: those that follow the recovery point in decode order are shown before
/// it. Only what is marked as sync begins a segment, and nothing is moved.
#[test]
fn open_groups_of_pictures_keep_their_leading_pictures() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    let mut shown = Vec::new();
    for group in 0..10i64 {
        for picture in 0..30i64 {
            let time = (group * 30 + picture) * 40;
            // The key picture is shown after the two that follow it.
            let offset = match picture {
                0 => 120,
                1 | 2 => 0,
                _ => 40,
            };
            rig.picture(time, offset, picture == 0);
            shown.push((time + offset) * 90);
        }
    }
    rig.finish();
    let found: Vec<_> = rig
        .samples(VIDEO)
        .iter()
        .map(|sample| sample.decode_time.ticks() + sample.composition_offset.ticks())
        .collect();
    assert_eq!(found, shown);
    assert!(rig.of(VIDEO).iter().all(|segment| segment.independent));
    assert_eq!(rig.events, []);
}

/// Pictures of no more than a delimiter's worth: parameter sets only in band, no delimiter, come
/// out of CMAF as they went in.
#[test]
fn samples_pass_untouched_whatever_their_nal_units() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    let in_band: &[u8] = &[0, 0, 0, 2, 0x67, 0x64, 0, 0, 0, 2, 0x68, 0xEB, 0, 0, 0, 2, 0x65, 0x88];
    for frame in 0..120 {
        rig.feed(VIDEO, frame * 33, 0, frame % 30 == 0, bytes::Bytes::from_static(in_band));
    }
    rig.finish();
    assert!(rig.samples(VIDEO).iter().all(|sample| sample.data[..] == *in_band));
    assert_eq!(rig.samples(VIDEO).len(), 120);
}

/// A file says how long its last picture stands; a live encoder does not, and nothing follows that
/// would.
#[test]
fn the_last_sample_lasts_as_it_says() {
    for (lasts, expected, left) in
        [(None, 3000, 0), (Some(1500), 135_000, 0), (Some(60_000), 0, 1), (Some(0), 1, 0)]
    {
        let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
        rig.play(0, 150, 30, 30);
        let sample = Sample {
            track: VIDEO,
            decode_time: Timestamp::new(5000),
            composition_offset: Delta::ZERO,
            duration: lasts.map(Duration::new),
            sync: true,
            data: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
        };
        rig.segmenter.handle_input(sample).unwrap();
        rig.finish();
        let last = rig.samples(VIDEO).pop().unwrap().duration.ticks();
        // The rest of what no segment can hold is said to be missing.
        if left == 0 {
            assert_eq!(last, expected, "{lasts:?}");
        } else {
            assert!((2 * 90_000..=225_000).contains(&last), "{last}");
        }
        let gaps = rig.count(|event| matches!(event, Event::GapLeft { track: VIDEO, .. }));
        assert_eq!(gaps, left, "{lasts:?}: {:?}", rig.events);
    }
}

/// 23.976 pictures a second on a clock that does not divide 90 kHz.
#[test]
fn presentation_times_are_rounded_once() {
    let track = Track { timescale: Timescale::new(24_000).unwrap(), ..video(X264) };
    let mut rig = Rig::with(Config::default(), &[track]);
    for frame in 0..240 {
        let offset = [2, 4, 1, 1][frame as usize % 4] * 1001;
        rig.picture(frame * 1001, offset, frame % 48 == 0);
    }
    rig.finish();
    for (fed, sample) in rig.fed[&VIDEO].iter().zip(rig.samples(VIDEO)) {
        let shown = sample.decode_time.ticks() + sample.composition_offset.ticks();
        assert_eq!(shown, (fed.presentation_time * 90_000 + 12_000) / 24_000);
    }
}
