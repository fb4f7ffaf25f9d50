//! What goes through an origin is in the ledger, to the byte.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use airloom::Origin;
use airloom::billing::ledger::Query;
use airloom::billing::{Dimensions, Event, Input, Name, Outcome, WallTime};
use airloom::usage::{Config, Usage};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use http_body::Body as _;
use tokio::time::{Duration, advance, sleep};

use super::client::{get, request, video_playlist};
use crate::camera::Camera;

fn open(path: &Path) -> Usage {
    Usage::open(&Config::new(path)).unwrap()
}

fn quantity(usage: &Usage, meter: &str) -> u128 {
    usage.flush().unwrap();
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let figures = usage.figures(always.0, always.1);
    figures.iter().find(|figure| figure.meter.as_str() == meter).map_or(0, |found| found.quantity)
}

fn now() -> WallTime {
    WallTime::UNIX_EPOCH.saturating_add(std::time::UNIX_EPOCH.elapsed().unwrap())
}

fn event(id: usize) -> Input {
    Input::Event(Event {
        tenant: Name::new("t").unwrap(),
        source: Name::new("s").unwrap(),
        id: Name::new(&id.to_string()).unwrap(),
        meter: Name::new("recordings").unwrap(),
        time: WallTime::from_unix_seconds(now().unix_millis() / 1000 / 3600 * 3600),
        quantity: 1,
        dimensions: Dimensions::default(),
        unique: None,
    })
}

fn watch(path: &str, user_agent: &str) -> Request<Body> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 5000));
    let request = Request::get(path).header(header::USER_AGENT, user_agent);
    request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn bytes_in_and_bytes_out_are_counted_to_the_byte_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let origin = Origin::builder().usage(usage.clone()).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(7.0);
    let taken = u128::from(origin.streams("")[0].bytes_in);
    assert!(taken > 1_000);
    assert_eq!(quantity(&usage, "ingest_bytes"), taken);

    let path = video_playlist(&origin, "cam").await;
    let mut given = get(&origin, "/cam/index.m3u8").await.body.len() * 2;
    let playlist = get(&origin, &path).await;
    given += playlist.body.len();
    for uri in playlist.uris() {
        let media = get(&origin, &format!("/cam/{uri}")).await;
        assert_eq!(media.status, StatusCode::OK);
        given += media.body.len();
    }
    let ts = get(&origin, "/cam/ts.m3u8").await;
    given += ts.body.len();
    given += get(&origin, &format!("/cam/{}", ts.uris()[0])).await.body.len();
    assert_eq!(quantity(&usage, "egress_bytes"), given as u128);
    let line = format!("airloom_egress_bytes_total {given}\n");
    assert!(origin.metrics().contains(&line), "{}", origin.metrics());

    // What carries no body costs nothing.
    let head = Request::head(path.as_str()).body(Body::empty()).unwrap();
    assert_eq!(request(&origin, head).await.status, StatusCode::OK);
    let tag = playlist.headers[header::ETAG].clone();
    let again = Request::get(&path).header(header::IF_NONE_MATCH, tag);
    let again = request(&origin, again.body(Body::empty()).unwrap()).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    assert_eq!(get(&origin, "/cam/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(quantity(&usage, "egress_bytes"), given as u128);

    // By stream, and after a restart.
    drop((camera, origin, usage));
    // The stream lingers, and with it the origin and its meters.
    sleep(Duration::from_mins(2)).await;
    let usage = open(directory.path());
    assert_eq!(quantity(&usage, "ingest_bytes"), taken);
    let stream = Dimensions::new([("stream", "cam")]).unwrap();
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let query = Query::new(usage.tenant().clone(), always.0, always.1).dimensions(stream);
    let found = usage.with_ledger(|ledger| ledger.usage(&query));
    let egress = found.iter().find(|found| found.meter.as_str() == "egress_bytes").unwrap();
    assert_eq!(egress.quantity, given as u128);
    usage.with_ledger(|ledger| ledger.verify(&[])).unwrap();

    // A new life counts on.
    let origin = Origin::builder().usage(usage.clone()).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(1.0);
    let more = u128::from(origin.streams("")[0].bytes_in);
    assert_eq!(quantity(&usage, "ingest_bytes"), taken + more);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_who_leaves_pays_for_what_was_taken_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let origin = Origin::builder().usage(usage.clone()).build();
    Camera::publish(&origin, "cam").unwrap().run_to(7.0);
    let playlist = get(&origin, &video_playlist(&origin, "cam").await).await;
    let before = quantity(&usage, "egress_bytes");
    let segment = format!("/cam/{}", playlist.uris()[0]);
    let request = Request::get(segment).body(Body::empty()).unwrap();
    let response = tower_service::Service::call(&mut origin.router(), request).await.unwrap();
    let mut body = Box::pin(response.into_body());
    let whole = body.size_hint().exact().unwrap();
    let mut taken = 0;
    for _ in 0..3 {
        let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
        taken += frame.unwrap().unwrap().into_data().unwrap().len() as u64;
    }
    drop(body);
    assert!(taken < whole);
    assert_eq!(quantity(&usage, "egress_bytes") - before, u128::from(taken));
}

#[tokio::test(start_paused = true)]
async fn time_on_air_and_time_watched_are_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let origin = Origin::builder().usage(usage.clone()).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    // There is something to ask for: no request waits.
    camera.run_to(5.0);
    for second in 1..=10 {
        advance(Duration::from_secs(1)).await;
        camera.run_to(f64::from(5 + second));
        // Two tabs of one browser, and another browser for the first half.
        for _ in 0..2 {
            request(&origin, watch("/cam/index.m3u8", "one")).await;
        }
        if second <= 5 {
            request(&origin, watch("/cam/index.m3u8", "two")).await;
        }
    }
    assert_eq!(quantity(&usage, "ingest_ms"), 10_000);
    // From the first request of each to its last.
    assert_eq!(quantity(&usage, "viewer_ms"), 9_000 + 4_000);
    // An encoder that fell silent is not on air, however long its connection stays.
    advance(Duration::from_mins(5)).await;
    drop(camera);
    assert_eq!(quantity(&usage, "ingest_ms"), 10_000);
}

