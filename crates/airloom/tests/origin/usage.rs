//! What goes through an origin is in the ledger, to the byte.

use std::net::SocketAddr;
use std::path::Path;

use airloom::Origin;
use airloom::billing::ledger::Query;
use airloom::billing::{Dimensions, WallTime};
use airloom::usage::{Config, Usage};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use http_body::Body as _;
use tokio::time::{Duration, advance, sleep};

use super::camera::Camera;
use super::client::{get, request, video_playlist};

fn open(path: &Path) -> Usage {
    Usage::open(&Config::new(path)).unwrap()
}

fn quantity(usage: &Usage, meter: &str) -> u128 {
    usage.flush().unwrap();
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let figures = usage.figures(always.0, always.1);
    figures.iter().find(|figure| figure.meter.as_str() == meter).map_or(0, |found| found.quantity)
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

#[test]
fn one_process_holds_a_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(directory.path());
    let second = Usage::open(&Config::new(directory.path())).expect_err("held");
    assert_eq!(second.to_string(), "storage: lock: in use by another ledger");
}
