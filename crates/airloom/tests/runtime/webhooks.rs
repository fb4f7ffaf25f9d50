//! Webhooks, sent to real receivers on loopback. Hours of silence are virtual; see also the unit tests of
//! the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use airloom::Origin;
use airloom::http::Listener;
use airloom::origin::State;
use airloom::webhooks::{Config, Secret, StoreError, Webhooks};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::camera::Camera;
use crate::port;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// A web server that checks who sends, and answers as it is told to.
struct Endpoint {
    status: Arc<AtomicU16>,
    came: UnboundedReceiver<(HeaderMap, Value)>,
    config: Config,
}

impl Endpoint {
    async fn answering(status: u16) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let mut config = Config::new(url.parse().unwrap(), SECRET.parse().unwrap());
        config.first_wait = Duration::from_millis(10);
        config.longest_wait = Duration::from_millis(50);
        config.timeout = PATIENCE;
        let (sender, came) = unbounded_channel();
        let status = Arc::new(AtomicU16::new(status));
        let answer = Arc::clone(&status);
        let app = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
            let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap());
            let timestamp = text("webhook-timestamp").parse().unwrap();
            let secret: Secret = SECRET.parse().unwrap();
            let signature = secret.sign(text("webhook-id"), timestamp, &body);
            assert!(text("webhook-signature").split(' ').any(|it| it == signature));
            assert_eq!(text("content-type"), "application/json");
            let _ = sender.send((headers, serde_json::from_slice(&body).unwrap()));
            StatusCode::from_u16(answer.load(Ordering::Relaxed)).unwrap()
        });
        tokio::spawn(listener.serve(app, std::future::pending()));
        Self { status, came, config }
    }

    async fn next(&mut self) -> (HeaderMap, Value) {
        tokio::time::timeout(PATIENCE, self.came.recv()).await.unwrap().unwrap()
    }

    /// The next message, without its time.
    async fn told(&mut self) -> Value {
        let mut message = self.next().await.1;
        assert!(message["timestamp"].take().as_str().unwrap().ends_with('Z'));
        message
    }
}

