//! Webhooks, sent to real receivers on loopback. An hour of silence is played in the unit tests of
//! the outbox, on virtual time.

#[path = "origin/camera.rs"]
mod camera;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use airloom::Origin;
use airloom::http::Listener;
use airloom::origin::State;
use airloom::webhooks::{Config, Secret, Webhooks};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use camera::Camera;

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
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
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
