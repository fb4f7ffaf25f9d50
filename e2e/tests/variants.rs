//! Two renditions of one programme, published as two streams that declare a group, as players see
//! them: two levels to switch between.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{busy, ffmpeg, hls};

const SOON: Duration = Duration::from_mins(2);

/// Two encodings of the same length, with keyframes at the same times.
fn clips() -> [std::path::PathBuf; 2] {
    [("large-variant", "1280x720", "1500k"), ("small-variant", "640x360", "500k")].map(
        |(name, size, bit_rate)| {
            let video = Video { size, rate: 30, b_frames: 2, key_frames: 1, bit_rate };
            Clip { name, seconds: 60, video: Some(video), audio: Some(STEREO) }.file()
        },
    )
}

/// One encoder that publishes both.
fn publish(live: &Live) -> Process {
    let [large, small] = &clips();
    let urls = ["large", "small"].map(|name| live.rtmp_url(&format!("{name}?group=both")));
    let [first, second] = &urls;
    Process::start(&mut ffmpeg::pair([large, small], [first, second]))
}

fn switches(engine: &str) {
    const SECONDS: u32 = 18;
    // After a change of variant in low latency hls.js now and then stops asking for media, for some
    // five seconds, with a machine to itself, too: it goes on to ask for playlists meanwhile, and all
    // that it asks for is answered in time.
    let attempts = if engine == "llhls" { 8 } else { 3 };
    busy::attempt_of(attempts, engine, || {
        let live = Live::start(&["--segment", "2", "--part", "200"]);
        let _publisher = publish(&live);
        hls::wait_for_segments(&live.url("/live/both/index.m3u8"), SOON);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let mut script = Process::start(
            Command::new("node")
                .arg(scripts.join("variants.mjs"))
                .args([&live.url(""), "both", engine, &SECONDS.to_string(), "720", "360"])
                .current_dir(scripts),
        );
        let status = script.wait(Duration::from_mins(3));
        let report = format!("{}{}", script.output(), script.errors()).trim_end().to_owned();
        if status.success() { Ok(report) } else { Err(report) }
    });
}

/// One browser at a time: two on a small machine stall each other.
#[test]
fn players_switch_between_variants_without_a_stall() {
    for engine in ["hls", "llhls", "dash"] {
        switches(engine);
    }
}

#[test]
fn variants_are_aligned() {
    let live = Live::start(&["--segment", "1", "--resume", "2"]);
    let publisher = publish(&live);
    hls::wait_for_segments(&live.url("/live/both/index.m3u8"), SOON);
    thread::sleep(Duration::from_secs(4));
    let index = hls::Playlist::fetch(&live.url("/live/both/index.m3u8")).text;
    assert_eq!(index.matches("#EXT-X-STREAM-INF").count(), 2, "{index}");
    assert!(index.contains("RESOLUTION=1280x720") && index.contains("RESOLUTION=640x360"));
    assert!(index.contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "{index}");
    let of = |track: u32| {
        let text = hls::Playlist::fetch(&live.url(&format!("/live/both/{track}.m3u8"))).text;
        let keep = |tag: &str| {
            text.lines().filter(|line| line.starts_with(tag)).map(str::to_owned).collect::<Vec<_>>()
        };
        (keep("#EXT-X-MEDIA-SEQUENCE"), keep("#EXTINF"), keep("#EXT-X-PROGRAM-DATE-TIME"))
    };
    // The pictures are the first track of each, however they came.
    let pictures: Vec<u32> = index
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|uri| uri.strip_suffix(".m3u8")?.parse().ok())
        .collect();
    let [one, other] = pictures[..] else { panic!("{index}") };
    let (one, other) = (of(one), of(other));
    assert_eq!(one.0, other.0);
    let both = one.1.len().min(other.1.len());
    assert!(both >= 3 && one.1[..both] == other.1[..both], "{one:?}\n{other:?}");
    let both = one.2.len().min(other.2.len());
    assert_eq!(one.2[..both], other.2[..both]);
    // Each is a stream of its own, too, until the encoder goes; then all three are over.
    assert_eq!(live.stream("small").expect("the member")["state"], "live");
    drop(publisher);
    live.wait_for_state("both", "ended", SOON);
}
