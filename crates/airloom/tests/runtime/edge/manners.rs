use std::time::Duration;

use airloom::Origin;
use airloom::edge::Config;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;

use super::site::{Site, get, get_with, metric, request};
use crate::camera::Camera;

/// Nothing runs out while a test runs.
fn lasting() -> Config {
    let mut config = Config::default();
    config.reuse = Duration::from_hours(1);
    config.negative = Duration::from_hours(1);
    config
}

#[tokio::test]
async fn everything_an_origin_serves_is_the_same_behind_an_edge() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(7.0);
    let site = Site::start(&origin).await;
    let (edge, direct) = (site.edge(lasting()), origin.router());
    let list = get(&edge, "/cam/1.m3u8").await;
    let header = list.last("#EXT-X-MAP:URI=").to_owned();
    let part = list.text().lines().find_map(|line| {
        let (_, uri) = line.strip_prefix("#EXT-X-PART:")?.split_once("URI=\"")?;
        uri.split('"').next()
    });
    let part = part.unwrap();
    let ts = get(&edge, "/cam/ts.m3u8").await.uris()[0].to_owned();
    let paths = ["index.m3u8", "1.m3u8", "2.m3u8", "ts.m3u8", "manifest.mpd", list.uris()[0]];
    for name in paths.into_iter().chain([&*header, part, &*ts]) {
        let asked = || Request::get(format!("/cam/{name}")).body(Body::empty()).unwrap();
        let response = tower_service::Service::call(&mut direct.clone(), asked()).await.unwrap();
        let (theirs, body) = response.into_parts();
        let theirs_body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        for _ in 0..2 {
            let ours = request(&edge, asked()).await;
            assert_eq!(ours.status, StatusCode::OK, "{name}");
            assert_eq!(ours.body, theirs_body, "{name}");
            for field in ["content-type", "cache-control", "etag", "accept-ranges", "vary"] {
                assert_eq!(ours.headers.get(field), theirs.headers.get(field), "{name} {field}");
            }
        }
    }
    let time = get(&edge, "/cam/time").await;
    assert_eq!(time.status, StatusCode::OK);
    assert_eq!(time.header("cache-control"), "no-store");
}

#[tokio::test]
async fn conditions_and_ranges_are_answered_from_the_cache() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let site = Site::start(&origin).await;
    let edge = site.edge(lasting());
    let list = get(&edge, "/cam/1.m3u8").await;
    let path = format!("/cam/{}", list.uris()[0]);
    let whole = get(&edge, &path).await;
    let (tag, length) = (whole.header("etag").to_owned(), whole.body.len());
    site.take_seen();

    let known = get_with(&edge, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let known = get_with(&edge, "/cam/1.m3u8", &[("if-none-match", list.header("etag"))]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);

    let cut = get_with(&edge, &path, &[("range", "bytes=4-7")]).await;
    assert_eq!(cut.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(cut.header("content-range"), format!("bytes 4-7/{length}"));
    assert_eq!(cut.body, whole.body[4..8]);
    let changed = [("range", "bytes=4-7"), ("if-range", "\"another\"")];
    assert_eq!(get_with(&edge, &path, &changed).await.status, StatusCode::OK);
    let beyond = get_with(&edge, &path, &[("range", "bytes=99999999-")]).await;
    beyond.assert_problem(416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));

    let head = request(&edge, Request::head(&path).body(Body::empty()).unwrap()).await;
    assert_eq!(head.header("content-length"), length.to_string());
    assert!(head.body.is_empty());
    let squeezed = get_with(&edge, "/cam/1.m3u8", &[("accept-encoding", "br")]).await;
    assert_eq!(squeezed.header("content-encoding"), "br");
    assert!(squeezed.body.len() < list.body.len());
    assert_eq!(site.take_seen(), <[String; 0]>::default());

    // While it comes, too.
    let other = format!("/cam/{}", list.uris()[1]);
    let other = get_with(&edge, &other, &[("range", "bytes=4-7")]).await;
    assert_eq!((other.status, &*other.body), (StatusCode::PARTIAL_CONTENT, &b"styp"[..]));
}

#[tokio::test]
async fn tokens_are_carried_on_and_never_seen_by_the_origin() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let site = Site::start(&origin).await;
    let edge = site.edge(lasting());
    for token in ["one", "two"] {
        for name in ["index.m3u8", "1.m3u8", "manifest.mpd"] {
            let answer = get(&edge, &format!("/cam/{name}?token={token}&other=x")).await;
            let linked = answer.text().matches(&format!("?token={token}")).count();
            assert!(linked > 1 && !answer.text().contains("other"), "{}", answer.text());
        }
        let list = get(&edge, &format!("/cam/1.m3u8?token={token}")).await;
        assert_eq!(get(&edge, &format!("/cam/{}", list.uris()[0])).await.status, StatusCode::OK);
    }
    assert!(!get(&edge, "/cam/1.m3u8").await.text().contains("token"));
    let seen = site.take_seen();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen.iter().all(|asked| !asked.contains('?')), "{seen:?}");
}

#[tokio::test]
async fn refusals_are_repeated_and_nonsense_is_not_asked_for() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let site = Site::start(&origin).await;
    let edge = site.edge(lasting());
    for _ in 0..50 {
        get(&edge, "/nobody/index.m3u8").await.assert_problem(404);
        get(&edge, "/cam/1-3.m4s").await.assert_problem(404);
        get(&edge, "/cam/1.m3u8?_HLS_msn=99999999999999").await.assert_problem(400);
    }
    assert_eq!(site.take_seen().len(), 3);
    for path in ["/cam/x", "/%00/index.m3u8", "/cam/01.m3u8", "/c%2fd/1.ts"] {
        get(&edge, path).await.assert_problem(404);
    }
    get(&edge, "/cam/1.m3u8?_HLS_msn=x").await.assert_problem(400);
    let post = Request::post("/cam/1.m3u8").body(Body::empty()).unwrap();
    request(&edge, post).await.assert_problem(405);
    assert_eq!(site.take_seen(), <[String; 0]>::default());
}

#[tokio::test]
async fn the_cache_stays_within_its_bytes() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(20.0);
    let site = Site::start(&origin).await;
    let mut config = lasting();
    config.limits.cache = 16 << 10;
    let edge = site.edge(config);
    let list = get(&edge, "/cam/1.m3u8").await;
    for _ in 0..3 {
        for name in list.uris() {
            assert_eq!(get(&edge, &format!("/cam/{name}")).await.status, StatusCode::OK);
            assert!(metric(&edge.metrics(), "airloom_edge_cache_bytes") <= 16 << 10);
        }
    }
}
