//! The page of an origin in headless Chromium, with an edge in front of it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::edge::Edge;
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, ffmpeg, hls};

const SOON: Duration = Duration::from_mins(2);

/// The page comes from the origin, its media from the edge.
fn plays(engine: &str, latency: &str) {
    let video = Video { size: "1280x720", rate: 30, b_frames: 2, key_frames: 1, bit_rate: "2M" };
    let clip = Clip { name: "browser", seconds: 40, video: Some(video), audio: Some(STEREO) };
    let file = clip.file();
    busy::attempt(engine, || {
        let live = Live::start(&["--segment", "2", "--part", "200"]);
        let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("watched"));
        hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), SOON);
        let edge = Edge::start(live.http(), &[]);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let mut script = Process::start(
            Command::new("node")
                .arg(scripts.join("play.mjs"))
                .args([&live.url(""), "watched", engine, "12", latency])
                .env("EDGE_URL", edge.url(""))
                .current_dir(scripts),
        );
        let status = script.wait(Duration::from_secs(140));
        let report = format!("{}{}", script.output(), script.errors()).trim_end().to_owned();
        let through = edge.metric("airloom_edge_requests_total");
        assert!(!status.success() || through > 10, "{through} requests only: {report}");
        if status.success() { Ok(report) } else { Err(report) }
    });
}

#[test]
fn hls_js_plays_through_an_edge() {
    plays("hls", "8");
}

#[test]
fn hls_js_in_low_latency_mode_plays_through_an_edge() {
    plays("llhls", "1.5");
}
