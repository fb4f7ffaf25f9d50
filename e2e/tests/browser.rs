//! hls.js and dash.js in headless Chromium, through the page's own scripts.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, ffmpeg, hls};

/// One browser at a time: two on a small machine stall each other.
static BROWSER: Mutex<()> = Mutex::new(());

const SECONDS: u32 = 60;

/// Plays a live stream for a while; the script fails on a stall, an error or more latency
/// than `latency` seconds, most of the time.
fn plays(engine: &str, latency: &str) {
    let _one = BROWSER.lock();
    busy::attempt(engine, || watched(engine, latency));
}

/// What the script says of one viewing.
fn watched(engine: &str, latency: &str) -> Result<String, String> {
    let clip = Clip {
        name: "browser",
        seconds: 90,
        video: Some(Video {
            size: "1280x720",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "2M",
        }),
        audio: Some(STEREO),
    };
    let file = clip.file();
    let live = Live::start(&["--segment", "2", "--part", "200"]);
    // The clip is longer than starting a browser and watching take, except where they crawl.
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("watched"));
    hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), Duration::from_secs(30));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let mut script = Process::start(
        Command::new("node")
            .arg(scripts.join("play.mjs"))
            .args([&live.url(""), "watched", engine, &SECONDS.to_string(), latency])
            .current_dir(scripts),
    );
    // The script has deadlines of its own, which say more.
    let status = script.wait(Duration::from_secs(u64::from(SECONDS) + 120));
    let report = format!("{}{}", script.output(), script.errors());
    let report = report.trim_end().to_owned();
    if status.success() { Ok(report) } else { Err(report) }
}

#[test]
fn hls_js() {
    plays("hls", "8");
}

#[test]
fn hls_js_in_low_latency_mode() {
    plays("llhls", "1.2");
}

#[test]
fn dash_js_in_low_latency_mode() {
    plays("dash", "1.7");
}