#[tokio::test]
async fn rooms_count_where_a_request_is_admitted() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    for room in ["a", "b", "a"] {
        usage.chat_request(room);
    }
    // Whatever a room is called, its requests count.
    usage.chat_request("");
    usage.chat_request(&"x".repeat(1_000));
    usage.messages_delivered("a", 500);
    assert_eq!(quantity(&usage, "chat_requests"), 5);
    assert_eq!(quantity(&usage, "messages_delivered"), 500);
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let query = Query::new(usage.tenant().clone(), always.0, always.1)
        .dimensions(Dimensions::new([("room", "a")]).unwrap());
    let found = usage.with_ledger(|ledger| ledger.usage(&query));
    assert_eq!(found[0].quantity, 2);
}

#[test]
fn more_rooms_than_are_told_apart_still_count() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path());
    config.billing.limits.series = 3;
    let usage = Usage::open(&config).unwrap();
    for room in 0..10 {
        usage.chat_request(&format!("room-{room}"));
        if room % 2 == 0 {
            usage.flush().unwrap();
        }
    }
    assert_eq!(quantity(&usage, "chat_requests"), 10);
    drop(usage);
    // New rooms in another life: the ledger knows the old ones.
    let usage = Usage::open(&config).unwrap();
    for room in 10..15 {
        usage.chat_request(&format!("room-{room}"));
    }
    assert_eq!(quantity(&usage, "chat_requests"), 15);
    let totals = usage.with_ledger(|ledger| ledger.totals());
    assert_eq!((totals.quarantined, totals.accepted), (0, totals.counted));
}

#[tokio::test(start_paused = true)]
async fn serving_flushes_at_the_interval_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn({
        let usage = usage.clone();
        async move { usage.serve(async { drop(stopped.await) }).await }
    });
    usage.chat_request("a");
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    while usage.figures(always.0, always.1).is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    usage.chat_request("a");
    drop(stop);
    serving.await.unwrap();
    let figures = usage.figures(always.0, always.1);
    assert_eq!(figures[0].quantity, 2);
}

#[tokio::test]
async fn requests_count_once_they_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let api = axum::Router::new()
        .route("/streams", axum::routing::get(async || "[]"))
        .route("/moved", axum::routing::get(async || axum::response::Redirect::to("/streams")))
        .route("/secret", axum::routing::get(async || StatusCode::FORBIDDEN))
        .route("/broken", axum::routing::get(async || StatusCode::INTERNAL_SERVER_ERROR));
    let api = axum::Router::new().nest("/api", usage.requests(api).unwrap());
    for path in ["streams", "streams", "moved", "secret", "broken", "nothing"] {
        let request = Request::get(format!("/api/{path}")).body(Body::empty()).unwrap();
        tower_service::Service::call(&mut api.clone(), request).await.unwrap();
    }
    assert_eq!(quantity(&usage, "api_requests"), 3);
}

