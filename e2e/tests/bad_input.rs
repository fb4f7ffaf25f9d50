//! What bad input gets: its connection closed, and nobody else disturbed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use airloom_e2e::clip::{Clip, STEREO, Video};
use airloom_e2e::hls::{self, Playlist};
use airloom_e2e::packets::{Form, Media};
use airloom_e2e::server::Live;
use airloom_e2e::{ffmpeg, http, wait};

const SOON: Duration = Duration::from_mins(2);

/// Bytes without a pattern, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A connection with the simple handshake behind it.
fn shaken(address: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(SOON)).expect("a timeout");
    let mut hello = vec![3];
    hello.extend([0; 8]);
    hello.extend(noise(1528));
    socket.write_all(&hello).expect("C0 and C1");
    let mut answer = vec![0; 1 + 1536 + 1536];
    socket.read_exact(&mut answer).expect("S0, S1 and S2");
    socket.write_all(&answer[1..1537]).expect("C2");
    socket
}

/// Waits until the other side has closed; how is its own affair.
fn assert_closed(mut socket: TcpStream, limit: Duration, what: &str) {
    socket.set_read_timeout(Some(limit)).expect("a timeout");
    let start = Instant::now();
    let mut bytes = [0; 4096];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => assert!(start.elapsed() < limit, "{what} is still answered"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("{what} is still open after {limit:?}")
            }
            Err(_) => return,
        }
    }
}

#[test]
fn malformed_rtmp_closes_its_connection_and_no_other() {
    let live = Live::start(&["--resume", "1"]);
    let file = Clip::SMALL.file();
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("innocent"));
    let url = live.url("/live/innocent/index.m3u8");
    hls::wait_for_segments(&url, SOON);
    let viewer = ffmpeg::pull(&url, Form::Exact);

    let plain = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(live.rtmp()).expect("a connection");
        // A server that has seen enough may close before everything is written.
        let _ = socket.write_all(bytes);
        socket
    };
    let after_handshake = |bytes: &[u8]| {
        let mut socket = shaken(live.rtmp());
        let _ = socket.write_all(bytes);
        socket
    };
    // AMF0 objects in objects, deeper than any program means it.
    let mut nested = vec![3, 0, 0, 0, 0, 0x40, 0, 20, 0, 0, 0, 0, 2, 0, 7];
    nested.extend(b"connect");
    for level in 0..4000 {
        if level % 32 == 0 {
            nested.push(0xc3);
        }
        nested.extend([3, 0, 1, b'a']);
    }
    for (what, socket) in [
        ("noise", plain(&[&[9][..], &noise(65_536)].concat())),
        ("a request for a page", plain(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")),
        ("a TLS hello", plain(&[&[0x16, 3, 1, 2, 0, 1][..], &noise(2048)].concat())),
        ("noise after a handshake", after_handshake(&noise(65_536))),
        (
            "a chunk size of zero",
            after_handshake(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
        ("a continued message that never began", after_handshake(&[0xc4; 64])),
        ("nested AMF", after_handshake(&nested)),
    ] {
        assert_closed(socket, Duration::from_secs(30), what);
    }

    assert_eq!(live.get("/healthz").status, 200);
    assert!(publisher.wait(Duration::from_secs(30)).success(), "{}", publisher.errors());
    let media = Media::parse(&viewer.succeed(Duration::from_secs(30)));
    media.assert_same(&Clip::SMALL.media(Form::Exact));
    assert!(!live.process().errors().contains("panicked"), "{}", live.process().errors());
}

#[test]
fn announced_lengths_cost_no_memory() {
    // rtmp-rs reserved 5 GB for 43 KB of this.
    let live = Live::start(&[]);
    let before = live.memory();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = shaken(live.rtmp());
        let mut bytes = Vec::new();
        // A chunk size of 2^31 - 1, then as many messages of 16 MB begun as the form allows.
        bytes.extend([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
        for stream in 64..4000_u16 {
            let id = (stream - 64).to_le_bytes();
            bytes.extend([1, id[0], id[1], 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0, 0xaa]);
        }
        let _ = socket.write_all(&bytes);
        sockets.push(socket);
    }
    // Answered after what came before it: the server has had its chance to grow.
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish(&file, &live.rtmp_url("after"));
    live.wait_for_state("after", "live", SOON);
    let grown = live.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MB for 8 x 59 KB", grown >> 20);
}

#[test]
fn a_stalled_handshake_is_dropped() {
    let live = Live::start(&[]);
    let sockets = live.sockets();
    let silent = TcpStream::connect(live.rtmp()).expect("a connection");
    let mut half = TcpStream::connect(live.rtmp()).expect("a connection");
    half.write_all(&[&[3][..], &noise(700)].concat()).expect("half of C1");
    let limit = Duration::from_secs(30);
    assert_closed(silent, limit, "a connection that says nothing");
    assert_closed(half, limit, "half a handshake");
    wait::until(SOON, "the sockets to be given back", || (live.sockets() <= sockets).then_some(()));
}

#[test]
fn a_handshake_that_stops_before_connect_is_dropped() {
    let live = Live::start(&[]);
    assert_closed(shaken(live.rtmp()), Duration::from_mins(1), "a handshake and nothing more");
}

#[test]
fn a_segment_that_left_the_window_is_gone_and_a_far_future_one_is_refused_at_once() {
    let live = Live::start(&["--window", "4", "--segment", "1"]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("window"));
    let media = hls::wait_for_segments(&live.url("/live/window/index.m3u8"), SOON);
    let ts = live.url("/live/window/ts.m3u8");
    hls::wait_for_segments(&ts, SOON);
    let playlists: Vec<&String> = media.iter().chain([&ts]).collect();

    for url in &playlists {
        let far = Playlist::fetch(url).next_sequence() + 1000;
        for query in [format!("_HLS_msn={far}"), format!("_HLS_msn={far}&_HLS_part=0")] {
            let start = Instant::now();
            http::get(&format!("{url}?{query}")).assert_problem(400);
            assert!(start.elapsed() < Duration::from_secs(1), "{query}: {:?}", start.elapsed());
        }
    }
    for url in &playlists {
        for query in ["_HLS_msn=x", "_HLS_part=1", "_HLS_msn=-1", "_HLS_msn=99999999999999999999"] {
            http::get(&format!("{url}?{query}")).assert_problem(400);
        }
    }

    let first: Vec<String> = playlists
        .iter()
        .map(|url| Playlist::fetch(url).segments.first().expect("a segment").clone())
        .collect();
    for url in first {
        let answer = wait::until(Duration::from_secs(40), "a segment to leave the window", || {
            Some(http::get(&url)).filter(|answer| answer.status != 200)
        });
        answer.assert_problem(404);
    }
}

#[test]
fn a_viewer_that_does_not_read_costs_nobody_else_anything() {
    // SRS grew from 19 to 43 MB with ten of them.
    let clip = Clip {
        name: "heavy",
        seconds: 12,
        video: Some(Video {
            size: "1280x720",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "6M",
        }),
        audio: Some(STEREO),
    };
    let file = clip.file();
    let live = Live::start(&["--resume", "1", "--window", "30"]);
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("heavy"));
    let index = live.url("/live/heavy/index.m3u8");
    let media = hls::wait_for_segments(&index, SOON);
    let viewer = ffmpeg::pull(&index, Form::Exact);

    let before = live.memory();
    let segments: Vec<String> =
        media.iter().flat_map(|url| Playlist::fetch(url).segments.into_iter().take(1)).collect();
    let stalled: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut socket = TcpStream::connect(live.http()).expect("a connection");
            for _ in 0..40 {
                for url in &segments {
                    let (host, path) = http::split(url);
                    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
                    socket.write_all(request.as_bytes()).expect("a request");
                }
            }
            socket
        })
        .collect();
    // While they hang, the next publish and the next answer take no longer.
    let start = Instant::now();
    assert_eq!(live.get("/healthz").status, 200);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());

    assert!(publisher.wait(Duration::from_secs(40)).success(), "{}", publisher.errors());
    let media = Media::parse(&viewer.succeed(Duration::from_secs(30)));
    media.assert_same(&clip.media(Form::Exact));
    // What the stream itself takes is its window: 12 s of 6 Mbit/s, and as much again in TS.
    let grown = live.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "{} MB with 20 stalled viewers", grown >> 20);
    drop(stalled);
}

