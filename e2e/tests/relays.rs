//! The relay between real programs: many servers behind it, a server in front of it, and TLS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::nginx::Nginx;
use airloom_e2e::packets::{self, Form, Kind, Media};
use airloom_e2e::process::{self, Process};
use airloom_e2e::relay::Relay;
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, hls, wait};

const SOON: Duration = Duration::from_mins(2);

/// A stream of that name, pulled from its start to its end.
fn pulled(live: &Live, name: &str) -> Process {
    let url = live.url(&format!("/live/{name}/index.m3u8"));
    hls::wait_for_segments(&url, SOON);
    ffmpeg::pull(&url, Form::Exact)
}

/// Everything in order from some point early in the clip to its end.
fn assert_arrived(who: &str, media: &Media, skipped: usize) {
    println!("{who}: {:?}", media.counts());
    let source = Clip::SMALL.media(Form::Exact);
    media.track(Kind::Video).assert_run_of(source.track(Kind::Video), skipped);
    media.track(Kind::Audio).assert_run_of(source.track(Kind::Audio), skipped * 2);
    media.track(Kind::Video).assert_monotone();
}

/// What nginx kept of a stream, once it is all there.
fn recorded(nginx: &Nginx, name: &str) -> Media {
    let file = nginx.recording(name);
    let expected = Clip::SMALL.media(Form::Exact).track(Kind::Video).packets.len();
    wait::until(SOON, "nginx to have it all", || {
        let media = packets::of(&file.display().to_string(), Form::Exact);
        (media.track(Kind::Video).packets.len() + 60 >= expected).then_some(media)
    })
}

#[test]
fn ffmpeg_through_the_relay_to_nginx_and_to_live() {
    let (nginx, live) = (Nginx::start(""), Live::start(&["--resume", "1"]));
    // Nobody listens on the discard port.
    let dead = "rtmp://127.0.0.1:9/relay/cam";
    let (near, far) = (nginx.url("cam"), live.rtmp_url("cam"));
    let relay = Relay::listening(&["--push", dead, "--push", &near, "--push", &far], &[]);
    let url = format!("rtmp://{}/any/name", relay.address());
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &url);
    let viewer = pulled(&live, "cam");
    assert!(publisher.wait(SOON).success(), "{}", publisher.errors());
    assert_arrived("live", &Media::parse(&viewer.succeed(SOON)), 60);
    assert_arrived("nginx", &recorded(&nginx, "cam"), 60);
}

#[test]
fn nginx_is_pulled_from() {
    let (nginx, live) = (Nginx::start(""), Live::start(&["--resume", "1"]));
    let _relay = Relay::pulling(&nginx.url("cam"), &live.rtmp_url("cam"));
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &nginx.url("cam"));
    let viewer = pulled(&live, "cam");
    assert!(publisher.wait(SOON).success(), "{}", publisher.errors());
    // It may have asked nginx, and backed off, just before there was something to pull.
    assert_arrived("live", &Media::parse(&viewer.succeed(SOON)), 120);
}

#[test]
fn gstreamer_rtmp2src_plays() {
    let live = Live::start(&["--resume", "1"]);
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &live.rtmp_url("cam"));
    live.wait_for_state("cam", "live", SOON);
    let scratch = Scratch::new();
    let file = scratch.join("played.flv");
    let mut player = Process::start(
        Command::new("gst-launch-1.0")
            .arg("-e")
            .args(["rtmp2src", &format!("location={}", live.rtmp_url("cam"))])
            .args(["!", "filesink", &format!("location={}", file.display())]),
    );
    assert!(publisher.wait(SOON).success(), "{}", publisher.errors());
    // It sees the end of the stream by itself.
    assert!(player.wait(SOON).success(), "{}", player.errors());
    let mut media = packets::of(&file.display().to_string(), Form::Exact);
    // It holds one message at a time, and gives it up when it hears of the end before anyone took
    // it: every other time the last one is missing. ffmpeg and rtmpdump get it from the same bytes.
    let source = Clip::SMALL.media(Form::Exact);
    let held = source.track(Kind::Audio).packets.last().expect("a packet");
    let played = media.tracks.get_mut(&Kind::Audio).expect("sound");
    if played.packets.last().is_some_and(|last| last.hash != held.hash) {
        played.packets.push(held.clone());
    }
    assert_arrived("rtmp2src", &media, 60);
}

/// A certificate for this machine and its key in one file, made by openssl.
fn pem(scratch: &Scratch) -> PathBuf {
    let (key, certificate) = (scratch.join("key.pem"), scratch.join("certificate.pem"));
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=airloom test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    process::run(SOON, &mut command);
    let both = scratch.join("both.pem");
    let read = |path: &Path| std::fs::read(path).expect("a file that openssl wrote");
    std::fs::write(&both, [read(&certificate), read(&key)].concat()).expect("a file");
    both
}

/// ffmpeg's TLS (GnuTLS) into ours, ours into ours, and out of TLS into the server.
#[test]
fn ffmpeg_over_tls_through_two_relays() {
    let scratch = Scratch::new();
    let pem = pem(&scratch).display().to_string();
    let live = Live::start(&["--resume", "1"]);
    let second = Relay::listening(&["--tls", &pem, "--push", &live.rtmp_url("cam")], &[]);
    let on = format!("rtmps://{}/a/cam", second.address());
    // Whom the first believes that the second is who it says.
    let trust = [("SSL_CERT_FILE", pem.as_str())];
    let first = Relay::listening(&["--tls", &pem, "--push", &on], &trust);
    let url = format!("rtmps://{}/a/cam", first.address());
    let mut publisher = ffmpeg::publish(&Clip::SMALL.file(), &url);
    let viewer = pulled(&live, "cam");
    assert!(publisher.wait(SOON).success(), "{}", publisher.errors());
    assert_arrived("live", &Media::parse(&viewer.succeed(SOON)), 60);
}

/// GStreamer's TLS (GIO) into ours.
#[test]
fn gstreamer_over_tls() {
    let scratch = Scratch::new();
    let pem = pem(&scratch).display().to_string();
    let live = Live::start(&["--resume", "1"]);
    let relay = Relay::listening(&["--tls", &pem, "--push", &live.rtmp_url("cam")], &[]);
    let url = format!("rtmps://{}/a/cam", relay.address());
    let clip = Clip::SMALL.file();
    let mut encoder = Process::start(
        Command::new("gst-launch-1.0")
            .args(["-e", "filesrc", &format!("location={}", clip.display()), "!", "flvdemux"])
            .args(["name=d", "flvmux", "name=m", "streamable=true", "!", "rtmp2sink"])
            .args([&format!("location={url}"), "tls-validation-flags=0"])
            .args(["d.video", "!", "queue", "!", "h264parse", "!", "m.video"])
            .args(["d.audio", "!", "queue", "!", "aacparse", "!", "m.audio"]),
    );
    let url = live.url("/live/cam/index.m3u8");
    hls::wait_for_segments(&url, SOON);
    let viewer = ffmpeg::pull(&url, Form::Slices);
    assert!(encoder.wait(Duration::from_mins(1)).success(), "{}", encoder.errors());
    let media = Media::parse(&viewer.succeed(SOON));
    let source = Clip::SMALL.media(Form::Slices);
    for kind in [Kind::Video, Kind::Audio] {
        media.track(kind).assert_run_of(source.track(kind), 60);
    }
}
