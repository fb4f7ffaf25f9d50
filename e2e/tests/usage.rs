//! What the ledger says was used is what was sent and received, to the byte, and stays so.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::hls::{self, Playlist};
use airloom_e2e::process::Process;
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::{Live, program};
use airloom_e2e::{ffmpeg, http, process, wait};

const SOON: Duration = Duration::from_mins(2);
const METERS: [&str; 5] =
    ["ingest_bytes", "ingest_ms", "egress_bytes", "viewer_ms", "chat_requests"];

/// Bytes of all packets in a file, as ffprobe counts them.
fn packet_bytes(file: &std::path::Path) -> u64 {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_entries", "packet=size", "-of", "csv=p=0"]).arg(file);
    let sizes = process::run(SOON, &mut command);
    let size = |line: &str| line.trim_end_matches(',').parse::<u64>().expect("a size");
    sizes.lines().filter(|line| !line.is_empty()).map(size).sum()
}

/// Reads whatever is in the playlists of a stream until it is told to stop; says how many bytes of
/// bodies it got, and for how long it asked.
fn reader(index: &str, stop: &AtomicBool, received: &AtomicU64) -> Duration {
    let get = |url: &str| {
        let response = http::try_request("GET", url, &[("user-agent", "e2e")]).ok()?;
        if response.status != 200 {
            return None;
        }
        received.fetch_add(response.body.len() as u64, Ordering::Relaxed);
        Some(response.text())
    };
    let (mut seen, start) = (std::collections::BTreeSet::new(), Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let text = get(index).unwrap_or_default();
        for url in hls::media_playlists(index, &text) {
            let Some(text) = get(&url) else { continue };
            let playlist = Playlist::parse(&url, &text);
            let parts = playlist.parts.into_iter().map(|part| part.url);
            for media in playlist.segments.into_iter().chain(playlist.map).chain(parts) {
                if seen.insert(media.clone()) {
                    get(&media);
                }
            }
        }
        thread::sleep(Duration::from_millis(200));
    }
    start.elapsed()
}

#[test]
fn the_ledger_says_what_was_sent_and_what_was_received_and_a_restart_keeps_it() {
    let data = Scratch::new();
    let live = Live::start_in(data.path(), &[], &["--segment", "1", "--resume", "1"]);
    assert_eq!(METERS.map(|meter| live.used(meter)), [0; 5]);

    let clip = Clip::SMALL;
    let file = clip.file();
    let start = Instant::now();
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("metered"));
    live.wait_for_state("metered", "live", SOON);
    let (stop, received) = (AtomicBool::new(false), AtomicU64::new(0));
    let index = live.url("/live/metered/index.m3u8");
    let (watched, told) = thread::scope(|scope| {
        let readers: Vec<_> =
            (0..3).map(|_| scope.spawn(|| reader(&index, &stop, &received))).collect();
        // The figures move while the stream is on air.
        wait::until(SOON, "usage to be told while on air", || {
            let moving = ["ingest_bytes", "ingest_ms", "egress_bytes", "viewer_ms"];
            moving.iter().all(|meter| live.used(meter) > 0).then_some(())
        });
        let told = live.used("ingest_bytes");
        assert!(publisher.wait(Duration::from_mins(1)).success(), "{}", publisher.errors());
        wait::until(SOON, "the end of the stream", || {
            let stream = live.stream("metered")?;
            (stream["state"] == "ended").then_some(())
        });
        stop.store(true, Ordering::Relaxed);
        let readers = readers.into_iter().map(|reader| reader.join().expect("a reader"));
        (readers.max().expect("three readers"), told)
    });
    let elapsed = start.elapsed();

    let (sent, received) = (packet_bytes(&file), received.into_inner());
    assert!(told < sent, "{told} of {sent} before the end");
    assert!(received > sent, "three readers got {received} of {sent} sent");
    wait::until(SOON, "the ledger to have it all", || {
        (live.used("ingest_bytes") == sent && live.used("egress_bytes") == received).then_some(())
    });
    let stream = live.stream("metered").expect("an ended stream");
    assert_eq!(stream["bytes_in"], sent);
    let on_air = Duration::from_millis(live.used("ingest_ms"));
    let length = Duration::from_secs(u64::from(clip.seconds));
    // ffmpeg sends the first half second or so at once.
    assert!(on_air + Duration::from_secs(2) > length && on_air < elapsed, "on air {on_air:?}");
    // Three connections of one browser are one viewer.
    let viewed = Duration::from_millis(live.used("viewer_ms"));
    assert!(viewed <= watched && viewed + Duration::from_secs(5) > watched, "{viewed:?}");

    let before = METERS.map(|meter| live.used(meter));
    let (status, ..) = live.end("TERM");
    assert!(status.success());
    let live = Live::start_in(data.path(), &[], &[]);
    assert_eq!(METERS.map(|meter| live.used(meter)), before);

    // And counts on; killed without warning, it has at least what it told.
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("metered"));
    wait::until(SOON, "more than before", || (live.used("ingest_bytes") > sent).then_some(()));
    let told = METERS.map(|meter| live.used(meter));
    let _ = live.end("KILL");
    publisher.wait(SOON);
    let live = Live::start_in(data.path(), &[], &[]);
    let after = METERS.map(|meter| live.used(meter));
    assert!(told.iter().zip(&after).all(|(told, after)| told <= after), "{told:?} {after:?}");
    assert!(after[0] < 2 * sent);
}

