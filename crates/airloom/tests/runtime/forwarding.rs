//! What leaves a ledger over HTTP: batches to another node's ledger, notices to a tenant's endpoint.

use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airloom::billing::outbox::Endpoint;
use airloom::billing::webhook::Secret;
use airloom::billing::{Dimensions, Input, Name, Notice, Outcome, WallTime};
use airloom::http;
use airloom::usage::{Config, Http, Usage};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Beyond this something is wrong, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn open(path: &Path, node: &str) -> Usage {
    let mut config = Config::new(path);
    node.clone_into(&mut config.node);
    config.billing.flush = Duration::from_millis(50);
    Usage::open(&config).unwrap()
}

fn egress(usage: &Usage) -> u128 {
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let figures = usage.figures(always.0, always.1);
    figures.iter().find(|it| it.meter.as_str() == "egress_bytes").map_or(0, |it| it.quantity)
}

fn record(usage: &Usage, bytes: u64) {
    usage.counter("egress_bytes", Dimensions::default()).unwrap().add(bytes);
    usage.flush().unwrap();
}

async fn serve(app: Router) -> SocketAddr {
    let listener = http::Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listener.serve(app, pending()));
    address
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} in time"));
}

/// Two nodes, one of which starts anew; a central ledger whose answers get lost now and then. What
/// was counted arrives once.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_reach_the_central_ledger_once() {
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let central = open(directories[0].path(), "central");
    let requests = Arc::new(AtomicUsize::new(0));
    let lossy = from_fn(move |request: Request, next: Next| {
        let requests = Arc::clone(&requests);
        async move {
            let answer = next.run(request).await;
            // Every other batch is taken, and the node does not hear of it.
            let lost = requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            if lost { StatusCode::BAD_GATEWAY.into_response() } else { answer }
        }
    });
    let address = serve(Router::new().nest("/usage", central.intake("token")).layer(lossy)).await;
    let url = format!("http://{address}/usage");
    let ship = |usage: &Usage| {
        let (usage, url) = (usage.clone(), url.clone());
        tokio::spawn(async move {
            let target = Name::new("central").unwrap();
            usage.forward(target, &url, "token", Http::default(), pending()).await
        })
    };
    let nodes = [open(directories[1].path(), "a"), open(directories[2].path(), "b")];
    record(&nodes[0], 100);
    record(&nodes[1], 7);
    let ships = nodes.each_ref().map(ship);
    until("both are there", || egress(&central) == 107).await;
    record(&nodes[0], 1000);
    until("what came after", || egress(&central) == 1107).await;
    let [_, b] = nodes;
    let [_, b_ship] = ships;
    b_ship.abort();
    let _ = b_ship.await;
    drop(b);
    let b = timeout(PATIENCE, async {
        loop {
            // A request under way may hold the directory a moment longer.
            let mut config = Config::new(directories[2].path());
            config.node = "b".to_owned();
            match Usage::open(&config) {
                Ok(usage) => return usage,
                Err(error) => eprintln!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let b = b.await.expect("the ledger is free");
    record(&b, 50);
    ship(&b);
    until("what came after the restart", || egress(&central) == 1157).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let central = open(directory.path(), "central");
    let address = serve(central.intake("token")).await;
    let url = format!("http://{address}/");
    let node_directory = tempfile::tempdir().unwrap();
    let node = open(node_directory.path(), "a");
    record(&node, 5);
    let target = Name::new("central").unwrap();
    let wrong = node.forward(target, &url, "tokem", Http::default(), pending());
    assert!(timeout(Duration::from_millis(300), wrong).await.is_err(), "it goes on trying");
    assert_eq!(egress(&central), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_arrive_signed_and_in_order_and_are_settled() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path(), "node");
    let (sender, mut arrived) = mpsc::unbounded_channel();
    let receive = move |headers: HeaderMap, body: String| {
        let sender = sender.clone();
        async move {
            let of = |name: &str| headers[name].to_str().unwrap().to_owned();
            let (id, time) = (of("webhook-id"), of("webhook-timestamp").parse().unwrap());
            let secret = Secret::parse(SECRET).unwrap();
            let genuine = secret.verify(&id, time, body.as_bytes(), &of("webhook-signature"));
            sender.send((genuine, id, body)).unwrap();
            Response::new(axum::body::Body::empty())
        }
    };
    let address = serve(Router::new().route("/hook", post(receive))).await;
    let notice = |number: usize| {
        Input::Notice(Notice {
            tenant: usage.tenant().clone(),
            kind: Name::new("quota.soft").unwrap(),
            id: Name::new(&number.to_string()).unwrap(),
            body: format!("{{\"number\":{number}}}"),
        })
    };
    let inputs: Vec<_> = (0..5).map(notice).collect();
    let now = WallTime::from_unix_seconds(1_800_000_000);
    let outcomes = usage.with_ledger(|ledger| ledger.apply(now, &inputs)).unwrap();
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Duplicate)));
    let endpoint = Endpoint {
        url: Name::new(&format!("http://{address}/hook")).unwrap(),
        secret: Secret::parse(SECRET).unwrap(),
    };
    let (delivering, endpoints) = (usage.clone(), [(usage.tenant().clone(), endpoint)]);
    tokio::spawn(async move { delivering.deliver(endpoints, Http::default(), pending()).await });
    let mut ids = Vec::new();
    for number in 0..5 {
        let (genuine, id, body) = timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap();
        assert!(genuine);
        assert_eq!(body, format!("{{\"number\":{number}}}"));
        ids.push(id);
    }
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
    until("nothing is left", || usage.with_ledger(|ledger| ledger.notices().count()) == 0).await;
}
