//! A hundred publishes and unpublishes leave nothing behind.

use std::time::Duration;

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, wait};

#[test]
fn a_hundred_publishes_leave_no_task_stream_or_memory() {
    let clip = Clip {
        name: "brief",
        seconds: 2,
        video: Some(Video {
            size: "640x360",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "2M",
        }),
        audio: Some(STEREO),
    };
    let file = clip.file();
    // One heap: with one a thread, what a thread freed is no other's to use, and what glibc
    // keeps looks like what the server keeps.
    let live = Live::start_with(
        &[("MALLOC_ARENA_MAX", "1")],
        &["--resume", "1", "--window", "4", "--segment", "1"],
    );
    let publish = |turn: usize| {
        // Names that come once, and one that comes again and again.
        let name = if turn.is_multiple_of(4) { "again".to_owned() } else { format!("once-{turn}") };
        let cut_off = turn.is_multiple_of(5);
        let pace: &[&str] = if cut_off { &["-re"] } else { &[] };
        let mut publisher =
            Process::start(&mut ffmpeg::publisher(pace, &file, &live.rtmp_url(&name)));
        if cut_off {
            // Gone without goodbye.
            live.wait_for_state(&name, "live", Duration::from_secs(30));
            drop(publisher);
        } else {
            assert!(publisher.wait(Duration::from_secs(30)).success(), "{}", publisher.errors());
        }
    };
    let all_gone = || {
        wait::until(Duration::from_mins(1), "the streams to be gone", || {
            (live.get("/api/streams").text() == "[]").then_some(())
        });
    };
    // The allocator and the runtime reach their working size first: four at once hold more
    // streams than a hundred in a row ever do, and a few in a row fall into the holes they left.
    std::thread::scope(|scope| {
        for lane in 0..4 {
            // Odd turns, for the name that comes again and again can be on air once only.
            scope.spawn(move || (0..8).for_each(|turn| publish(lane * 1000 + 2 * turn + 1)));
        }
    });
    for turn in 5001..=5060 {
        publish(turn);
    }
    all_gone();
    let (memory, threads, files) = (live.memory(), live.threads(), live.files());
    for turn in 1..=100 {
        publish(turn);
    }
    all_gone();
    println!(
        "memory {} -> {} KB, threads {threads} -> {}, files {files} -> {}",
        memory / 1024,
        live.memory() / 1024,
        live.threads(),
        live.files()
    );
    wait::until(Duration::from_secs(30), "files to be closed", || {
        (live.files() <= files).then_some(())
    });
    assert!(live.threads() <= threads, "{} threads for {threads}", live.threads());
    let grown = live.memory().saturating_sub(memory);
    // A hundred of these clips are 50 MB; 20 KB of each kept are found.
    assert!(grown < 2 << 20, "{} KB more than before", grown / 1024);
    let metrics = live.get("/metrics").text();
    for line in metrics.lines() {
        assert!(!line.contains("once-"), "still counted: {line}");
    }
}
