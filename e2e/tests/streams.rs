//! What an encoder publishes is what every player gets: each packet once, bit for bit, at
//! its time.

use std::time::Duration;

use airloom_e2e::clip::{Audio, Clip, STEREO, Video};
use airloom_e2e::packets::{Form, Kind, Media};
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, hls, mpd};

const FULL_HD: Video =
    Video { size: "1920x1080", rate: 30, b_frames: 2, key_frames: 2, bit_rate: "6M" };

/// Publishes a clip in real time, pulls it from the start in every format, and compares.
fn every_packet_once(clip: &Clip) {
    let file = clip.file();
    let live = Live::start(&["--resume", "1"]);
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url(clip.name));

    let cmaf = live.url(&format!("/live/{}/index.m3u8", clip.name));
    let ts = live.url(&format!("/live/{}/ts.m3u8", clip.name));
    hls::wait_for_segments(&cmaf, Duration::from_secs(30));
    let cmaf = ffmpeg::pull(&cmaf, Form::Exact);
    hls::wait_for_segments(&ts, Duration::from_secs(30));
    let ts = ffmpeg::pull(&ts, Form::Elementary);

    let length = Duration::from_secs(u64::from(clip.seconds));
    let status = publisher.wait(length + Duration::from_secs(40));
    assert!(status.success(), "{}", publisher.errors());
    let limit = Duration::from_mins(1);
    let cmaf = Media::parse(&cmaf.succeed(limit));
    let ts = Media::parse(&ts.succeed(limit));
    let dash = mpd::pull(&live.url(&format!("/live/{}/manifest.mpd", clip.name)));

    let source = clip.media(Form::Exact);
    println!("{}: {:?}", clip.name, source.counts());
    for (name, media) in [("index.m3u8", &cmaf), ("manifest.mpd", &dash)] {
        if let Err(difference) = media.same(&source) {
            panic!("{name}: {difference}");
        }
        for (kind, track) in &media.tracks {
            assert_eq!(
                track.configuration,
                source.track(*kind).configuration,
                "{name}: another {kind:?} decoder configuration"
            );
        }
    }
    if let Err(difference) = ts.same(&clip.media(Form::Elementary)) {
        panic!("ts.m3u8: {difference}");
    }
    for media in [&cmaf, &dash, &ts] {
        if let Some(video) = media.tracks.get(&Kind::Video) {
            video.assert_monotone();
        }
    }
}

#[test]
fn full_hd_with_b_frames_and_stereo() {
    every_packet_once(&Clip {
        name: "full-hd",
        seconds: 20,
        video: Some(FULL_HD),
        audio: Some(STEREO),
    });
}

#[test]
fn audio_that_starts_46_ms_late() {
    every_packet_once(&Clip {
        name: "late-audio",
        seconds: 8,
        video: Some(Video { size: "640x360", bit_rate: "800k", ..FULL_HD }),
        audio: Some(Audio { late: 46, ..STEREO }),
    });
}

#[test]
fn video_only() {
    every_packet_once(&Clip {
        name: "video-only",
        seconds: 8,
        video: Some(Video { size: "1280x720", bit_rate: "2M", ..FULL_HD }),
        audio: None,
    });
}

#[test]
fn audio_only() {
    every_packet_once(&Clip { name: "audio-only", seconds: 10, video: None, audio: Some(STEREO) });
}

#[test]
fn hd_at_60_without_b_frames() {
    every_packet_once(&Clip {
        name: "hd-60",
        seconds: 8,
        video: Some(Video {
            size: "1280x720",
            rate: 60,
            b_frames: 0,
            key_frames: 1,
            bit_rate: "4M",
        }),
        audio: Some(STEREO),
    });
}

#[test]
fn mono_at_44_1_khz() {
    every_packet_once(&Clip {
        name: "mono",
        seconds: 8,
        video: Some(Video { size: "640x360", bit_rate: "800k", ..FULL_HD }),
        audio: Some(Audio { rate: 44_100, channels: 1, late: 0 }),
    });
}