/// What an object store posts, with and without its token, again, and with nonsense in between.
#[tokio::test]
async fn downloads_from_an_object_store_count_once() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let tenant = usage.tenant().clone();
    let downloads = usage.downloads("token", move |access| {
        let stream = access.key.split('/').next().filter(|_| access.bucket == "live")?;
        Some((tenant.clone(), Dimensions::new([("stream", stream)]).ok()?))
    });
    let post = async |token: &str, body: &str| {
        let request = Request::post("/").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        tower_service::Service::call(&mut downloads.clone(), request).await.unwrap().status()
    };
    let time = now();
    let get = |request: &str, bucket: &str, bytes: &str| {
        format!(
            r#"{{"eventName":"s3:ObjectAccessed:Get","eventTime":"{time}",
            "responseElements":{{"content-length":"{bytes}","x-amz-request-id":"{request}"}},
            "s3":{{"bucket":{{"name":"{bucket}"}},"object":{{"key":"cam%2F7.m4s"}}}}}}"#
        )
    };
    let of = |records: &[String]| format!(r#"{{"Records":[{}]}}"#, records.join(","));
    let two = of(&[get("A", "live", "100"), get("B", "live", "20")]);
    for (token, status) in [
        ("tokem", StatusCode::UNAUTHORIZED),
        ("", StatusCode::UNAUTHORIZED),
        ("token", StatusCode::OK),
        ("token", StatusCode::OK),
    ] {
        assert_eq!(post(token, &two).await, status, "{token}");
    }
    assert_eq!(quantity(&usage, "egress_bytes"), 120);
    // Somebody else's bucket, and one that says nothing of its size, beside one that counts.
    let mixed = of(&[get("C", "other", "9"), get("D", "live", "much"), get("E", "live", "3")]);
    assert_eq!(post("token", &mixed).await, StatusCode::OK);
    assert_eq!(post("token", "nonsense").await, StatusCode::BAD_REQUEST);
    assert_eq!(quantity(&usage, "egress_bytes"), 123);
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let query = Query::new(usage.tenant().clone(), always.0, always.1);
    let query = query.dimensions(Dimensions::new([("stream", "cam")]).unwrap());
    assert_eq!(usage.with_ledger(|ledger| ledger.usage(&query))[0].quantity, 123);
}

/// Many at once: each is answered for itself, in order, and counts once.
#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_wait_together_are_answered_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..200 {
        let usage = usage.clone();
        // Each has one of its own and one that all of them have, of which but one is right.
        tasks.spawn(async move {
            let inputs = vec![event(id), event(1_000)];
            (id, usage.apply(inputs).await.unwrap())
        });
    }
    let (mut counted, mut ids) = (0, Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (id, outcomes) = done.unwrap();
        assert!(matches!(outcomes[0], Outcome::Counted { .. }), "{id}: {outcomes:?}");
        ids.push(id);
        match outcomes[1] {
            Outcome::Counted { .. } => counted += 1,
            ref other => assert_eq!(*other, Outcome::Duplicate),
        }
    }
    ids.sort_unstable();
    assert_eq!((counted, ids), (1, (0..200).collect()));
    let Input::Event(mut other) = event(1_000) else { unreachable!() };
    other.quantity += 1;
    let outcomes = usage.apply(vec![Input::Event(other), event(5), event(2_000)]).await.unwrap();
    assert_eq!(outcomes[..2], [Outcome::Conflict, Outcome::Duplicate]);
    assert!(usage.apply(Vec::new()).await.unwrap().is_empty());
    let totals = usage.with_ledger(|ledger| ledger.totals());
    assert_eq!(totals.accepted, 202);
    usage.with_ledger(|ledger| ledger.verify(&[])).unwrap();
}

/// While the ledger is busy, whoever comes waits; all of them become one group.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_disk_is_busy_is_one_group() {
    let directory = tempfile::tempdir().unwrap();
    let usage = open(directory.path());
    let mut tasks = tokio::task::JoinSet::new();
    let groups = |usage: &Usage| usage.with_ledger(|ledger| ledger.verify(&[])).unwrap().groups;
    let (busy, free) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let holding = std::thread::spawn({
        let (usage, busy, free) = (usage.clone(), busy.0, free.1);
        move || {
            usage.with_ledger(|_| {
                busy.send(()).unwrap();
                let _ = free.recv();
            });
        }
    });
    busy.1.recv().unwrap();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for id in 0..50 {
        let (usage, asked) = (usage.clone(), Arc::clone(&asked));
        tasks.spawn(async move {
            let mut applying = Box::pin(usage.apply(vec![event(id)]));
            let first = std::future::poll_fn(|cx| {
                let polled = applying.as_mut().poll(cx);
                std::task::Poll::Ready(polled.is_ready())
            });
            assert!(!first.await, "answered before it is durable");
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            applying.await.unwrap()
        });
    }
    while asked.load(std::sync::atomic::Ordering::SeqCst) < 50 {
        tokio::task::yield_now().await;
    }
    drop(free.0);
    holding.join().unwrap();
    assert!(tasks.join_all().await.iter().all(|outcomes| outcomes.len() == 1));
    assert!(groups(&usage) <= 2, "{}", groups(&usage));
}

#[test]
fn one_process_holds_a_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(directory.path());
    let second = Usage::open(&Config::new(directory.path())).expect_err("held");
    assert_eq!(second.to_string(), "storage: lock: in use by another ledger");
}
