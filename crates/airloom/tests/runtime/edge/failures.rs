use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airloom::edge::Config;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::site::{ask, edge_of, get, metric, until};

/// A server that says the same to every request and closes, or stays silent where it has nothing
/// to say. Counts what it is asked.
async fn server(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    server_of(answer, usize::MAX).await
}

/// The same, which says something once and nothing after that.
async fn server_once(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    server_of(answer, 1).await
}

async fn server_of(answer: &'static [u8], times: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let (mut buffer, mut filled) = ([0; 4096], 0);
                while !buffer[..filled].ends_with(b"\r\n\r\n") {
                    match socket.read(&mut buffer[filled..]).await {
                        Ok(more) if more > 0 => filled += more,
                        _ => return,
                    }
                }
                let before = count.fetch_add(1, Ordering::Relaxed);
                if answer.is_empty() || before >= times {
                    // Nothing more is ever said.
                    let _ = socket.read(&mut buffer).await;
                } else {
                    let _ = socket.write_all(answer).await;
                }
            });
        }
    });
    (address, asked)
}

fn strict() -> Config {
    let mut config = Config::default();
    (config.hold, config.negative) = (Duration::ZERO, Duration::ZERO);
    config.limits.body = 1000;
    config.limits.playlist = 1000;
    config
}

#[tokio::test]
async fn what_is_no_answer_of_an_origin_is_a_bad_gateway() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 302 Found\r\nlocation: /live/cam/1.m3u8\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf of it",
    ] {
        let (address, _) = server(answer.as_bytes()).await;
        let edge = edge_of(address, strict());
        let answered = get(&edge, "/cam/1.m3u8").await;
        let status = if answer.contains("304") { 503 } else { 502 };
        answered.assert_problem(status);
        assert_eq!(metric(&edge.metrics(), "airloom_edge_origin_failures_total"), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_ours_becomes_ours() {
    let text = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<a/>";
    let (address, _) = server(text.as_bytes()).await;
    get(&edge_of(address, strict()), "/cam/1.m3u8").await.assert_problem(404);
}

#[tokio::test]
async fn an_origin_that_says_nothing_is_not_waited_for_for_ever() {
    let (address, asked) = server(b"").await;
    let mut config = strict();
    config.wait = Duration::from_millis(50);
    let edge = edge_of(address, config);
    get(&edge, "/cam/1.m3u8").await.assert_problem(504);
    get(&edge, "/cam/1-7.m4s").await.assert_problem(504);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_the_whole() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\ncache-control: immutable\r\n\r\nhalf of it",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncache-control: immutable\r\n\r\n\
         a\r\nhalf of it\r\n",
    ] {
        let (address, asked) = server(text.as_bytes()).await;
        let edge = edge_of(address, strict());
        for _ in 0..2 {
            let request = Request::get("/cam/1-7.m4s").body(Body::empty()).unwrap();
            let response = ask(&edge, request).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(to_bytes(response.into_body(), usize::MAX).await.is_err(), "{text}");
            // The edge has seen it, too, before the next asks.
            until("the end", || metric(&edge.metrics(), "airloom_edge_origin_requests") == 0).await;
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert_eq!(metric(&edge.metrics(), "airloom_edge_cache_bytes"), 0);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_limit() {
    let chunk = "100\r\n".to_owned() + &"x".repeat(256) + "\r\n";
    let text =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &chunk.repeat(8);
    let (address, _) = server(text.leak().as_bytes()).await;
    let edge = edge_of(address, strict());
    let request = Request::get("/cam/1-7.m4s").body(Body::empty()).unwrap();
    let body = ask(&edge, request).await.into_body();
    assert!(to_bytes(body, usize::MAX).await.is_err());
    get(&edge, "/cam/1.m3u8").await.assert_problem(502);
    until("all to be freed", || metric(&edge.metrics(), "airloom_edge_cache_bytes") == 0).await;
}

#[tokio::test]
async fn no_more_is_under_way_than_is_allowed() {
    let (address, asked) = server(b"").await;
    let mut config = strict();
    (config.limits.flights, config.limits.waiting) = (2, 3);
    let edge = edge_of(address, config);
    let wait = |path: &'static str| {
        let edge = edge.clone();
        tokio::spawn(async move { get(&edge, path).await })
    };
    let waiting = || metric(&edge.metrics(), "airloom_edge_waiting");
    let viewers = [wait("/a/1-1.m4s"), wait("/b/1-1.m4s")];
    until("two to wait", || waiting() == 2).await;
    get(&edge, "/c/1-1.m4s").await.assert_problem(503);
    let third = wait("/a/1-1.m4s");
    until("three to wait", || waiting() == 3).await;
    get(&edge, "/b/1-1.m4s").await.assert_problem(503);
    until("the origin to be asked", || asked.load(Ordering::Relaxed) == 2).await;
    for viewer in viewers.iter().chain([&third]) {
        viewer.abort();
    }
    until("all to be over", || {
        waiting() == 0 && metric(&edge.metrics(), "airloom_edge_origin_requests") == 0
    })
    .await;
}

/// What is old is better than waiting for an origin that hangs.
#[tokio::test]
async fn an_origin_that_hangs_is_covered_for() {
    let text = "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-length: 8\r\n\r\n#EXTM3U\n";
    let (address, asked) = server_once(text.as_bytes()).await;
    let mut config = strict();
    (config.reuse, config.answer) = (Duration::ZERO, Duration::from_millis(50));
    (config.stale, config.wait) = (Duration::from_hours(1), Duration::from_hours(1));
    let edge = edge_of(address, config);
    for _ in 0..2 {
        let answer = get(&edge, "/cam/1.m3u8").await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "#EXTM3U\n"));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(metric(&edge.metrics(), "airloom_edge_stale_total"), 1);
}
