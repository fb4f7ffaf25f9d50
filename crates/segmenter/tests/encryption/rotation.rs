//! Keys that change while tracks are apart.

use std::collections::BTreeSet;

use airloom_media::{Delta, Sample, Timestamp};
use airloom_segmenter::Config;

use super::decryptor::Protection;
use super::rig::{X264, audio, video};
use super::*;

#[test]
fn a_new_key_comes_into_force_with_one_segment_of_all_tracks() {
    let mut encryptor = Encryptor::new(Scheme::Cbcs, key(1));
    let mut outputs = Vec::new();
    let mut turn = None;
    for output in clear() {
        let second =
            matches!(&output, Output::Part(part) if part.sequence == 1 && part.track == VIDEO);
        outputs.extend(encrypt(&mut encryptor, output));
        if second && turn.is_none() {
            turn = Some(encryptor.rotate(key(2)));
        }
    }
    assert_eq!(turn, Some(2));
    for track in [VIDEO, AUDIO] {
        let named: Vec<_> = inits(&outputs)
            .iter()
            .filter(|init| init.track == track)
            .map(|init| (init.id, Protection::of(init).key_id[0]))
            .collect();
        assert_eq!(named, [(0, 1), (1, 2)]);
        for segment in segments(&outputs, track) {
            assert_eq!(segment.init, u32::from(segment.sequence >= 2));
            assert!(segment.parts.iter().all(|part| part.init == segment.init));
        }
    }
}

/// Pictures with a keyframe every half second, which is a segment, and sound.
fn stream(segments: i64) -> Vec<Output> {
    let mut config = Config::default();
    (config.segment, config.ts) = (std::time::Duration::from_millis(500), false);
    let mut segmenter = Segmenter::new(config);
    segmenter.set_track(video(X264)).unwrap();
    segmenter.set_track(audio(48_000)).unwrap();
    let mut outputs = Vec::new();
    for tick in 0..segments * 25 {
        let mut feed = |track, sync, first: &[u8]| {
            let mut data = first.to_vec();
            data.resize(400, tick as u8);
            let (decode_time, composition_offset) = (Timestamp::new(tick * 20), Delta::ZERO);
            let data = Bytes::from(data);
            let sample =
                Sample { track, decode_time, composition_offset, duration: None, sync, data };
            segmenter.handle_input(sample).unwrap();
        };
        feed(VIDEO, tick % 25 == 0, &[0, 0, 1, 0x8C, 0x41]);
        feed(AUDIO, true, &[0x21]);
        outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    }
    segmenter.finish();
    outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    outputs
}

/// The outputs of a stream with its sound so many segments behind, and half of one: its parts come
/// between those of pictures.
fn behind(outputs: &[Output], segments: u64) -> Vec<Output> {
    let mut ordered = Vec::new();
    for output in outputs {
        match output {
            Output::Init(_) => ordered.push((0, output.clone())),
            Output::Segment(segment) => {
                let lag = if segment.track == AUDIO { segments * 4 + 2 } else { 0 };
                let place = segment.sequence * 4 + lag;
                assert!((2..=4).contains(&segment.parts.len()));
                for part in segment.parts.iter().cloned() {
                    ordered.push((place + u64::from(part.index), Output::Part(part)));
                }
                ordered.push((place + segment.parts.len() as u64 - 1, output.clone()));
            }
            _ => {}
        }
    }
    ordered.sort_by_key(|(place, _)| *place);
    ordered.into_iter().map(|(_, output)| output).collect()
}

