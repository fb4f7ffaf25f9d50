//! What a segmenter makes, listed: durations in playlists are those of the media to the tick.

use std::collections::BTreeMap;
use std::time::Duration;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom_playlist::{Answer, Config, Input, LiveWindow, Request, Resource, WallTime};
use airloom_segmenter::{self as segmenter, Output, Segmenter};
use bytes::Bytes;
use proptest::prelude::*;

const VIDEO: TrackId = TrackId::new(1);
const AUDIO: TrackId = TrackId::new(2);

const AVC: &[u8] = &[
    0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x08, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69,
    0x01, 0x00, 0x02, 0x68, 0xCE,
];

/// Sound and pictures of a jittery encoder: a window that was told of them all, and their lengths.
fn listed(steps: &[i64], gop: usize, hz: u32) -> (LiveWindow, BTreeMap<TrackId, Vec<(i64, u64)>>) {
    let mut segmenter = Segmenter::new(segmenter::Config::recorded());
    let mut window = LiveWindow::new(Config::recorded());
    let now = WallTime::from_unix(Duration::from_secs(1_700_000_000));
    let record: &[u8] = if hz == 48_000 { &[0x11, 0x90] } else { &[0x12, 0x10] };
    let aac = aac::Config::decode(Bytes::copy_from_slice(record)).unwrap();
    let avc = avc::Config::decode(Bytes::from_static(AVC)).unwrap();
    for (id, codec) in [(VIDEO, Codec::Avc(avc)), (AUDIO, Codec::Aac(aac))] {
        segmenter.set_track(Track { id, timescale: Timescale::MILLIS, codec }).unwrap();
    }
    let sample = |track, time, sync| Sample {
        track,
        decode_time: Timestamp::new(time),
        composition_offset: Delta::ZERO,
        duration: None,
        sync,
        data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    };
    let mut made = BTreeMap::<_, Vec<_>>::new();
    let mut tell = |segmenter: &mut Segmenter| {
        while let Some(output) = segmenter.poll_output() {
            if let Output::Segment(segment) = &output {
                let lengths = made.entry(segment.track).or_default();
                lengths.push((segment.start.ticks(), segment.duration.ticks()));
                let seconds = segmenter.target_duration().unwrap();
                window.handle_input(now, Input::TargetDuration(seconds)).unwrap();
            }
            if let Some(input) = Input::of_output(&output) {
                window.handle_input(now, input).unwrap();
            }
        }
    };
    let (mut time, mut frame) = (0, 0);
    for (number, step) in steps.iter().enumerate() {
        while frame * 1_024_000 / i64::from(hz) <= time {
            let at = frame * 1_024_000 / i64::from(hz);
            segmenter.handle_input(sample(AUDIO, at, true)).unwrap();
            frame += 1;
        }
        segmenter.handle_input(sample(VIDEO, time, number % gop == 0)).unwrap();
        tell(&mut segmenter);
        time += step;
    }
    segmenter.finish();
    tell(&mut segmenter);
    window.handle_input(now, Input::End).unwrap();
    (window, made)
}

fn text(window: &mut LiveWindow, resource: Resource) -> String {
    let Answer::Ready(rendered) = window.answer(&Request::new(resource)) else {
        panic!("{resource} is there");
    };
    String::from_utf8(rendered.body.to_vec()).unwrap()
}

/// What `EXTINF` says of each segment that is there: where one track ends before another, its list
/// has gaps.
fn listing(playlist: &str) -> Vec<&str> {
    let (mut listing, mut gap, mut length) = (Vec::new(), false, None);
    for line in playlist.lines() {
        match line.strip_prefix("#EXTINF:") {
            Some(told) => length = Some(told),
            None if line == "#EXT-X-GAP" => gap = true,
            None if line.starts_with('#') => {}
            None => {
                listing.extend(length.take().filter(|_| !gap));
                gap = false;
            }
        }
    }
    listing
}

fn attribute(tag: &str, name: &str) -> Option<i64> {
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    value.split('"').next()?.parse().ok()
}

/// Start and length of every segment of one representation, by its `SegmentTimeline`.
fn timeline(manifest: &str, track: TrackId) -> Vec<(i64, u64)> {
    let mark = format!("<Representation id=\"{track}\"");
    let set = manifest.split("<AdaptationSet").find(|set| set.contains(&mark)).unwrap();
    let (mut at, mut segments) = (0, Vec::new());
    for tag in set.split("<S ").skip(1) {
        let tag = format!(" {}", tag.split('>').next().unwrap());
        at = attribute(&tag, "t").unwrap_or(at);
        let duration = attribute(&tag, "d").unwrap();
        for _ in 0..=attribute(&tag, "r").unwrap_or(0) {
            segments.push((at, duration as u64));
            at += duration;
        }
    }
    segments
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn durations_in_manifests_are_those_of_the_media(
        steps in prop::collection::vec(prop_oneof![9 => 15i64..60, 1 => 1i64..400], 100..400),
        gop in 4usize..40, hz in prop::sample::select(vec![44_100u32, 48_000]),
    ) {
        let (mut window, made) = listed(&steps, gop, hz);
        let manifest = text(&mut window, Resource::Mpd);
        for (track, clock) in [(VIDEO, 90_000), (AUDIO, u64::from(hz))] {
            let made = &made[&track];
            prop_assert_eq!(&timeline(&manifest, track), made);
            // HLS says them in decimals: to the microsecond, which no clock here is finer than.
            let playlist = text(&mut window, Resource::Media { track });
            let told = listing(&playlist);
            let told: Vec<u64> = told
                .into_iter()
                .map(|line| {
                    let (seconds, micros) = line.trim_end_matches(',').split_once('.').unwrap();
                    prop_assert_eq!(micros.len(), 6);
                    Ok(seconds.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap())
                })
                .collect::<Result<_, _>>()?;
            let ticks = told.iter().map(|micros| (micros * clock + 500_000) / 1_000_000);
            prop_assert_eq!(ticks.collect::<Vec<_>>(), made.iter().map(|it| it.1).collect::<Vec<_>>());
        }
    }
}
