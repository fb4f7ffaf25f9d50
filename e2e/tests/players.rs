//! Players through what happens to a stream: an encoder that comes back, another codec
//! configuration, a clock that jumps; and back and forth in the live window.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, ffmpeg, hls};

const SOON: Duration = Duration::from_mins(2);

/// One test at a time: many browsers on a small machine stall each other.
fn alone() -> MutexGuard<'static, ()> {
    static PLAYER: Mutex<()> = Mutex::new(());
    PLAYER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clip(name: &'static str, size: &'static str) -> Clip {
    let video = Video { size, rate: 30, b_frames: 2, key_frames: 1, bit_rate: "1M" };
    Clip { name, seconds: 30, video: Some(video), audio: Some(STEREO) }
}

fn live() -> Live {
    Live::start(&["--segment", "2", "--part", "200"])
}

/// A browser for each of the engines, all on the same stream.
struct Players {
    running: Vec<Process>,
    seconds: u32,
}

impl Players {
    fn start(live: &Live, engines: &[&str], seconds: u32, mode: &str) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let start = |engine: &&str| {
            Process::start(
                Command::new("node")
                    .arg(scripts.join("players.mjs"))
                    .args([live.url("").as_str(), "watched", engine, &seconds.to_string(), mode])
                    .current_dir(&scripts),
            )
        };
        Self { running: engines.iter().map(start).collect(), seconds }
    }

    /// What their scripts say.
    fn outcome(self) -> Result<String, String> {
        let (mut all, mut said) = (true, String::new());
        for mut player in self.running {
            all &= player.wait(Duration::from_secs(u64::from(self.seconds) + 120)).success();
            said.push_str(&player.output());
            said.push_str(&player.errors());
        }
        let said = said.trim_end().to_owned();
        if all { Ok(said) } else { Err(said) }
    }
}

/// Seven seconds as published first, five minutes further on the encoder's clock for five more;
/// then the encoder is killed, and comes back with pictures of another size.
fn go_through_everything(engines: &[&str]) {
    let _alone = alone();
    let (first, second) =
        (clip("small-pictures", "320x180").file(), clip("pictures", "640x360").file());
    busy::attempt(&engines.join(" and "), || {
        // Without Low Latency Shaka Player is so much further behind.
        let seconds = if engines.contains(&"shaka-hls") { 34 } else { 22 };
        let live = live();
        let url = live.rtmp_url("watched");
        let publisher = ffmpeg::publish_with_jump(&first, &url, 12, 300);
        hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), SOON);
        let players = Players::start(&live, engines, seconds, "360");
        thread::sleep(Duration::from_secs(14));
        drop(publisher);
        let _publisher = ffmpeg::publish_for_ever(&second, &url);
        let told = players.outcome()?;
        let text = hls::Playlist::fetch(&live.url("/live/watched/1.m3u8")).text;
        // The jump, and the encoder's return.
        let breaks = text.matches("#EXT-X-DISCONTINUITY\n").count();
        if breaks == 2 { Ok(told) } else { Err(format!("{breaks} discontinuities: {text}")) }
    });
}

#[test]
fn hls_js_and_dash_js_go_through_everything() {
    go_through_everything(&["hls", "dash"]);
}

#[test]
fn hls_js_in_low_latency_mode_and_shaka_player_over_dash_go_through_everything() {
    go_through_everything(&["llhls", "shaka-dash"]);
}

#[test]
fn shaka_player_goes_through_everything_over_hls() {
    go_through_everything(&["shaka-hls"]);
}

/// Publishes undisturbed, and hands over what the engines make of it.
fn undisturbed(engines: &[&str], seconds: u32, mode: &str) {
    let _alone = alone();
    let file = clip("pictures", "640x360").file();
    let live = live();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("watched"));
    hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), SOON);
    // Enough to go back in.
    thread::sleep(Duration::from_secs(if mode == "seek" { 10 } else { 0 }));
    busy::attempt(&engines.join(" and "), || {
        Players::start(&live, engines, seconds, mode).outcome()
    });
}

#[test]
fn players_go_back_in_the_live_window() {
    undisturbed(&["hls", "llhls"], 6, "seek");
    undisturbed(&["dash", "shaka-hls"], 6, "seek");
}

#[test]
fn shaka_player_plays_without_a_stall() {
    undisturbed(&["shaka-hls", "shaka-dash"], 60, "3s");
}

/// GStreamer plays what is published from wherever it joins to the end of the stream.
fn gstreamer_plays(player: &str, path: &str) {
    let file = clip("pictures", "640x360").file();
    let live = Live::start(&["--segment", "1", "--resume", "1"]);
    let url = live.rtmp_url("watched");
    let mut publisher = Process::start(&mut ffmpeg::publisher(&["-re", "-t", "12"], &file, &url));
    hls::wait_for_segments(&live.url("/live/watched/index.m3u8"), SOON);
    let mut player = Process::start(
        Command::new("gst-launch-1.0")
            .args([player, "video-sink=fakesink name=v silent=false sync=true"])
            .args(["audio-sink=fakesink sync=true", "-v"])
            .arg(format!("uri={}", live.url(path))),
    );
    assert!(publisher.wait(SOON).success());
    let status = player.wait(Duration::from_mins(1));
    let said = player.output();
    assert!(status.success(), "{said}\n{}", player.errors());
    // Every buffer that reached a sink is a line.
    let shown = |name: &str| said.lines().filter(|line| line.contains(name)).count();
    assert!(shown("v: last-message = chain") > 100, "{said}");
}

#[test]
fn gstreamer_plays_hls_to_the_end() {
    gstreamer_plays("playbin3", "/live/watched/index.m3u8");
}

/// With `dashdemux`. The `dashdemux2` that `playbin3` takes (1.22) begins to play when 30 s lie in
/// its buffer, and what waits for more in it is not woken by a manifest that has become static.
#[test]
fn gstreamer_plays_dash_to_the_end() {
    gstreamer_plays("playbin", "/live/watched/manifest.mpd");
}
