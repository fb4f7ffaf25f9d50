//! Requests that wait outside of HTTP, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use crate::camera::Camera;
use airloom::Origin;
use airloom::http::Listener;
use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Beyond this something is wrong, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

const PLAYLIST: &str = "/cam/1.m3u8";

/// An origin on a port of its own, behind a layer that leaves its mark.
async fn serve(origin: &Origin) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let marked = origin.router().layer(map_response(async |mut response: Response| {
        response.headers_mut().insert("x-layer", HeaderValue::from_static("passed"));
        response
    }));
    tokio::spawn(listener.serve(Router::new().merge(marked), std::future::pending()));
    address
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    async fn ask(&mut self, path: &str, fields: &str) {
        let text = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n");
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// The head in lower case, and the body.
    async fn answer(&mut self) -> (String, Vec<u8>) {
        tokio::time::timeout(PATIENCE, async {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert!(self.0.read_line(&mut head).await.unwrap() > 0, "closed after {head:?}");
            }
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).expect("a length");
            let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
            self.0.read_exact(&mut body).await.unwrap();
            (head, body)
        })
        .await
        .expect("an answer")
    }

    async fn get(&mut self, path: &str) -> String {
        self.ask(path, "").await;
        let (head, body) = self.answer().await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        String::from_utf8(body).unwrap()
    }
}

/// The query that asks for what comes after a whole playlist, and the part that it hints at.
fn next(text: &str) -> (String, String) {
    let hint = text.rsplit_once("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"").expect("a hint").1;
    let hint = hint.split('"').next().unwrap();
    let (sequence, part) = hint["1-".len()..].split_once('.').unwrap();
    let part = part.split_once('.').unwrap().0;
    (format!("_HLS_msn={sequence}&_HLS_part={part}"), format!("/cam/{hint}"))
}

async fn waiting(origin: &Origin, count: usize) {
    let line = format!("\nairloom_http_waiting {count}\n");
    let counted = async {
        while !origin.metrics().contains(&line) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.expect(&line);
}

#[tokio::test]
async fn an_answer_that_was_waited_for_is_like_any_other_and_the_connection_goes_on() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let (mut list, mut part) = (Client::connect(address).await, Client::connect(address).await);
    let mut text = list.get(PLAYLIST).await;
    for step in 1..10 {
        let (query, hint) = next(&text);
        list.ask(&format!("{PLAYLIST}?{query}"), "").await;
        part.ask(&hint, "").await;
        waiting(&origin, 2).await;
        camera.run_to(4.5 + f64::from(step) * 0.2);
        let (head, body) = list.answer().await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        for field in [
            "x-layer: passed",
            "content-type: application/vnd.apple.mpegurl",
            "etag: \"",
            "cache-control: public, max-age=12",
            "vary: accept-encoding",
            "date: ",
        ] {
            assert_eq!(head.matches(&format!("\r\n{field}")).count(), 1, "{field} in {head}");
        }
        text = String::from_utf8(body).unwrap();
        assert!(text.contains(hint.strip_prefix("/cam/").unwrap()));
        let (head, body) = part.answer().await;
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains("immutable"), "{head}");
        assert!(matches!(&body[4..8], b"moof" | b"styp"));
        // The same from where nobody waits.
        part.ask(&hint, "").await;
        assert_eq!(part.answer().await.1, body);
        waiting(&origin, 0).await;
    }
}

/// Thousands of abandoned blocking requests: nobody has to wait for the next part to be rid of them.
#[tokio::test]
async fn clients_that_give_up_are_noticed_before_there_is_an_answer() {
    const CLIENTS: usize = 100;
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let mut stays = Client::connect(address).await;
    let (query, hint) = next(&stays.get(PLAYLIST).await);
    stays.ask(&hint, "").await;
    let mut leave = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(address).await;
        client.ask(&format!("{PLAYLIST}?{query}"), "").await;
        leave.push(client);
    }
    waiting(&origin, CLIENTS + 1).await;
    // Nothing is published.
    drop(leave);
    waiting(&origin, 1).await;
    camera.run_to(4.8);
    assert!(stays.answer().await.0.starts_with("http/1.1 200 ok\r\n"));
    waiting(&origin, 0).await;
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_turn() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let mut client = Client::connect(address).await;
    let (query, hint) = next(&client.get(PLAYLIST).await);
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let both = [request(&format!("{PLAYLIST}?{query}")), request(&hint)].concat();
    client.0.get_mut().write_all(both.as_bytes()).await.unwrap();
    waiting(&origin, 1).await;
    // And one more, while the first waits.
    client.ask(PLAYLIST, "").await;
    camera.run_to(5.0);
    let (_, list) = client.answer().await;
    assert!(list.starts_with(b"#EXTM3U"));
    let (_, part) = client.answer().await;
    assert!(matches!(&part[4..8], b"moof" | b"styp"));
    let (_, list) = client.answer().await;
    assert!(list.starts_with(b"#EXTM3U"));
}

