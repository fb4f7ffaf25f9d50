//! Viewers that ask over one connection each, as players do.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::hls::Playlist;
use crate::http;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection of a viewer, kept.
#[derive(Debug)]
pub struct Viewer {
    host: String,
    socket: BufReader<TcpStream>,
}

/// A part as a viewer got it.
#[derive(Clone, Debug)]
pub struct Got {
    /// Its address.
    pub url: String,
    /// Its bytes, as a hash.
    pub hash: u64,
    /// When all of it was there.
    pub at: Instant,
}

impl Viewer {
    /// Connects to `HOST:PORT`.
    pub fn connect(host: &str) -> Self {
        let socket = TcpStream::connect(host).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
        Self { host: host.to_owned(), socket: BufReader::with_capacity(2048, socket) }
    }

    /// Asks, and leaves the answer for later.
    pub fn ask(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.socket.get_mut().write_all(request.as_bytes()).expect("a request that is sent");
    }

    /// Status and body of the answer to what was asked first.
    pub fn answer(&mut self) -> (u16, Vec<u8>) {
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

    /// Asks for something that must be there.
    pub fn get(&mut self, path: &str) -> Vec<u8> {
        self.ask(path);
        let (status, body) = self.answer();
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        body
    }

    /// Asks for what comes after `list`.
    pub fn ask_next(&mut self, path: &str, list: &Playlist) {
        let (sequence, part) = next(list);
        self.ask(&format!("{path}?_HLS_msn={sequence}&_HLS_part={part}&_HLS_skip=YES"));
    }
}

/// Media sequence number and part that come after a whole playlist.
pub fn next(list: &Playlist) -> (u64, usize) {
    let after = list.text.rsplit_once("#EXTINF").map_or(list.text.as_str(), |(_, rest)| rest);
    (list.next_sequence(), after.matches("#EXT-X-PART:").count())
}

/// Follows the playlist at a path of `HOST:PORT` for so long, and gets each part that comes.
pub fn follow(host: &str, path: &str, time: Duration) -> Vec<Got> {
    let (playlist_url, end) = (format!("http://{host}{path}"), Instant::now() + time);
    let mut viewer = Viewer::connect(host);
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
            parts.push(Got { url: part.url.clone(), hash: hash(&body), at: Instant::now() });
        }
    }
    parts
}

/// Fails unless these parts came one after the other, none left out.
pub fn assert_in_order(parts: &[Got]) {
    let numbers: Vec<(u64, u64)> = parts.iter().map(|part| place(&part.url)).collect();
    for pair in numbers.windows(2) {
        let follows = pair[1] == (pair[0].0, pair[0].1 + 1) || pair[1] == (pair[0].0 + 1, 0);
        assert!(follows, "{:?} came after {:?}", pair[1], pair[0]);
    }
}

/// Segment and part of `…/1-SEGMENT.PART.m4s`.
fn place(url: &str) -> (u64, u64) {
    let name = url.rsplit('/').next().and_then(|name| name.strip_suffix(".m4s")).expect("a part");
    let (segment, part) = name.split_once('-').expect("a track").1.split_once('.').expect("a part");
    (segment.parse().expect("a number"), part.parse().expect("a number"))
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