fn message(r#type: &str, sequence: u64) -> Value {
    json!({ "type": r#type, "timestamp": null, "data": { "stream": "cam", "sequence": sequence } })
}

#[tokio::test]
async fn a_life_is_told_from_start_to_end() {
    let mut endpoint = Endpoint::answering(204).await;
    let webhooks = Webhooks::new();
    webhooks.add(endpoint.config.clone());
    let origin = Origin::builder()
        .resume(Duration::from_mins(10))
        .observer(Arc::new(webhooks.clone()))
        .build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    let mut started = endpoint.told().await;
    let life = started["data"].as_object_mut().unwrap().remove("life").unwrap();
    assert!(life.as_u64().unwrap() > 0);
    assert_eq!(started, message("stream.started", 1));
    camera.run_to(9.0);
    assert_eq!(endpoint.told().await, message("stream.first_segment", 2));
    drop(camera);
    assert_eq!(endpoint.told().await, message("stream.interrupted", 3));
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    assert_eq!(endpoint.told().await, message("stream.resumed", 4));
    camera.run_to(5.0);
    origin.end().await;
    assert_eq!(origin.streams("")[0].state, State::Ended);
    assert_eq!(endpoint.told().await, message("stream.ended", 5));
    // What others have to say of the stream comes behind it.
    let data = json!({ "path": "/vod/cam-1/" });
    let at = airloom::playlist::WallTime::UNIX_EPOCH;
    let stream = "cam".parse().unwrap();
    webhooks.send("recording.ready", &stream, at, data.as_object().unwrap());
    let ready = endpoint.told().await;
    assert_eq!(
        (&ready["type"], &ready["data"]["path"]),
        (&json!("recording.ready"), &data["path"])
    );
    assert!(webhooks.settle(PATIENCE).await);
    assert!(webhooks.metrics().contains("outcome=\"delivered\"} 6\n"), "{}", webhooks.metrics());
}

#[tokio::test]
async fn a_url_that_is_added_twice_is_told_once() {
    let mut endpoint = Endpoint::answering(204).await;
    let webhooks = Webhooks::new();
    let mut stale = endpoint.config.clone();
    stale.secrets = vec![OTHER.parse().unwrap()];
    webhooks.add(stale);
    webhooks.add(endpoint.config.clone());
    let (at, stream) = (airloom::playlist::WallTime::UNIX_EPOCH, "cam".parse().unwrap());
    for _ in 0..2 {
        webhooks.send("recording.ready", &stream, at, &serde_json::Map::new());
    }
    assert_eq!(endpoint.told().await, message("recording.ready", 1));
    assert_eq!(endpoint.told().await, message("recording.ready", 2));
    assert!(webhooks.settle(PATIENCE).await);
    let delivered = "outcome=\"delivered\"} 2\n";
    assert_eq!(webhooks.metrics().matches(delivered).count(), 1, "{}", webhooks.metrics());
}

#[tokio::test]
async fn what_is_not_taken_comes_again_under_the_same_id_and_in_order() {
    let mut endpoint = Endpoint::answering(500).await;
    let webhooks = Webhooks::new();
    webhooks.add(endpoint.config.clone());
    let origin = Origin::builder().observer(Arc::new(webhooks.clone())).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.0);
    let (first, _) = endpoint.next().await;
    for _ in 0..3 {
        let (again, told) = endpoint.next().await;
        assert_eq!(told["type"], "stream.started");
        assert_eq!(again["webhook-id"], first["webhook-id"]);
    }
    assert!(!webhooks.settle(Duration::ZERO).await);
    endpoint.status.store(200, Ordering::Relaxed);
    let next = loop {
        let (headers, told) = endpoint.next().await;
        if headers["webhook-id"] != first["webhook-id"] {
            break told;
        }
    };
    assert_eq!(next["type"], "stream.first_segment");
    assert!(webhooks.settle(PATIENCE).await);
    // Live went on all the while.
    assert!(camera.is_on_air());
}

#[tokio::test]
async fn a_receiver_that_is_down_holds_up_neither_others_nor_streams() {
    let mut endpoint = Endpoint::answering(200).await;
    let nobody = format!("127.0.0.1:{}", port::free());
    let mut down = endpoint.config.clone();
    down.endpoint = format!("http://{nobody}/").parse().unwrap();
    down.queue = 5;
    let webhooks = Webhooks::new();
    webhooks.add(down);
    webhooks.add(endpoint.config.clone());
    let origin = Origin::builder()
        .resume(Duration::from_mins(10))
        .observer(Arc::new(webhooks.clone()))
        .build();
    for round in 0..20 {
        let _camera = Camera::publish(&origin, &format!("cam{round}")).unwrap();
    }
    for _ in 0..40 {
        endpoint.told().await;
    }
    // What waits is bounded, and what was lost can be seen.
    let metrics = webhooks.metrics();
    let line = |name: &str| format!("{name}{{receiver=\"http://{nobody}/\"}}");
    assert!(
        metrics.contains(&format!("{} 35\n", line("airloom_webhook_dropped_total"))),
        "{metrics}"
    );
    assert!(metrics.contains(&format!("{} 5\n", line("airloom_webhook_waiting"))), "{metrics}");
}

#[tokio::test]
async fn receivers_and_secrets_are_replaced_while_messages_wait() {
    let mut endpoint = Endpoint::answering(500).await;
    let webhooks = Webhooks::new();
    let other: Secret = OTHER.parse().unwrap();
    let mut config = endpoint.config.clone();
    webhooks.add(config.clone());
    let origin = Origin::builder().observer(Arc::new(webhooks.clone())).build();
    let _camera = Camera::publish(&origin, "cam").unwrap();
    let (headers, _) = endpoint.next().await;
    assert_eq!(headers["webhook-signature"].to_str().unwrap().split(' ').count(), 1);
    config.secrets.insert(0, other);
    webhooks.replace([config]);
    endpoint.status.store(200, Ordering::Relaxed);
    assert!(webhooks.settle(PATIENCE).await);
    // The message that waited has arrived, signed with the new secret and the one before.
    let mut last = headers;
    while let Ok((headers, _)) = endpoint.came.try_recv() {
        last = headers;
    }
    assert_eq!(last["webhook-signature"].to_str().unwrap().split(' ').count(), 2);
    webhooks.replace([]);
    assert!(!webhooks.metrics().contains("receiver="));
}

/// A web server on a thread of its own, in real time, that takes everything and says what came.
struct Taker {
    came: std::sync::mpsc::Receiver<(String, Value)>,
}

impl Taker {
    fn at(port: u16) -> Self {
        let (sender, came) = std::sync::mpsc::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = Listener::bind(("127.0.0.1", port)).await.unwrap();
                ready.send(()).unwrap();
                let app = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
                    let id = headers["webhook-id"].to_str().unwrap().to_owned();
                    let _ = sender.send((id, serde_json::from_slice(&body).unwrap()));
                    StatusCode::NO_CONTENT
                });
                listener.serve(app, std::future::pending()).await;
            });
        });
        is_ready.recv().unwrap();
        Self { came }
    }
}

