use airloom::Origin;
use airloom::edge::Config;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;

use super::site::{Site, ask, get, metric, until};
use crate::camera::Camera;

/// Two hundred viewers that wait for a part are one request at the origin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_who_wait_are_one_request_at_the_origin() {
    const VIEWERS: usize = 200;
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.55);
    let site = Site::start(&origin).await;
    let edge = site.edge(Config::default());
    let list = get(&edge, "/cam/1.m3u8").await;
    let (sequence, part) = list.next();
    let blocked = format!("/cam/1.m3u8?_HLS_msn={sequence}&_HLS_part={part}");
    let hinted = format!("/cam/{}", list.last("#EXT-X-PRELOAD-HINT:TYPE=PART,URI="));
    site.take_seen();

    let viewers: Vec<_> = (0..VIEWERS)
        .map(|viewer| {
            let (edge, blocked, hinted) = (edge.clone(), blocked.clone(), hinted.clone());
            tokio::spawn(async move {
                // In either order of the directives, and each with a token of its own.
                let (path, query) = blocked.split_once('?').unwrap();
                let turned = query.split('&').rev().collect::<Vec<_>>().join("&");
                let blocked = format!("{path}?{turned}&session={viewer}");
                let hinted = format!("{hinted}?token={viewer}");
                tokio::join!(get(&edge, &blocked), get(&edge, &hinted))
            })
        })
        .collect();
    until("all viewers to wait", || {
        metric(&edge.metrics(), "airloom_edge_waiting") == 2 * VIEWERS as u64
    })
    .await;
    until("the origin to be asked", || metric(&origin.metrics(), "airloom_http_waiting") == 2)
        .await;
    camera.run_to(4.8);
    let mut answers = Vec::new();
    for viewer in viewers {
        answers.push(viewer.await.unwrap());
    }
    for (list, part) in &answers {
        assert_eq!((list.status, part.status), (StatusCode::OK, StatusCode::OK));
        assert_eq!((&list.body, &part.body), (&answers[0].0.body, &answers[0].1.body));
        assert_eq!(&part.body[4..8], b"moof");
    }
    let mut seen = site.take_seen();
    seen.sort();
    let mut expected = [format!("/live{blocked}"), format!("/live{hinted}")];
    expected.sort();
    assert_eq!(seen, expected);
    // Who comes later asks nobody.
    let late = get(&edge, &blocked).await;
    assert_eq!(late.body, answers[0].0.body);
    assert_eq!(late.header("cache-status"), "airloom-edge; hit");
    assert_eq!(get(&edge, &hinted).await.body, answers[0].1.body);
    assert!(site.take_seen().is_empty());
    let metrics = edge.metrics();
    assert_eq!(metric(&metrics, "airloom_edge_collapsed_total"), 2 * (VIEWERS as u64 - 1));
    assert_eq!(metric(&metrics, "airloom_edge_origin_failures_total"), 0);
}

#[tokio::test]
async fn a_segment_being_made_is_passed_on_part_by_part() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.55);
    let site = Site::start(&origin).await;
    let edge = site.edge(Config::default());
    let (sequence, _) = get(&edge, "/cam/1.m3u8").await.next();
    let path = format!("/cam/1-{sequence}.m4s");
    site.take_seen();
    let growing = || Request::get(&path).body(Body::empty()).unwrap();
    let (first, second) = tokio::join!(ask(&edge, growing()), ask(&edge, growing()));
    let mut first = first.into_body().into_data_stream();
    let begun = std::future::poll_fn(|cx| {
        futures_util::stream::Stream::poll_next(std::pin::Pin::new(&mut first), cx)
    });
    let begun = begun.await.unwrap().unwrap();
    assert_eq!(&begun[4..8], b"styp");
    // Somebody who joins in the middle gets it from its beginning, too.
    let third = ask(&edge, growing()).await;
    camera.run_to(7.0);
    let mut all = begun.to_vec();
    let rest = to_bytes(Body::from_stream(first), usize::MAX).await.unwrap();
    all.extend_from_slice(&rest);
    for other in [second, third] {
        assert_eq!(to_bytes(other.into_body(), usize::MAX).await.unwrap(), all);
    }
    let whole = get(&edge, &path).await;
    assert_eq!(whole.body, all);
    assert_eq!(whole.header("content-length"), all.len().to_string());
    assert_eq!(site.take_seen(), [format!("/live{path}")]);
}

#[tokio::test]
async fn viewers_who_leave_take_their_request_with_them() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.55);
    let site = Site::start(&origin).await;
    let edge = site.edge(Config::default());
    let (sequence, part) = get(&edge, "/cam/1.m3u8").await.next();
    let path = format!("/cam/1.m3u8?_HLS_msn={sequence}&_HLS_part={part}");
    let viewers: Vec<_> = (0..20)
        .map(|_| {
            let (edge, path) = (edge.clone(), path.clone());
            tokio::spawn(async move { get(&edge, &path).await })
        })
        .collect();
    let waiting = || metric(&origin.metrics(), "airloom_http_waiting");
    until("the origin to be asked", || waiting() == 1).await;
    viewers.iter().for_each(tokio::task::JoinHandle::abort);
    until("the origin to be left alone", || waiting() == 0).await;
    let metrics = edge.metrics();
    assert_eq!(metric(&metrics, "airloom_edge_origin_abandoned_total"), 1);
    assert_eq!(metric(&metrics, "airloom_edge_waiting"), 0);
    assert_eq!(metric(&metrics, "airloom_edge_origin_requests"), 0);
    // And whoever comes then is answered.
    let again = tokio::spawn({
        let edge = edge.clone();
        async move { get(&edge, &path).await }
    });
    until("the origin to be asked", || waiting() == 1).await;
    camera.run_to(4.8);
    assert_eq!(again.await.unwrap().status, StatusCode::OK);
}
