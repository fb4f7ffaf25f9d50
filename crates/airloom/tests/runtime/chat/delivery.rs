//! Many who write, many who read.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use airloom::chat::core::{Author, Input, Roles, Submission};
use serde_json::json;

use super::client::{PATIENCE, Reader, entries, say};
use super::server::{Server, room};

fn author(name: &str) -> Author {
    Author::new(name.parse().unwrap())
}

/// centrifugo#806: of 2,000 messages a second a reader gets at most ten events a second, and all
/// that moderators say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_a_second_in_and_ten_a_second_out() {
    const SECONDS: u64 = 3;
    let server = Server::start(|_| {}).await;
    let mut reader = Reader::open(server.address, "r", None).await;
    let chat = server.chat.clone();
    let writer = tokio::spawn(async move {
        let room = room("r");
        let mut said = 0;
        let mut slices = tokio::time::interval(Duration::from_millis(10));
        for slice in 0..SECONDS * 100 {
            slices.tick().await;
            for number in 0..20 {
                let writer = author(&format!("writer-{number}"));
                let message = Submission::message(writer, "some words");
                chat.request(&room, Input::Submit(message)).await.unwrap();
            }
            if slice % 10 == 0 {
                let staff = author("mod").with_roles(Roles::MODERATOR);
                let message = Submission::message(staff, format!("priority {said}"));
                chat.request(&room, Input::Submit(message)).await.unwrap();
                said += 1;
            }
        }
        said
    });
    let (mut priority, mut last, mut arrivals) = (0, 0, Vec::new());
    let mut excused = BTreeSet::new();
    while priority < SECONDS * 10 {
        let event = reader.any().await.unwrap();
        arrivals.push(Instant::now());
        let number = |name: &str| event.data[name].as_u64().unwrap();
        match event.name.as_str() {
            "batch" => {
                for entry in entries(&event) {
                    let offset = entry["offset"].as_u64().unwrap();
                    assert!(offset > last, "in order, none twice");
                    for missing in last + 1..offset {
                        assert!(excused.remove(&missing), "{missing} is missing unsaid");
                    }
                    last = offset;
                    if let Some(text) = entry["text"].as_str().unwrap().strip_prefix("priority ") {
                        assert_eq!(
                            text,
                            priority.to_string(),
                            "none of the priority lanes is lost"
                        );
                        priority += 1;
                    }
                }
            }
            "gap" => excused.extend(number("from")..=number("to")),
            _ => {}
        }
    }
    assert_eq!(writer.await.unwrap(), priority);
    // By the clock of the reader, so a little slack for what was held up on its way.
    for window in arrivals.windows(13) {
        let took = window[12].duration_since(window[0]);
        assert!(took > Duration::from_millis(900), "13 events in {took:?}");
    }
}

/// Whoever comes hears how many are here, even where they are the first and nothing else happens.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_is_told_how_many_are_here() {
    let server = Server::start(|_| {}).await;
    for number in 1..=20 {
        let mut reader = Reader::open(server.address, &format!("r{number}"), None).await;
        let event = reader.any().await.unwrap();
        assert_eq!((event.name.as_str(), &event.data["readers"]), ("presence", &json!(1)));
    }
}

/// 15,000 readers for an hour (redis#1880, nchan#181), scaled to a suite: what readers cost once is
/// all they cost, and when they have gone nothing of them is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_come_and_go_without_a_trace() {
    const READERS: usize = 300;
    let server = Server::start(|config| config.room.presence = None).await;
    for round in 0..3 {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            readers.push(Reader::open(server.address, "r", None).await);
        }
        assert_eq!(server.chat.readers(), READERS as u64, "round {round}");
        let text = format!("round {round}");
        say(server.address, "r", "ann", &text).await;
        for reader in &mut readers {
            reader.read_to(&text).await;
        }
        drop(readers);
        wait(|| server.chat.readers() == 0).await;
    }
    assert!(server.metric("airloom_chat_deliveries_total") >= 3 * READERS as u64);
}

/// Rooms fall into shards, and nobody can tell: every one is read, all are counted, and there are no
/// more than may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_of_all_shards_are_the_rooms_of_one_chat() {
    const ROOMS: usize = 64;
    let server = Server::start(|config| {
        config.rooms = 4096;
        config.shards = NonZeroUsize::new(8).unwrap();
    })
    .await;
    let mut readers = Vec::new();
    for number in 0..ROOMS {
        let name = format!("r{number}");
        readers.push(Reader::open(server.address, &name, None).await);
        say(server.address, &name, "ann", &name).await;
    }
    for (number, reader) in readers.iter_mut().enumerate() {
        let name = format!("r{number}");
        assert_eq!(reader.read_to(&name).await.0, [name]);
    }
    wait(|| server.metric("airloom_chat_rooms") == ROOMS as u64).await;

    // A shard of less than its least share is none.
    let small = Server::start(|config| {
        config.rooms = 2;
        config.shards = NonZeroUsize::new(8).unwrap();
    })
    .await;
    let statuses = ["a", "b", "c"].map(|name| say(small.address, name, "ann", "hello"));
    let mut answered = Vec::new();
    for status in statuses {
        answered.push(status.await.status);
    }
    assert_eq!(answered, [202, 202, 503]);
}

pub(super) async fn wait(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it takes too long");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
