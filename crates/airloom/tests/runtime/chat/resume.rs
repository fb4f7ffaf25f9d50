//! Coming back, and coming while others write.

use super::client::{Reader, entries, say};
use super::server::{Server, room};
use airloom::chat::core::{Author, Input, Submission};
use serde_json::json;

/// mercure#178, centrifugo#446: whoever joins while others write misses nothing and gets nothing
/// twice, whatever place they come back with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_during_continuous_publishing() {
    const ENTRIES: u64 = 600;
    let server = Server::start(|config| config.room.display = None).await;
    let writer = {
        let chat = server.chat.clone();
        tokio::spawn(async move {
            for number in 1..=ENTRIES {
                let author = Author::new("ann".parse().unwrap());
                let message = Submission::message(author, number.to_string());
                chat.request(&room("busy"), Input::Submit(message)).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        })
    };
    let address = server.address;
    let readers: Vec<_> = (0..20_u64)
        .map(|number| {
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(number * 40)).await;
                let mut reader = Reader::open(address, "busy", None).await;
                let (mut next, mut drops) = (None, 0);
                loop {
                    let event = reader.next().await.unwrap();
                    assert_eq!(event.name, "batch", "{event:?}");
                    for entry in entries(&event) {
                        let offset = entry["offset"].as_u64().unwrap();
                        assert_eq!(offset, next.unwrap_or(offset), "none missing, none twice");
                        next = Some(offset + 1);
                    }
                    if next == Some(ENTRIES + 1) {
                        return drops;
                    }
                    // Every third batch the line is lost.
                    if drops < 5 && entries(&event).len().is_multiple_of(3) {
                        drops += 1;
                        reader = Reader::open(address, "busy", Some(&event.id)).await;
                    }
                }
            })
        })
        .collect();
    writer.await.unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
}

/// centrifugo#165, #510: of seven entries missed a history of five still has the last five.
#[tokio::test(flavor = "multi_thread")]
async fn history_of_5_miss_7_reconnect() {
    let server = Server::start(|config| config.room.history.entries = 5).await;
    let mut reader = Reader::open(server.address, "r", None).await;
    say(server.address, "r", "ann", "0").await;
    let (_, cursor) = reader.read_to("0").await;
    drop(reader);
    // Somebody else sees all of them, so they have been published when the first comes back.
    let mut witness = Reader::open(server.address, "r", None).await;
    for number in 1..=7 {
        say(server.address, "r", "ann", &number.to_string()).await;
    }
    witness.read_to("7").await;

    let mut back = Reader::open(server.address, "r", Some(&cursor)).await;
    let gap = back.next().await.unwrap();
    assert_eq!((gap.name.as_str(), &gap.data), ("gap", &json!({ "from": 2, "to": 3 })));
    assert_eq!(back.read_to("7").await.0, ["3", "4", "5", "6", "7"]);
}

/// centrifuge-go#160: a place that could be, of a life that is over, is a reset.
#[tokio::test(flavor = "multi_thread")]
async fn old_epoch_with_a_plausible_offset() {
    let server = Server::start(|_| {}).await;
    for number in 1..=3 {
        say(server.address, "r", "ann", &number.to_string()).await;
    }
    Reader::open(server.address, "r", None).await.read_to("3").await;
    for old in ["1:2", "not-a-cursor"] {
        let mut reader = Reader::open(server.address, "r", Some(old)).await;
        let reset = reader.next().await.unwrap();
        assert_eq!(reset.name, "reset", "{reset:?}");
        let (texts, cursor) = reader.read_to("3").await;
        assert_eq!(texts, ["1", "2", "3"]);
        let epoch = reset.data["epoch"].as_str().unwrap();
        assert_eq!(cursor, format!("{epoch}:3"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_resumes_too_and_the_header_goes_before_it() {
    let server = Server::start(|_| {}).await;
    let mut cursors = Vec::new();
    for text in ["1", "2", "3"] {
        let receipt = say(server.address, "r", "ann", text).await.json();
        cursors.push(receipt["cursor"].as_str().unwrap().to_owned());
    }
    let path = format!("/api/rooms/r/events?cursor={}", cursors[0]);
    let mut reader = Reader::with(server.address, &path, "").await;
    assert_eq!(reader.read_to("3").await.0, ["2", "3"]);
    let header = format!("last-event-id: {}\r\n", cursors[1]);
    let mut reader = Reader::with(server.address, &path, &header).await;
    assert_eq!(reader.read_to("3").await.0, ["3"]);
}
