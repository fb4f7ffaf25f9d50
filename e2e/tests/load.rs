//! Viewers by the hundred, and those that block and go away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::hls::Playlist;
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::viewer::{Viewer, assert_in_order, follow, next};
use airloom_e2e::{ffmpeg, hls, wait};

const SOON: Duration = Duration::from_mins(2);

/// One at a time: each wants the machine.
fn alone() -> MutexGuard<'static, ()> {
    static LOAD: Mutex<()> = Mutex::new(());
    LOAD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream on air, and the playlist of its pictures.
fn stream(segment: &str) -> (Live, Process, String) {
    let file = Clip::SMALL.file();
    let live = Live::start(&["--segment", segment, "--part", "200"]);
    let publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("load"));
    hls::wait_for_segments(&live.url("/live/load/index.m3u8"), SOON);
    (live, publisher, "/live/load/1.m3u8".to_owned())
}

#[test]
fn two_hundred_viewers_get_every_part() {
    const VIEWERS: usize = 200;
    let _alone = alone();
    let (live, _publisher, path) = stream("1");
    let followed: Vec<_> = thread::scope(|scope| {
        let viewer = || scope.spawn(|| follow(live.http(), &path, Duration::from_secs(12)));
        let viewers: Vec<_> = (0..VIEWERS).map(|_| viewer()).collect();
        viewers.into_iter().map(|viewer| viewer.join().expect("a viewer")).collect()
    });
    let mut parts: HashMap<&str, u64> = HashMap::new();
    for viewer in &followed {
        // Twelve seconds are sixty parts and more; who is slow in the end has some less.
        assert!(viewer.len() >= 50, "a viewer got {} parts only", viewer.len());
        assert_in_order(viewer);
        for part in viewer {
            let first = *parts.entry(&part.url).or_insert(part.hash);
            assert_eq!(first, part.hash, "{} differs", part.url);
        }
    }
    assert_eq!(live.stream("load").expect("the stream")["state"], "live");
    println!("{VIEWERS} viewers, {} parts, none lost", parts.len());
}

#[test]
fn a_thousand_abandoned_requests_leave_nothing_behind() {
    let _alone = alone();
    let (live, _publisher, path) = stream("1");
    let url = live.url(&path);
    follow(live.http(), &path, Duration::from_secs(3));
    let (files, memory) = (live.files(), live.memory());
    for _ in 0..1000 {
        let mut viewer = Viewer::connect(live.http());
        let list = Playlist::parse(&url, &String::from_utf8_lossy(&viewer.get(&path)));
        let (sequence, _) = next(&list);
        viewer.ask(&format!("{path}?_HLS_msn={}", sequence + 1));
    }
    wait::until(SOON, "sockets to be closed", || (live.files() <= files + 8).then_some(()));
    let grown = live.memory().saturating_sub(memory);
    println!("1000 abandoned requests: {grown} bytes more");
    // The window itself still fills: some 100 KB a second.
    assert!(grown < 16 << 20, "{grown} bytes more");
    assert!(follow(live.http(), &path, Duration::from_secs(2)).len() > 5);
}

/// ossrs/srs#4364 (measured: from 19 to 43 MB with ten stalled players), tunarr#2082: whoever asks and
/// does not read neither holds up the others nor grows the server, and is cut off.
#[test]
fn readers_that_take_nothing_cost_nobody_anything() {
    const READERS: usize = 50;
    let _alone = alone();
    let (live, _publisher, path) = stream("1");
    let list = Playlist::parse(
        &live.url(&path),
        &String::from_utf8_lossy(&Viewer::connect(live.http()).get(&path)),
    );
    let segment = list.text.lines().rfind(|line| !line.starts_with('#')).expect("a segment");
    let segment = format!("/live/load/{segment}");
    let before = live.sockets();
    let mut stalled: Vec<Viewer> = (0..READERS).map(|_| Viewer::connect(live.http())).collect();
    let memory = live.memory();
    for reader in &mut stalled {
        // More than the sockets of both sides hold.
        (0..500).for_each(|_| reader.ask(&segment));
    }
    let parts = follow(live.http(), &path, Duration::from_secs(12));
    assert_in_order(&parts);
    assert!(parts.len() >= 50, "beside them a viewer got {} parts only", parts.len());
    let grown = live.memory().saturating_sub(memory);
    println!("{READERS} readers that take nothing: {grown} bytes more");
    // The window itself still fills: some 100 KB a second.
    assert!(grown < 16 << 20, "{grown} bytes more");
    wait::until(SOON, "them to be cut off", || (live.sockets() <= before + 4).then_some(()));
    drop(stalled);
}

#[test]
fn ten_thousand_blocked_clients_cost_little() {
    const CLIENTS: usize = 10_000;
    let _alone = alone();
    // A request may be held for three segments: long enough to make ten thousand of them.
    let (live, publisher, path) = stream("8");
    let url = live.url(&path);
    let mut viewers: Vec<Viewer> = (0..CLIENTS).map(|_| Viewer::connect(live.http())).collect();
    // Nothing more comes for as long as the encoder is held, so that all of them are waiting.
    publisher.signal("STOP");
    thread::sleep(Duration::from_millis(500));
    let list = Playlist::parse(&url, &String::from_utf8_lossy(&viewers[0].get(&path)));
    let before = live.memory();
    for viewer in &mut viewers {
        viewer.ask_next(&path, &list);
    }
    thread::sleep(Duration::from_secs(1));
    let each = live.memory().saturating_sub(before) / CLIENTS as u64;
    publisher.signal("CONT");
    let (status, _) = viewers[0].answer();
    let first = Instant::now();
    assert_eq!(status, 200);
    for viewer in &mut viewers[1..] {
        assert_eq!(viewer.answer().0, 200);
    }
    let spread = first.elapsed();
    println!(
        "{CLIENTS} blocked clients: {each} bytes each, all answered and read within {spread:?}"
    );
    assert!(each < 4 << 10, "{each} bytes each");
    assert!(spread < Duration::from_secs(5), "the last was answered {spread:?} after the first");
}
