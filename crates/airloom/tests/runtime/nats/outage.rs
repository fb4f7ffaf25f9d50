//! NATS is gone, and comes back.

use std::time::Duration;

use airloom_chat::Refusal;

use super::nodes::{Client, node, say, try_to_say};
use super::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_and_nothing_is_lost_when_the_server_is_killed_and_comes_back() {
    let mut server = Server::start().await;
    let (one, other) = (node(server.address()).await, node(server.address()).await);
    let mut readers = [Client::of(&one), Client::of(&other)];
    for number in 0..10 {
        say(&one, "ann", &format!("before {number}")).await;
    }
    for reader in &mut readers {
        reader.until("all is well", |it| it.has("before 9")).await;
    }

    server.kill();
    for (reader, chat) in readers.iter_mut().zip([&one, &other]) {
        reader.until("the reader is told", |it| it.links.last() == Some(&false)).await;
        assert_eq!(reader.entries.len(), 10, "what is there stays");
        let refused = try_to_say(chat, "ann", "into the void").await;
        assert_eq!(refused, Err(Refusal::NoSequencer));
    }
    // Longer than a lease.
    tokio::time::sleep(Duration::from_secs(3)).await;

    server.restart().await;
    for reader in &mut readers {
        reader.until("the reader is told", |it| it.links.last() == Some(&true)).await;
    }
    for number in 0..10 {
        say(&other, "ben", &format!("after {number}")).await;
    }
    for reader in &mut readers {
        reader.until("it goes on", |it| it.has("after 9")).await;
        let before = (0..10).map(|number| format!("before {number}"));
        let after = (0..10).map(|number| format!("after {number}"));
        assert_eq!(reader.texts(), before.chain(after).collect::<Vec<_>>());
    }
    assert_eq!(readers[0].entries, readers[1].entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_passes_without_a_change_of_hands() {
    let mut server = Server::start().await;
    let (one, other) = (node(server.address()).await, node(server.address()).await);
    say(&one, "ann", "before").await;
    let mut reader = Client::of(&other);
    reader.until("all is well", |it| it.has("before")).await;
    let epoch = reader.epoch;
    server.kill();
    server.restart().await;
    for number in 0..10 {
        say(&one, "ann", &format!("after {number}")).await;
    }
    reader.until("it goes on", |it| it.has("after 9")).await;
    assert_eq!((reader.epoch, reader.resets, reader.entries.len()), (epoch, 0, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_rise_even_if_the_server_forgets_every_lease() {
    let mut server = Server::start().await;
    let (one, other) = (node(server.address()).await, node(server.address()).await);
    let mut readers = [Client::of(&one), Client::of(&other)];
    let first = say(&one, "ann", "before").await.cursor.epoch;
    for reader in &mut readers {
        reader.until("all is well", |it| it.has("before")).await;
    }
    server.kill();
    server.forget();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.restart().await;
    assert!(say(&other, "ann", "after").await.cursor.epoch > first);
    for reader in &mut readers {
        reader.until("it goes on", |it| it.has("after")).await;
        assert_eq!(reader.texts(), ["before", "after"]);
    }
}
