//! Peers that do not do what they should.

use std::time::{Duration, Instant};

use airloom::chat::core::{Author, Input, Submission};
use tokio::io::AsyncWriteExt;

use super::client::{Reader, entries, say};
use super::delivery::wait;
use super::server::{Server, room};

/// Says so much that no socket buffer holds it.
async fn flood(server: &Server, rounds: usize) {
    for round in 0..rounds {
        for number in 0..100 {
            let author = Author::new("ann".parse().unwrap());
            let message = Submission::message(author, "x".repeat(400));
            let admitted = server.chat.request(&room("r"), Input::Submit(message)).await;
            admitted.unwrap_or_else(|refusal| panic!("{round}, {number}: {refusal}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// centrifuge#255, pushpin#48022: a reader that stops reading stays connected, costs one answer
/// at most, and is told the gap when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_reader_under_burst() {
    let server = Server::start(|config| {
        config.room.display = None;
        // What a brisk reader may fall behind on a busy machine: seconds; the stalled one misses more.
        config.room.history.entries = 5_000;
        config.room.history.bytes = 8 << 20;
        config.send_buffer = Some(16 << 10);
    })
    .await;
    let mut stalled = Reader::open(server.address, "r", None).await;
    let mut brisk = Reader::open(server.address, "r", None).await;
    say(server.address, "r", "ann", "first").await;
    let (_, before) = stalled.read_to("first").await;
    let listening = tokio::spawn(async move { brisk.read_to("last").await.0.len() });
    // Some 12 MB, of which the socket takes a few and the writer keeps one batch.
    flood(&server, 250).await;
    say(server.address, "r", "ann", "last").await;
    assert_eq!(listening.await.unwrap(), 25_002, "nobody else was held up");
    wait(|| server.chat.readers() == 1).await;

    let first: u64 = before.split_once(':').unwrap().1.parse().unwrap();
    let (mut next, mut gaps, mut done) = (first + 1, 0, false);
    while !done {
        let event = stalled.next().await.expect("still connected");
        match event.name.as_str() {
            "batch" => {
                for entry in entries(&event) {
                    assert_eq!(entry["offset"].as_u64(), Some(next), "none missing unsaid");
                    next += 1;
                    done |= entry["text"] == "last";
                }
            }
            "gap" => {
                assert_eq!(event.data["from"].as_u64(), Some(next), "{event:?}");
                next = event.data["to"].as_u64().unwrap() + 1;
                gaps += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(gaps > 0, "what was not kept is stated");
}

/// centrifugo#1031, mercure#758: a peer that takes nothing any more is let go within the stated
/// time, and nobody notices.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn black_holed_peer_is_reaped() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let server = Server::start(|config| {
        config.room.display = None;
        config.peer_timeout = TIMEOUT;
        config.heartbeat = Duration::from_secs(1);
        config.send_buffer = Some(16 << 10);
    })
    .await;
    let gone = Reader::open(server.address, "r", None).await;
    let mut brisk = Reader::open(server.address, "r", None).await;
    let listening = tokio::spawn(async move {
        let mut slowest = Duration::ZERO;
        let mut last = Instant::now();
        loop {
            let event = brisk.next().await.unwrap();
            slowest = slowest.max(last.elapsed());
            last = Instant::now();
            if entries(&event).iter().any(|entry| entry["text"] == "last") {
                return slowest;
            }
        }
    });
    flood(&server, 100).await;
    let start = Instant::now();
    wait(|| server.chat.readers() == 1).await;
    // Zero-window probes are doubled apart, so the kernel notices at the next one.
    assert!(start.elapsed() < 5 * TIMEOUT, "{:?}", start.elapsed());
    assert_eq!(server.metric("airloom_chat_reaped_total"), 1);
    say(server.address, "r", "ann", "last").await;
    let slowest = listening.await.unwrap();
    assert!(slowest < 6 * TIMEOUT, "{slowest:?}");
    drop(gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_room_is_not_a_silent_one() {
    let server = Server::start(|config| {
        config.heartbeat = Duration::from_millis(200);
        config.room.presence = None;
    })
    .await;
    let mut reader = Reader::open(server.address, "r", None).await;
    let chat = server.chat.clone();
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let author = Author::new("ann".parse().unwrap());
        chat.request(&room("r"), Input::Submit(Submission::message(author, "late"))).await.unwrap();
    });
    reader.read_to("late").await;
    assert!((2..=6).contains(&reader.beats), "{}", reader.beats);
    late.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_talks_on_is_passed_over_or_let_go() {
    let server = Server::start(|_| {}).await;
    let mut chatty = Reader::open(server.address, "r", None).await;
    chatty.socket.write_all(b"\r\n").await.unwrap();
    say(server.address, "r", "ann", "hello").await;
    chatty.read_to("hello").await;
    let mut flooding = Reader::open(server.address, "r", None).await;
    let _ = flooding.socket.write_all(&vec![b'x'; 4 << 20]).await;
    wait(|| server.chat.readers() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_lets_everybody_go() {
    let server = Server::start(|_| {}).await;
    let mut reader = Reader::open(server.address, "r", None).await;
    server.chat.close();
    while reader.any().await.is_some() {}
    assert_eq!(say(server.address, "r", "ann", "hello").await.status, 503);
}