/// Fifty streams come and go in an hour in which nobody listens; then the process ends.
#[tokio::test(start_paused = true)]
async fn a_receiver_that_was_down_for_an_hour_is_told_everything_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.redb");
    let port = port::free();
    let url = format!("http://127.0.0.1:{port}/hooks");
    let mut config = Config::new(url.parse().unwrap(), SECRET.parse().unwrap());
    // Time is virtual, and runs ahead of the sockets, which are real.
    config.timeout = Duration::from_hours(1000);

    let webhooks = Webhooks::open(&file).unwrap();
    assert!(matches!(Webhooks::open(&file), Err(StoreError::InUse)));
    webhooks.add(config.clone());
    let origin = Origin::builder().observer(Arc::new(webhooks.clone())).build();
    for round in 0..50 {
        let mut camera = Camera::publish(&origin, &format!("cam{}", round % 5)).unwrap();
        camera.run_to(9.0);
        drop(camera);
        tokio::time::sleep(Duration::from_secs(72)).await;
    }
    assert!(!webhooks.settle(Duration::ZERO).await);
    assert!(webhooks.metrics().contains("airloom_webhook_unstored_total 0\n"));
    // Each of ten lives of five streams: started, first segment, interrupted, ended.
    let waiting = format!("airloom_webhook_waiting{{receiver=\"{url}\"}} 200\n");
    assert!(webhooks.metrics().contains(&waiting), "{}", webhooks.metrics());
    drop((webhooks, origin));

    // The tasks of the process before are gone with it. The hour is over: from here on it is only
    // sockets that are waited for.
    tokio::time::resume();
    let webhooks = wait_to_open(&file).await;
    let taker = Taker::at(port);
    webhooks.add(config.clone());
    let at = airloom::playlist::WallTime::UNIX_EPOCH;
    webhooks.send("later", &"cam0".parse().unwrap(), at, &serde_json::Map::new());
    assert!(webhooks.settle(Duration::from_mins(1)).await);
    let mut came: Vec<_> = taker.came.try_iter().collect();
    came.sort_by_key(|(_, body)| body["data"]["sequence"].as_u64());
    let sequences: Vec<_> =
        came.iter().filter_map(|(_, body)| body["data"]["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=201).collect::<Vec<_>>(), "numbers go on where they were");
    let ids: std::collections::HashSet<_> = came.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 201);
    drop(webhooks);

    // What was taken is not told again.
    let webhooks = wait_to_open(&file).await;
    webhooks.add(config);
    assert!(webhooks.settle(Duration::ZERO).await);
    assert!(taker.came.try_recv().is_err());
}

/// Opens a file that was just closed.
async fn wait_to_open(file: &std::path::Path) -> Webhooks {
    loop {
        match Webhooks::open(file) {
            Ok(webhooks) => return webhooks,
            Err(StoreError::InUse) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_waits_for_a_receiver_that_is_not_wanted_any_more_is_forgotten_on_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.redb");
    let nobody = format!("127.0.0.1:{}", port::free());
    let config = |path: &str| {
        Config::new(format!("http://{nobody}/{path}").parse().unwrap(), SECRET.parse().unwrap())
    };
    let tell = |webhooks: &Webhooks| {
        let at = airloom::playlist::WallTime::UNIX_EPOCH;
        webhooks.send("word", &"cam".parse().unwrap(), at, &serde_json::Map::new());
    };
    let webhooks = Webhooks::open(&file).unwrap();
    webhooks.replace([config("a"), config("b"), config("c")]);
    tell(&webhooks);
    webhooks.replace([config("b"), config("c")]);
    assert!(!webhooks.settle(Duration::ZERO).await);
    drop(webhooks);
    // Between two lives of the process "b" was struck from its configuration.
    let webhooks = wait_to_open(&file).await;
    webhooks.replace([config("c")]);
    webhooks.settle(Duration::ZERO).await;
    drop(webhooks);
    let webhooks = wait_to_open(&file).await;
    webhooks.replace([config("a"), config("b"), config("c")]);
    for (path, waiting) in [("a", 0), ("b", 0), ("c", 1)] {
        let line =
            format!("airloom_webhook_waiting{{receiver=\"http://{nobody}/{path}\"}} {waiting}\n");
        assert!(webhooks.metrics().contains(&line), "{}", webhooks.metrics());
    }
}

#[test]
fn a_file_that_is_none_of_webhooks_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("webhooks.redb");
    std::fs::write(&file, "not a database, and longer than its header would be ".repeat(200))
        .unwrap();
    assert!(matches!(Webhooks::open(&file), Err(StoreError::Unusable(_))));
    assert!(std::fs::read(&file).unwrap().starts_with(b"not a database"));
}