#[test]
fn a_viewer_that_does_not_read_is_cut_off() {
    let clip = Clip {
        name: "heavy",
        seconds: 12,
        video: Some(Video {
            size: "1280x720",
            rate: 30,
            b_frames: 2,
            key_frames: 1,
            bit_rate: "6M",
        }),
        audio: Some(STEREO),
    };
    let live = Live::start(&["--window", "4", "--segment", "1"]);
    let _publisher = ffmpeg::publish_for_ever(&clip.file(), &live.rtmp_url("cut"));
    let media = hls::wait_for_segments(&live.url("/live/cut/index.m3u8"), SOON);
    let urls: Vec<String> =
        media.iter().map(|url| Playlist::fetch(url).segments[0].clone()).collect();
    // The requests so far are over; the server may still be closing their sockets.
    let sockets = wait::until(SOON, "earlier connections to be closed", || {
        let sockets = live.sockets();
        std::thread::sleep(Duration::from_millis(500));
        (live.sockets() == sockets).then_some(sockets)
    });
    let mut socket = TcpStream::connect(live.http()).expect("a connection");
    for _ in 0..40 {
        for url in &urls {
            let (host, path) = http::split(url);
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            socket.write_all(request.as_bytes()).expect("a request");
        }
    }
    wait::until(SOON, "the connection to be accepted", || (live.sockets() > sockets).then_some(()));
    wait::until(Duration::from_mins(1), "the connection to be cut off", || {
        (live.sockets() <= sockets).then_some(())
    });
    drop(socket);
}
