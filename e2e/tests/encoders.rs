//! Encoders, relays and players that are not ffmpeg.

use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::nginx::Nginx;
use airloom_e2e::packets::{self, Form, Kind, Media};
use airloom_e2e::process::Process;
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, hls};

const SOON: Duration = Duration::from_mins(2);

/// A stream of that name, pulled from its start to its end.
fn pulled(live: &Live, name: &str, form: Form) -> Process {
    let url = live.url(&format!("/live/{name}/index.m3u8"));
    hls::wait_for_segments(&url, SOON);
    ffmpeg::pull(&url, form)
}

/// GStreamer sends a file with B-frames through `sink`; everything arrives in order.
fn gstreamer(name: &str, sink: &str) {
    let live = Live::start(&["--resume", "1"]);
    let clip = Clip::SMALL;
    let file = clip.file();
    let url = live.rtmp_url(name);
    let mut encoder = Process::start(
        Command::new("gst-launch-1.0")
            .args(["-e", "filesrc"])
            .arg(format!("location={}", file.display()))
            .args(["!", "flvdemux", "name=d", "flvmux", "name=m", "streamable=true", "!", sink])
            .arg(format!("location={url}"))
            .args(["d.video", "!", "queue", "!", "h264parse", "!", "m.video"])
            .args(["d.audio", "!", "queue", "!", "aacparse", "!", "m.audio"]),
    );
    let viewer = pulled(&live, name, Form::Slices);
    let status = encoder.wait(Duration::from_mins(1));
    assert!(status.success(), "{}", encoder.errors());
    let media = Media::parse(&viewer.succeed(Duration::from_secs(30)));
    let source = clip.media(Form::Slices);
    for kind in [Kind::Video, Kind::Audio] {
        media.track(kind).assert_run_of(source.track(kind), 0);
        media.track(kind).assert_monotone();
    }
}

#[test]
fn gstreamer_rtmp2sink() {
    gstreamer("rtmp2sink", "rtmp2sink");
}

#[test]
fn gstreamer_rtmpsink_which_is_librtmp() {
    gstreamer("rtmpsink", "rtmpsink");
}

#[test]
fn gstreamer_encoding_live() {
    let live = Live::start(&["--resume", "1"]);
    let url = live.rtmp_url("gst-live");
    let mut encoder = Process::start(
        Command::new("gst-launch-1.0")
            .args(["-e", "flvmux", "name=m", "streamable=true", "!", "rtmp2sink"])
            .arg(format!("location={url}"))
            .args(["videotestsrc", "is-live=true", "num-buffers=180", "!"])
            .args(["video/x-raw,width=640,height=360,framerate=30/1", "!", "x264enc"])
            .args(["tune=zerolatency", "speed-preset=ultrafast", "key-int-max=30", "!", "m."])
            .args(["audiotestsrc", "is-live=true", "wave=ticks", "num-buffers=258", "!"])
            .args(["audio/x-raw,rate=44100,channels=2", "!", "voaacenc", "!", "m."]),
    );
    let viewer = pulled(&live, "gst-live", Form::Exact);
    assert!(encoder.wait(Duration::from_secs(30)).success(), "{}", encoder.errors());
    let media = Media::parse(&viewer.succeed(Duration::from_secs(30)));
    assert_eq!(media.track(Kind::Video).packets.len(), 180);
    for track in media.tracks.values() {
        track.assert_monotone();
    }
}

#[test]
fn nginx_rtmp_pushes() {
    let live = Live::start(&["--resume", "1"]);
    let nginx = Nginx::start(&format!("push rtmp://{}/live;", live.rtmp()));
    let clip = Clip::SMALL;
    let mut publisher = ffmpeg::publish(&clip.file(), &nginx.url("pushed"));
    let viewer = pulled(&live, "pushed", Form::Exact);
    assert!(publisher.wait(Duration::from_secs(30)).success(), "{}", publisher.errors());
    let media = Media::parse(&viewer.succeed(Duration::from_secs(30)));
    let source = clip.media(Form::Exact);
    // The relay connects while the encoder already sends, and what comes before the first
    // key frame after that cannot be shown.
    media.track(Kind::Video).assert_run_of(source.track(Kind::Video), 60);
    media.track(Kind::Audio).assert_run_of(source.track(Kind::Audio), 100);
    media.track(Kind::Video).assert_monotone();
}

#[test]
fn ffmpeg_and_rtmpdump_play() {
    let live = Live::start(&["--resume", "1"]);
    let clip = Clip::SMALL;
    let mut publisher = ffmpeg::publish(&clip.file(), &live.rtmp_url("played"));
    live.wait_for_state("played", "live", SOON);
    let url = live.rtmp_url("played");
    let scratch = Scratch::new();
    let file = scratch.join("rtmpdump.flv");
    let mut rtmpdump = Process::start(
        Command::new("rtmpdump").args(["--live", "--quiet", "--rtmp", &url, "--flv"]).arg(&file),
    );
    let player = Process::start(&mut packets::command(&[], &url, Form::Exact));
    assert!(publisher.wait(Duration::from_secs(30)).success(), "{}", publisher.errors());
    let source = clip.media(Form::Exact);
    let played = Media::parse(&player.succeed(Duration::from_secs(30)));
    // rtmpdump calls a stream without a known duration incomplete, whatever it got.
    rtmpdump.wait(Duration::from_secs(30));
    let dumped = packets::of(&file.display().to_string(), Form::Exact);
    for (name, media) in [("ffmpeg", &played), ("rtmpdump", &dumped)] {
        println!("{name}: {:?}", media.counts());
        media.track(Kind::Video).assert_run_of(source.track(Kind::Video), 120);
        media.track(Kind::Audio).assert_run_of(source.track(Kind::Audio), 200);
        media.track(Kind::Video).assert_monotone();
    }
}
