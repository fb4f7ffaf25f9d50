use airloom::Origin;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::{Duration, Instant};
use tower_service::Service;

use super::client::get;
use crate::camera::Camera;

/// The number of the segment that the manifest lists last, of the first track.
async fn last_listed(origin: &Origin) -> u64 {
    let manifest = get(origin, "/cam/manifest.mpd").await;
    let text = manifest.text().split("</AdaptationSet>").next().unwrap();
    let number = |text: &str, name: &str| {
        let (_, rest) = text.split_once(name)?;
        rest.split('"').next().unwrap().parse::<u64>().ok()
    };
    let listed = text.split("<S ").skip(1).map(|s| 1 + number(s, " r=\"").unwrap_or(0));
    number(text, "startNumber=\"").unwrap() + listed.sum::<u64>() - 1
}

/// DASH-IF low latency: what is asked for before it is complete comes as it is made, and is what
/// everybody gets afterwards.
#[tokio::test(start_paused = true)]
async fn a_segment_being_made_is_sent_part_by_part() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.7);
    let path = format!("/cam/1-{}.m4s", last_listed(&origin).await);
    let request = Request::get(&path).body(Body::empty()).unwrap();
    let response = origin.router().call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
    let mut body = response.into_body();
    let mut received = Vec::new();
    let mut arrivals = Vec::new();
    for step in 0..8 {
        let quiet = Duration::from_millis(10);
        while let Ok(frame) = tokio::time::timeout(quiet, body.frame()).await {
            let Some(frame) = frame else { break };
            received.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        arrivals.push(received.len());
        camera.run_to(5.9 + 0.2 * f64::from(step));
    }
    assert!(arrivals[0] > 0 && arrivals.windows(2).filter(|pair| pair[0] < pair[1]).count() >= 5);
    camera.run_to(9.0);
    received.extend_from_slice(&to_bytes(body, usize::MAX).await.unwrap());
    assert_eq!(received, get(&origin, &path).await.body);
}

/// A torso must not pass for the segment.
#[tokio::test(start_paused = true)]
async fn a_segment_that_is_never_completed_ends_as_a_failure() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.7);
    let path = format!("/cam/1-{}.m4s", last_listed(&origin).await);
    let start = Instant::now();
    let request = Request::get(&path).body(Body::empty()).unwrap();
    let response = origin.router().call(request).await.unwrap();
    assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
    assert_eq!(start.elapsed().as_secs(), 6);
    assert!(camera.is_on_air());
}

/// The end of the stream completes what was begun.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_ends_a_segment_being_made() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.7);
    let path = format!("/cam/1-{}.m4s", last_listed(&origin).await);
    let request = Request::get(&path).body(Body::empty()).unwrap();
    let response = origin.router().call(request).await.unwrap();
    origin.end().await;
    let received = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(received, get(&origin, &path).await.body);
}
