use std::time::Duration;

use airloom::Origin;
use airloom::edge::Config;
use axum::http::StatusCode;

use super::site::{Site, get, metric, until};
use crate::camera::Camera;

#[tokio::test]
async fn an_origin_that_is_gone_is_covered_for_and_found_again_at_once() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let site = Site::start(&origin).await;
    let mut config = Config::default();
    (config.reuse, config.hold) = (Duration::ZERO, Duration::ZERO);
    config.stale = Duration::from_hours(1);
    let edge = site.edge(config.clone());
    let list = get(&edge, "/cam/1.m3u8").await;
    let media = format!("/cam/{}", list.uris()[0]);
    let segment = get(&edge, &media).await;
    let (sequence, _) = list.next();
    let address = site.stop().await;

    let old = get(&edge, "/cam/1.m3u8").await;
    assert_eq!((old.status, &old.body), (StatusCode::OK, &list.body));
    assert_eq!(old.header("cache-status"), "airloom-edge; hit; detail=stale");
    assert_eq!(get(&edge, &media).await.body, segment.body);
    // What would be news cannot be old.
    let blocked = get(&edge, &format!("/cam/1.m3u8?_HLS_msn={sequence}")).await;
    blocked.assert_problem(502);
    assert_eq!(blocked.header("retry-after"), "1");
    get(&edge, "/cam/manifest.mpd").await.assert_problem(502);
    let metrics = edge.metrics();
    assert_eq!(metric(&metrics, "airloom_edge_stale_total"), 1);
    assert_eq!(metric(&metrics, "airloom_edge_origin_up"), 0);

    // Another process in its place, which counts on above what the first gave out.
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let site = Site::start_at(&origin, address).await;
    // Tried at most 20 times a second.
    let mut new = get(&edge, "/cam/1.m3u8").await;
    while new.header("cache-status") != "airloom-edge; fwd=miss" {
        tokio::task::yield_now().await;
        new = get(&edge, "/cam/1.m3u8").await;
    }
    assert_ne!(new.body, list.body);
    assert_eq!(metric(&edge.metrics(), "airloom_edge_origin_up"), 1);
    assert!(camera.is_on_air());

    // Where nothing old is allowed, there is none.
    config.stale = Duration::ZERO;
    let strict = super::site::edge_of(address, config);
    assert_eq!(get(&strict, "/cam/1.m3u8").await.status, StatusCode::OK);
    site.stop().await;
    get(&strict, "/cam/1.m3u8").await.assert_problem(502);
}

/// Whoever waits for the next part anyhow does not notice that the origin was away.
#[tokio::test]
async fn who_is_held_is_held_through_a_restart() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.55);
    let site = Site::start(&origin).await;
    let mut config = Config::default();
    config.hold = Duration::from_mins(1);
    let edge = site.edge(config);
    let (sequence, part) = get(&edge, "/cam/1.m3u8").await.next();
    let path = format!("/cam/1.m3u8?_HLS_msn={sequence}&_HLS_part={part}");
    let viewer = tokio::spawn({
        let edge = edge.clone();
        async move { get(&edge, &path).await }
    });
    let waiting = || metric(&origin.metrics(), "airloom_http_waiting");
    until("the origin to be asked", || waiting() == 1).await;
    let address = site.stop().await;
    until("the edge to notice", || metric(&edge.metrics(), "airloom_edge_origin_up") == 0).await;
    assert!(!viewer.is_finished());
    let _site = Site::start_at(&origin, address).await;
    until("the origin to be asked again", || waiting() == 1).await;
    camera.run_to(4.8);
    assert_eq!(viewer.await.unwrap().status, StatusCode::OK);
}
