//! Nothing goes wrong.

use super::nodes::{Client, node, say};
use super::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_on_one_node_is_read_on_all_in_one_order() {
    let server = Server::start().await;
    let nodes =
        [node(server.address()).await, node(server.address()).await, node(server.address()).await];
    let mut readers: Vec<_> = nodes.iter().map(Client::of).collect();
    let writers = nodes.iter().enumerate().map(|(index, chat)| {
        let chat = chat.clone();
        tokio::spawn(async move {
            for number in 0..30 {
                say(&chat, &format!("user{index}"), &format!("{index}/{number}")).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for reader in &mut readers {
        reader.until("all is said", |it| it.entries.len() == 90).await;
        assert_eq!((reader.resets, reader.gaps.len()), (0, 0));
    }
    assert!(readers.iter().all(|it| it.entries == readers[0].entries));
    for index in 0..3 {
        let own: Vec<_> = readers[0]
            .texts()
            .into_iter()
            .filter(|it| it.starts_with(&format!("{index}/")))
            .collect();
        assert_eq!(own, (0..30).map(|number| format!("{index}/{number}")).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_admits_once_whichever_node_is_asked() {
    let server = Server::start().await;
    let (one, other) = (node(server.address()).await, node(server.address()).await);
    let first = say(&one, "ann", "hello").await;
    assert_eq!(say(&other, "ann", "hello").await, first);
    assert_eq!(say(&one, "ann", "hello").await, first);
    let mut reader = Client::of(&other);
    reader.until("it is read", |it| it.has("hello")).await;
    say(&other, "ann", "goodbye").await;
    reader.until("so is what follows", |it| it.has("goodbye")).await;
    assert_eq!(reader.texts(), ["hello", "goodbye"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_later_is_given_what_was_said_before() {
    let server = Server::start().await;
    let first = node(server.address()).await;
    for number in 0..20 {
        say(&first, "ann", &number.to_string()).await;
    }
    let late = node(server.address()).await;
    let mut reader = Client::of(&late);
    reader.until("the history is there", |it| it.has("19")).await;
    assert_eq!(reader.entries.len(), 20);
}