#[tokio::test]
async fn everybody_gets_the_form_they_asked_for() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let (query, _) = next(&Client::connect(address).await.get(PLAYLIST).await);
    let asks = [
        (format!("{PLAYLIST}?{query}"), "accept-encoding: gzip\r\n"),
        (format!("{PLAYLIST}?{query}"), "accept-encoding: br\r\n"),
        (format!("{PLAYLIST}?{query}&_HLS_skip=YES&token=abc"), ""),
        (format!("{PLAYLIST}?{query}"), ""),
    ];
    let mut clients = Vec::new();
    for (path, fields) in &asks {
        let mut client = Client::connect(address).await;
        client.ask(path, fields).await;
        clients.push(client);
    }
    waiting(&origin, asks.len()).await;
    camera.run_to(5.0);
    let mut answers = Vec::new();
    for client in &mut clients {
        answers.push(client.answer().await);
    }
    assert!(answers[0].0.contains("content-encoding: gzip\r\n") && answers[0].1[0] == 0x1F);
    assert!(answers[1].0.contains("content-encoding: br\r\n"));
    let own = String::from_utf8(answers[2].1.clone()).unwrap();
    assert!(own.contains(".m4s?token=abc"), "{own}");
    let shared = String::from_utf8(answers[3].1.clone()).unwrap();
    assert!(shared.starts_with("#EXTM3U") && !shared.contains("token"), "{shared}");
    let tags: std::collections::HashSet<_> = answers
        .iter()
        .map(|(head, _)| head.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap())
        .collect();
    assert!(tags.len() >= 3, "{tags:?}");
}

#[tokio::test]
async fn the_end_and_a_silence_answer_too() {
    let origin = Origin::builder().segment(Duration::from_millis(500)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let mut client = Client::connect(address).await;
    let (query, _) = next(&client.get(PLAYLIST).await);
    client.ask(&format!("{PLAYLIST}?{query}"), "").await;
    // Three target durations, of a second each (RFC 8216bis, 6.2.5.2).
    let (head, body) = client.answer().await;
    assert!(head.starts_with("http/1.1 503 service unavailable\r\n"), "{head}");
    assert!(head.contains("content-type: application/problem+json\r\n"), "{head}");
    assert!(body.starts_with(b"{"));
    client.ask(&format!("{PLAYLIST}?{query}"), "").await;
    waiting(&origin, 1).await;
    origin.end().await;
    let (head, body) = client.answer().await;
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(body.ends_with(b"#EXT-X-ENDLIST\n"));
}

#[tokio::test]
async fn those_who_go_away_are_forgotten_with_the_next_part() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let (query, _) = next(&Client::connect(address).await.get(PLAYLIST).await);
    let mut gone = Vec::new();
    for _ in 0..200 {
        let mut client = Client::connect(address).await;
        client.ask(&format!("{PLAYLIST}?{query}"), "").await;
        gone.push(client);
    }
    let mut stays = Client::connect(address).await;
    stays.ask(&format!("{PLAYLIST}?{query}"), "").await;
    waiting(&origin, 201).await;
    drop(gone);
    camera.run_to(5.0);
    assert!(stays.answer().await.1.starts_with(b"#EXTM3U"));
    waiting(&origin, 0).await;
}

#[tokio::test]
async fn as_many_wait_as_may() {
    let mut limits = airloom::origin::Limits::default();
    limits.waiting = 2;
    let origin = Origin::builder().limits(limits).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let address = serve(&origin).await;
    let (query, _) = next(&Client::connect(address).await.get(PLAYLIST).await);
    let mut clients = Vec::new();
    for count in 1..=2 {
        let mut client = Client::connect(address).await;
        client.ask(&format!("{PLAYLIST}?{query}"), "").await;
        waiting(&origin, count).await;
        clients.push(client);
    }
    let mut third = Client::connect(address).await;
    third.ask(&format!("{PLAYLIST}?{query}"), "").await;
    assert!(third.answer().await.0.starts_with("http/1.1 503 "));
    camera.run_to(5.0);
    for client in &mut clients {
        assert!(client.answer().await.1.starts_with(b"#EXTM3U"));
    }
}
