//! Batches that are compressed once for everybody.

use std::time::Duration;

use airloom::chat::core::{Author, Input, Submission};
use flate2::{Decompress, FlushDecompress};
use tokio::io::AsyncReadExt;

use super::client::{PATIENCE, Reader};
use super::server::{Server, room};

const WORDS: &str = "what everybody says at the same moment";

/// Reads a gzip body until `last` has come: the text, and how many bytes it was.
async fn inflate(mut reader: Reader, last: &str) -> (String, usize) {
    let mut inflater = Decompress::new(false);
    let mut text = Vec::new();
    let mut raw = reader.rest();
    let mut taken = 0;
    loop {
        // Behind the header of ten bytes come pieces of deflate.
        while raw.len() > taken.max(10) {
            taken = taken.max(10);
            text.reserve(64 << 10);
            let before = inflater.total_in();
            inflater.decompress_vec(&raw[taken..], &mut text, FlushDecompress::Sync).unwrap();
            taken += (inflater.total_in() - before) as usize;
        }
        let told = String::from_utf8_lossy(&text);
        if told.contains(last) {
            assert_eq!(raw[..2], [0x1f, 0x8b]);
            return (told.into_owned(), raw.len());
        }
        let read = reader.socket.read_buf(&mut raw);
        let read = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(read > 0, "ended before {last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_takes_gzip_reads_the_same_in_fewer_bytes() {
    let server = Server::start(|config| {
        config.room.display = None;
        config.room.presence = None;
        config.heartbeat = Duration::from_millis(300);
    })
    .await;
    let say = async |text: String| {
        let message = Submission::message(Author::new("ann".parse().unwrap()), text);
        server.chat.request(&room("r"), Input::Submit(message)).await.unwrap();
    };
    say("before".to_owned()).await;
    let mut plain = Reader::open(server.address, "r", None).await;
    plain.read_to("before").await;
    let path = "/api/rooms/r/events";
    let mut squeezed = Vec::new();
    for coding in ["gzip, deflate, br", "br;q=1.0, GZIP;q=0.5"] {
        let header = format!("accept-encoding: {coding}\r\n");
        let reader = Reader::with(server.address, path, &header).await;
        assert!(reader.head.contains("content-encoding: gzip"), "{}", reader.head);
        squeezed.push(tokio::spawn(inflate(reader, "the last")));
    }
    let refused = Reader::with(server.address, path, "accept-encoding: gzip;q=0\r\n").await;
    assert!(!refused.head.contains("content-encoding"), "{}", refused.head);

    for number in 0..60 {
        say(format!("{WORDS}, {number}")).await;
        // In the middle a silence, in which heartbeats come between two batches.
        let pause = if number == 30 { 1500 } else { 40 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    say("the last".to_owned()).await;
    let (texts, _) = plain.read_to("the last").await;
    for squeezed in squeezed {
        let (told, size) = squeezed.await.unwrap();
        let mut from = 0;
        for text in &texts {
            let at = told[from..].find(&format!("\"text\":\"{text}\"")).expect(text);
            from += at;
        }
        assert!(told.contains("\n:\n\n") || told.contains("\n\n:\n\n"), "a heartbeat");
        assert!(size * 2 < told.len(), "{size} bytes for {}", told.len());
    }
}