#[test]
fn an_rtmp_player_is_metered_like_any_other() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("played"));
    live.wait_for_state("played", "live", SOON);
    let out = Scratch::new();
    let copy = out.join("copy.flv");
    let mut command = Command::new("ffmpeg");
    command
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-rw_timeout", "10000000"])
        .args(["-i", &live.rtmp_url("played"), "-t", "4", "-c", "copy"])
        .arg(&copy);
    process::run(Duration::from_mins(1), &mut command);
    let got = packet_bytes(&copy);
    let egress = wait::until(SOON, "the player's bytes", || {
        Some(live.used("egress_bytes")).filter(|egress| *egress >= got)
    });
    // Headers on the wire, and what was on its way when the player left.
    assert!(egress < got * 2 + 1_000_000, "{egress} for {got}");
    let viewed = live.used("viewer_ms");
    assert!((1_000..60_000).contains(&viewed), "{viewed} ms");
}

#[test]
fn a_recording_counts_once_and_so_does_what_it_takes() {
    let data = Scratch::new();
    let flags = ["--record", "--resume", "1"];
    let live = Live::start_in(data.path(), &[], &flags);
    assert_eq!(["recordings", "storage_byte_hours"].map(|meter| live.used(meter)), [0; 2]);
    let file = Clip::SMALL.file();
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("kept"));
    assert!(publisher.wait(Duration::from_mins(1)).success(), "{}", publisher.errors());
    live.wait_for_state("kept", "ended", SOON);
    wait::until(SOON, "the recording to count", || (live.used("recordings") == 1).then_some(()));
    wait::until(SOON, "its storage to count", || {
        (live.used("storage_byte_hours") > 0).then_some(())
    });
    // Somebody has asked for all of this.
    assert!(live.used("api_requests") > 3);
    // Killed, and started on what was left: the same recording.
    let stored = live.used("storage_byte_hours");
    let _ = live.end("KILL");
    let live = Live::start_in(data.path(), &[], &flags);
    wait::until(SOON, "more storage", || (live.used("storage_byte_hours") > stored).then_some(()));
    assert_eq!(live.used("recordings"), 1);
}

#[test]
fn usage_is_asked_for_by_tenant_and_time() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("asked"));
    wait::until(SOON, "usage", || (live.used("ingest_bytes") > 0).then_some(()));

    let all = "/api/usage?tenant=default&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00%2B01:00";
    let usage = live.get(all).json();
    assert_eq!(usage["tenant"], "default");
    assert_eq!(usage["from"], "2020-01-01T00:00:00Z");
    assert_eq!(usage["to"], "2099-12-31T23:00:00Z");
    for meter in METERS {
        assert!(usage["meters"][meter].is_u64(), "{meter}: {usage}");
    }
    assert!(usage["meters"]["ingest_bytes"].as_u64() > Some(0));
    let past = live.get("/api/usage?from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z").json();
    assert_eq!(past["meters"]["ingest_bytes"], 0);
    for wrong in ["from=yesterday", "to=2026-13-01T00:00:00Z", "from=2026-02-01T00:00:00"] {
        live.get(&format!("/api/usage?{wrong}")).assert_problem(400);
    }
    live.get("/api/usage?from=2021-01-01T00:00:00Z&to=2020-01-01T00:00:00Z").assert_problem(400);
    live.get("/api/usage?tenant=nobody").assert_problem(404);
}

#[test]
fn a_ledger_that_is_damaged_or_taken_is_refused_in_one_line() {
    let data = Scratch::new();
    let _held = Live::start_in(data.path(), &[], &[]);
    let refused = |data: &Scratch| {
        let mut second = Process::start(
            Command::new(program())
                .args(["--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
                .arg(data.path()),
        );
        assert!(!second.wait(SOON).success());
        let errors = second.errors();
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        errors
    };
    assert!(refused(&data).contains("in use by another ledger"));

    let damaged = Scratch::new();
    let ledger = damaged.join("usage");
    std::fs::create_dir_all(&ledger).expect("a directory");
    let log = ledger.join("00000000000000000001.log");
    std::fs::write(&log, [7; 300]).expect("a log");
    let line = refused(&damaged);
    assert!(line.contains("segment 1, byte 0"), "{line}");
    assert_eq!(std::fs::read(&log).expect("the log").len(), 300, "left as it was");
}
