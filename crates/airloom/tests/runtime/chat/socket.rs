//! The readers that have a task of their own: WebSocket, HTTP/2, other servers.

use std::time::Duration;

use airloom::chat::Said;
use airloom::chat::core::{Author, Input, Submission};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tower_service::Service;

use super::client::{PATIENCE, say};
use super::server::{Server, room};

/// A WebSocket's messages as `(event, data)`, presence left out.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> (String, Value) {
    loop {
        let read = std::future::poll_fn(|cx| {
            futures_util::Stream::poll_next(std::pin::Pin::new(&mut *socket), cx)
        });
        let message = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap().unwrap();
        let Message::Text(text) = message else { continue };
        for event in text.split_terminator("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let name = field("event: ").unwrap_or_default();
            if name != "presence" && !name.is_empty() {
                return (name.to_owned(), serde_json::from_str(field("data: ").unwrap()).unwrap());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_reads_and_writes() {
    let server = Server::start(|_| {}).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/api/rooms/r/socket", server.address);
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    say(server.address, "r", "ann", "over HTTP").await;
    let (name, data) = next(&mut socket).await;
    assert_eq!((name.as_str(), &data["entries"][0]["text"]), ("batch", &json!("over HTTP")));

    let mut told = Vec::new();
    for text in
        [r#"{"user":"ben","text":"over it","key":"k"}"#, r#"{"user":"ben","text":""}"#, "nonsense"]
    {
        let sink = std::pin::Pin::new(&mut socket);
        futures_util::Sink::start_send(sink, Message::text(text)).unwrap();
        std::future::poll_fn(|cx| {
            futures_util::Sink::poll_flush(std::pin::Pin::new(&mut socket), cx)
        })
        .await
        .unwrap();
        loop {
            let (name, data) = next(&mut socket).await;
            if name == "answer" {
                told.push(data);
                break;
            }
            assert_eq!(data["entries"][0]["text"], "over it");
        }
    }
    assert_eq!((&told[0]["key"], told[0]["cursor"].is_string()), (&json!("k"), true));
    assert_eq!(told[1]["type"], "urn:airloom:chat:empty");
    assert_eq!(told[2]["status"], 400);
}

/// Under a server that is not ours, or HTTP/2, a response cannot leave HTTP; it says the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_our_listener_the_body_is_a_stream() {
    let server = Server::start(|_| {}).await;
    let request = Request::get("/r/events").body(Body::empty()).unwrap();
    let mut response = server.chat.router().call(request).await.unwrap();
    say(server.address, "r", "ann", "hello").await;
    let mut text = String::new();
    while !text.contains("hello") {
        let frame = std::future::poll_fn(|cx| {
            http_body::Body::poll_frame(std::pin::Pin::new(response.body_mut()), cx)
        });
        let frame = tokio::time::timeout(PATIENCE, frame).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    assert!(text.contains("event: batch\n"), "{text}");
    assert_eq!(server.chat.readers(), 1);
    drop(response);
    assert_eq!(server.chat.readers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscription_is_told_the_gap_and_a_quiet_one_that_it_is_alive() {
    let server = Server::start(|config| {
        config.room.history.entries = 5;
        config.room.presence = None;
        config.heartbeat = Duration::from_millis(320);
    })
    .await;
    let mut subscription = server.chat.subscribe(&room("r"), None, None).unwrap();
    assert_eq!(subscription.next().await, Some(Said::Quiet));
    for number in 0..20 {
        let message = Submission::message(Author::new("ann".parse().unwrap()), number.to_string());
        server.chat.request(&room("r"), Input::Submit(message)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let mut text = String::new();
    while !text.contains("\"text\":\"19\"") {
        if let Some(Said::Events(events)) = subscription.next().await {
            text.push_str(std::str::from_utf8(&events).unwrap());
        }
    }
    assert!(text.starts_with("event: gap\n") && text.contains("\"from\":1"), "{text}");
    server.chat.close();
    assert_eq!(subscription.next().await, None);
}