/// The numbers of the keys that the segments of a track were decrypted with, each part by the key
/// that the init before it names, to what went in.
fn keys(clear: &[Output], outputs: &[Output], track: TrackId) -> Vec<u8> {
    let mut init = None;
    let mut keys = Vec::new();
    let before = segments(clear, track);
    for output in outputs {
        match output {
            Output::Init(found) if found.track == track => init = Some(found.clone()),
            Output::Part(part) if part.track == track => {
                let init = init.as_ref().unwrap();
                assert_eq!(part.init, init.id);
                let protection = Protection::of(init);
                let number = protection.key_id[0];
                let samples = protection.decrypt(content(number), part);
                let segment = before.iter().find(|clear| clear.sequence == part.sequence).unwrap();
                let was = segment.parts[part.index as usize].samples();
                assert!(
                    samples.iter().map(|sample| &sample.data[..]).eq(was.map(|it| &it.data[..]))
                );
            }
            Output::Segment(segment) if segment.track == track => {
                assert!(segment.parts.iter().all(|part| part.init == segment.init));
                let init = init.as_ref().unwrap();
                assert_eq!(segment.init, init.id);
                keys.push(Protection::of(init).key_id[0]);
            }
            _ => {}
        }
    }
    keys
}

/// The key changes with every segment of the pictures, `key(n)` for segment n, while sound lags.
fn changing(scheme: Scheme, count: i64, lag: u64) -> [Vec<u8>; 2] {
    let clear = behind(&stream(count), lag);
    let mut encryptor = Encryptor::new(scheme, key(0));
    let mut outputs = Vec::new();
    for output in clear.clone() {
        let first = match &output {
            Output::Part(part) if part.track == VIDEO && part.index == 0 => Some(part.sequence),
            _ => None,
        };
        outputs.extend(encrypt(&mut encryptor, output));
        if let Some(sequence) = first {
            assert_eq!(encryptor.rotate(key(sequence as u8 + 1)), sequence + 1);
        }
    }
    [VIDEO, AUDIO].map(|track| keys(&clear, &outputs, track))
}

/// Two and three changes behind: only the key before the last was kept.
#[test]
fn a_track_that_lags_over_several_changes_has_the_key_of_its_segment() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        for lag in [0, 1, 2, 3, 13] {
            let all: Vec<_> = (0..20).collect();
            assert_eq!(changing(scheme, 20, lag), [all.clone(), all], "{lag} behind");
        }
    }
}

/// Then it is an older key, which its init names; no segment has two.
#[test]
fn a_track_that_lags_over_more_changes_than_keys_are_kept_is_told_its_key() {
    for lag in [14, 16, 25, 40] {
        let [pictures, sound] = changing(Scheme::Cbcs, 40, lag);
        assert_eq!(pictures, (0..40).collect::<Vec<_>>());
        assert_eq!(sound.len(), 40);
    }
}

#[test]
fn a_change_before_the_last_came_into_force_takes_its_place() {
    let clear = behind(&stream(4), 1);
    let mut encryptor = Encryptor::new(Scheme::Cenc, key(1));
    // Before any part it is the first key.
    assert_eq!(encryptor.rotate(key(2)), 0);
    assert_eq!(encryptor.rotate(key(3)), 0);
    let mut outputs = Vec::new();
    for output in clear.clone() {
        let second = matches!(&output, Output::Part(part) if part.sequence == 1);
        outputs.extend(encrypt(&mut encryptor, output));
        if second {
            for number in [4, 5] {
                assert!(encryptor.rotate(key(number)) >= 2);
            }
        }
    }
    assert_eq!(keys(&clear, &outputs, VIDEO), [3, 3, 5, 5]);
    assert_eq!(keys(&clear, &outputs, AUDIO), [3, 3, 5, 5]);
}

/// Two samples of one key and one vector would tell each other's contents.
#[test]
fn no_vector_comes_twice_even_where_a_key_does() {
    let mut encryptor = Encryptor::new(Scheme::Cenc, key(1));
    let mut vectors = BTreeSet::new();
    let (mut init, mut count) = (None, 0);
    for output in behind(&stream(6), 0) {
        for output in encrypt(&mut encryptor, output) {
            match &output {
                Output::Init(found) => init = Some(found.clone()),
                Output::Part(part) => {
                    let protection = Protection::of(init.as_ref().unwrap());
                    let samples = protection.decrypt(content(1), part);
                    count += samples.len();
                    vectors.extend(samples.into_iter().map(|sample| sample.iv));
                }
                _ => {}
            }
        }
        encryptor.rotate(key(1));
    }
    assert!(count > 200);
    assert_eq!(vectors.len(), count);
}
