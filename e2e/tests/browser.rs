//! hls.js and dash.js in headless Chromium, through the page's own scripts.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, hls, process};

/// One browser at a time: two on a small machine stall each other.
static BROWSER: Mutex<()> = Mutex::new(());

const SECONDS: u32 = 15;

/// Plays a live stream for a while; the script fails on a stall, an error or more latency
/// than `latency` seconds.
fn plays(engine: &str, latency: &str) {
    let _one = BROWSER.lock();
    let clip = Clip {
        name: "browser",
        seconds: 60,
        video: Some(Video {
            size: "1280x720",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "2M",
        }),
        audio: Some(STEREO),
    };
    let live = Live::start(&["--segment", "2", "--part", "200"]);
    let _publisher = ffmpeg::publish(&clip.file(), &live.rtmp_url("watched"));
    hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), Duration::from_secs(15));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let report = process::run(
        Duration::from_secs(u64::from(SECONDS) + 45),
        Command::new("node")
            .arg(scripts.join("play.mjs"))
            .args([&live.url(""), "watched", engine, &SECONDS.to_string(), latency])
            .current_dir(scripts),
    );
    println!("{engine}: {}", report.trim_end());
}

#[test]
fn hls_js() {
    plays("hls", "12");
}

#[test]
fn hls_js_in_low_latency_mode() {
    plays("llhls", "1.5");
}

#[test]
fn dash_js() {
    plays("dash", "12");
}
