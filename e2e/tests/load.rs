//! Viewers by the hundred, and those that block and go away.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::hls::{self, Playlist};
use airloom_e2e::process::Process;
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, http, wait};

const SOON: Duration = Duration::from_secs(30);

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

/// One connection of a viewer, kept.
struct Viewer {
    host: String,
    socket: BufReader<TcpStream>,
}

impl Viewer {
    fn connect(live: &Live) -> Self {
        let host = live.http().to_owned();
        let socket = TcpStream::connect(&host).expect("a connection");
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
        Self { host, socket: BufReader::with_capacity(2048, socket) }
    }

    fn ask(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.socket.get_mut().write_all(request.as_bytes()).expect("a request that is sent");
    }

    fn answer(&mut self) -> (u16, Vec<u8>) {
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.socket.read_line(&mut line).expect("an answer");
            let text = line.trim_end().to_ascii_lowercase();
            if let Some(code) = text.strip_prefix("http/1.1 ") {
                status = code[..3].parse().expect("a status");
            } else if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            } else if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).expect("a body");
        (status, body)
    }

    fn get(&mut self, path: &str) -> Vec<u8> {
        self.ask(path);
        let (status, body) = self.answer();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        body
    }

    /// Asks for what comes after `list`, and says what it was asked for.
    fn ask_next(&mut self, path: &str, list: &Playlist) {
        let (sequence, part) = next(list);
        self.ask(&format!("{path}?_HLS_msn={sequence}&_HLS_part={part}&_HLS_skip=YES"));
    }
}

/// Media sequence number and part that come after a whole playlist.
fn next(list: &Playlist) -> (u64, usize) {
    let after = list.text.rsplit_once("#EXTINF").map_or(list.text.as_str(), |(_, rest)| rest);
    (list.next_sequence(), after.matches("#EXT-X-PART:").count())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Follows for so long; hands back each part's name, bytes as a hash, and how long it waited.
fn follow(live: &Live, path: &str, time: Duration) -> Vec<(String, u64)> {
    let (playlist_url, end) = (live.url(path), Instant::now() + time);
    let mut viewer = Viewer::connect(live);
    let read = |body: Vec<u8>| Playlist::parse(&playlist_url, &String::from_utf8_lossy(&body));
    let mut list = read(viewer.get(path));
    let mut parts = Vec::new();
    while Instant::now() < end {
        let known = list.parts.iter().map(|part| part.url.clone()).collect::<Vec<_>>();
        let (sequence, part) = next(&list);
        list = read(viewer.get(&format!("{path}?_HLS_msn={sequence}&_HLS_part={part}")));
        assert!(next(&list) > (sequence, part), "answered before there was more");
        for part in list.parts.iter().filter(|part| !known.contains(&part.url)) {
            let body = viewer.get(http::split(&part.url).1);
            assert!(matches!(&body[4..8], b"moof" | b"styp"), "{}", part.url);
            parts.push((part.url.clone(), hash(&body)));
        }
    }
    parts
}

#[test]
fn two_hundred_viewers_get_every_part() {
    const VIEWERS: usize = 200;
    let _alone = alone();
    let (live, _publisher, path) = stream("1");
    let followed: Vec<_> = thread::scope(|scope| {
        let viewer = || scope.spawn(|| follow(&live, &path, Duration::from_secs(12)));
        let viewers: Vec<_> = (0..VIEWERS).map(|_| viewer()).collect();
        viewers.into_iter().map(|viewer| viewer.join().expect("a viewer")).collect()
    });
    let mut parts: HashMap<&str, u64> = HashMap::new();
    for viewer in &followed {
        // Twelve seconds are sixty parts; who is slow in the end has some less.
        assert!(viewer.len() >= 50, "a viewer got {} parts only", viewer.len());
        let numbers: Vec<(u64, u64)> = viewer.iter().map(|(url, _)| place(url)).collect();
        for pair in numbers.windows(2) {
            let follows = pair[1] == (pair[0].0, pair[0].1 + 1) || pair[1] == (pair[0].0 + 1, 0);
            assert!(follows, "{:?} came after {:?}", pair[1], pair[0]);
        }
        for (url, bytes) in viewer {
            assert_eq!(*parts.entry(url).or_insert(*bytes), *bytes, "{url} differs");
        }
    }
    assert_eq!(live.stream("load").expect("the stream")["state"], "live");
    println!("{VIEWERS} viewers, {} parts, none lost", parts.len());
}

/// Segment and part of `…/1-SEGMENT.PART.m4s`.
fn place(url: &str) -> (u64, u64) {
    let name = url.rsplit('/').next().and_then(|name| name.strip_suffix(".m4s")).expect("a part");
    let (segment, part) = name.split_once('-').expect("a track").1.split_once('.').expect("a part");
    (segment.parse().expect("a number"), part.parse().expect("a number"))
}

#[test]
fn a_thousand_abandoned_requests_leave_nothing_behind() {
    let _alone = alone();
    let (live, _publisher, path) = stream("1");
    let url = live.url(&path);
    follow(&live, &path, Duration::from_secs(3));
    let (files, memory) = (live.files(), live.memory());
    for _ in 0..1000 {
        let mut viewer = Viewer::connect(&live);
        let list = Playlist::parse(&url, &String::from_utf8_lossy(&viewer.get(&path)));
        let (sequence, _) = next(&list);
        viewer.ask(&format!("{path}?_HLS_msn={}", sequence + 1));
    }
    wait::until(SOON, "sockets to be closed", || (live.files() <= files + 8).then_some(()));
    let grown = live.memory().saturating_sub(memory);
    println!("1000 abandoned requests: {grown} bytes more");
    // The window itself still fills: some 100 KB a second.
    assert!(grown < 16 << 20, "{grown} bytes more");
    assert!(follow(&live, &path, Duration::from_secs(2)).len() > 5);
}

#[test]
fn ten_thousand_blocked_clients_cost_little() {
    const CLIENTS: usize = 10_000;
    let _alone = alone();
    // A request may be held for three segments: long enough to make ten thousand of them.
    let (live, publisher, path) = stream("8");
    let url = live.url(&path);
    let mut viewers: Vec<Viewer> = (0..CLIENTS).map(|_| Viewer::connect(&live)).collect();
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
