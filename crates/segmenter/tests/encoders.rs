//! What encoders do that is legal and unusual: it changes nothing.

mod rig;

use airloom_media::{Codec, Delta, Duration, Sample, Timescale, Timestamp, Track};
use airloom_segmenter::{Config, Event};
use bytes::Bytes;
use rig::{AUDIO, Rig, UNTIMED, VIDEO, X264, audio, video};

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

/// A keyframe with the parameter sets of a record before its slice.
fn key_with_sets(record: &'static [u8]) -> Bytes {
    let Codec::Avc(config) = video(record).codec else { unreachable!() };
    let mut data = Vec::new();
    let sets = [config.sequence_parameter_sets(), config.picture_parameter_sets()].concat();
    for nal in sets.iter().map(|set| &set[..]).chain([&[0x65, 0x88][..]]) {
        data.extend((nal.len() as u32).to_be_bytes());
        data.extend(nal);
    }
    data.into()
}

/// Hardware encoders and relays of MPEG-TS change what they send without another sequence header.
#[test]
fn parameter_sets_in_band_are_a_new_configuration_where_they_describe_other_pictures() {
    let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
    for (group, record) in [X264, X264, UNTIMED, UNTIMED, X264].into_iter().enumerate() {
        let start = group as i64 * 2000;
        rig.feed(VIDEO, start, 0, true, key_with_sets(record));
        for frame in 1..60 {
            rig.picture(start + frame * 1000 / 30, 0, false);
            rig.sound(start + frame * 1000 / 30);
        }
    }
    rig.finish();
    rig.assert_everything_is_there();
    let codecs: Vec<_> = rig.inits.iter().filter(|init| init.track == VIDEO).collect();
    let pictures = codecs.iter().map(|init| init.codec.picture());
    let expected = [X264, UNTIMED, X264].map(|record| video(record).codec.picture());
    assert_eq!(pictures.collect::<Vec<_>>(), expected);
    let starts: Vec<_> = rig.of(VIDEO).iter().map(|it| (it.start.ticks(), it.init)).collect();
    assert_eq!(starts, [(0, 0), (180_000, 0), (360_000, 1), (540_000, 1), (720_000, 2)]);
    assert_eq!(rig.discontinuities(), 2);
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

/// Screen recordings and slides: a picture that stands for a minute is one sample of a minute.
#[test]
fn a_picture_of_a_recording_stands_as_long_as_it_says() {
    for sound in [false, true] {
        let tracks = [video(X264), audio(48_000)];
        let tracks = if sound { &tracks[..] } else { &tracks[..1] };
        let mut rig = Rig::with(Config::recorded(), tracks);
        let (mut time, mut heard, mut times) = (0, 0, Vec::new());
        // A minute beside sound is more than any track is waited for.
        let longest = if sound { 9000 } else { 60_000 };
        for lasts in [40, 40, 6000, 40, longest, 40, 2600, 12_000.min(longest), 40, 500] {
            while sound && heard * 1024 / 48 <= time {
                rig.sound(heard * 1024 / 48);
                heard += 1;
            }
            times.push(time);
            let sample = Sample {
                track: VIDEO,
                decode_time: Timestamp::new(time),
                composition_offset: Delta::ZERO,
                duration: Some(Duration::new(lasts as u64)),
                sync: true,
                data: Bytes::from_static(&[0, 0, 0, 1, 0x65]),
            };
            rig.segmenter.handle_input(sample).unwrap();
            time += lasts;
        }
        rig.finish();
        assert!(rig.events.is_empty(), "{:?}", rig.events);
        times.push(time);
        let expected: Vec<_> = times.windows(2).map(|it| (it[0] * 90, it[1] * 90)).collect();
        let shown = rig.samples(VIDEO);
        let shown = shown.iter().map(|it| (it.decode_time.ticks(), it.duration.ticks() as i64));
        let shown: Vec<_> = shown.map(|(start, lasts)| (start, start + lasts)).collect();
        assert_eq!(shown, expected, "{sound}");
    }
}
