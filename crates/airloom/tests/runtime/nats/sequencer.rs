//! The node that orders the entries is gone, or believes it is not.

use std::time::Duration;

use airloom_chat::Refusal;
use tokio::time::{Instant, sleep};

use super::nodes::{Client, node, say, try_to_say};
use super::server::{Server, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn another_takes_over_at_once_from_one_that_leaves_in_good_order() {
    let server = Server::start().await;
    let one = node(server.address()).await;
    say(&one, "ann", "before").await;
    let other = node(server.address()).await;
    let mut reader = Client::of(&other);
    reader.until("the other follows", |it| it.has("before")).await;
    let epoch = reader.epoch;
    drop(one);
    say(&other, "ann", "after").await;
    reader.until("it goes on", |it| it.has("after")).await;
    assert_eq!(reader.texts(), ["before", "after"]);
    assert!(reader.epoch > epoch && reader.resets == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequencer_that_is_cut_off_cannot_write_and_comes_back_as_a_follower() {
    let server = Server::start().await;
    let wire = Wire::to(server.address()).await;
    let cut_off = node(wire.address()).await;
    say(&cut_off, "ann", "before").await;
    let other = node(server.address()).await;
    let mut readers = [Client::of(&cut_off), Client::of(&other)];
    for reader in &mut readers {
        reader.until("all is well", |it| it.has("before")).await;
    }
    let first = readers[0].epoch;

    wire.cut(true);
    let start = Instant::now();
    // For the rest of its lease it may order what nobody else will ever see; then it knows better.
    let mut lost = 0;
    loop {
        match try_to_say(&cut_off, "ann", &format!("lost {lost}")).await {
            Ok(_) => lost += 1,
            Err(refusal) => {
                assert_eq!(refusal, Refusal::NoSequencer);
                break;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3), "a lease and what comes with it");
    let epoch = say(&other, "ben", "meanwhile").await.cursor.epoch;
    assert!(Some(epoch) > first);
    assert_eq!(try_to_say(&cut_off, "ann", "still").await, Err(Refusal::NoSequencer));
    readers[1].until("the other goes on", |it| it.has("meanwhile")).await;
    readers[0].until("the reader is told", |it| it.links.last() == Some(&false)).await;

    wire.cut(false);
    say(&cut_off, "ann", "after").await;
    for reader in &mut readers {
        reader.until("all is well again", |it| it.has("after")).await;
        assert_eq!(reader.texts(), ["before", "meanwhile", "after"]);
        assert_eq!((reader.epoch, reader.resets), (Some(epoch), 1));
    }
}
