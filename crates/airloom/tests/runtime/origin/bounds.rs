//! What is refused at a bound, and how it is said.

use std::net::SocketAddr;
use std::time::Duration;

use airloom::Origin;
use airloom::origin::{Limits, PublishingError, Refused};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use tokio::time::sleep;

use super::client::{Answer, request};
use crate::camera::Camera;

async fn watch(origin: &Origin, viewer: u8) -> Answer {
    let mut ask = Request::get("/cam/index.m3u8").body(Body::empty()).unwrap();
    ask.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, viewer], 4000))));
    request(origin, ask).await
}

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

#[tokio::test(start_paused = true)]
async fn a_viewer_too_many_is_told_to_come_again() {
    let origin = Origin::builder().limits(limits(|limits| limits.viewers = 2)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    for viewer in [1, 2, 1, 2] {
        assert_eq!(watch(&origin, viewer).await.status, StatusCode::OK);
    }
    let refused = watch(&origin, 3).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers[header::RETRY_AFTER], "2");
    assert_eq!(refused.headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(origin.streams("")[0].viewers, 2);
    // Another bound holds from the next request on; one that fell puts nobody out.
    origin.set_limits(limits(|limits| limits.viewers = 3));
    assert_eq!(watch(&origin, 3).await.status, StatusCode::OK);
    origin.set_limits(limits(|limits| limits.viewers = 1));
    assert_eq!(watch(&origin, 3).await.status, StatusCode::OK);
    assert_eq!(watch(&origin, 4).await.status, StatusCode::SERVICE_UNAVAILABLE);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(watch(&origin, 4).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_stream_out_of_all_proportion_is_cut_off() {
    let origin = Origin::builder().limits(limits(|limits| limits.held_bytes = 8000)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    for second in 1..60 {
        sleep(Duration::from_secs(1)).await;
        if let Err(error) = camera.try_run_to(second.into()) {
            assert!(matches!(error, PublishingError::Held { limit: 8000 }), "{error:?}");
            assert!(second > 2);
            return;
        }
    }
    panic!("a minute of it was held");
}

#[tokio::test(start_paused = true)]
async fn limits_of_streams_are_replaced_while_it_runs() {
    let origin = Origin::builder().limits(limits(|limits| limits.streams = 1)).build();
    let _one = Camera::publish(&origin, "one").unwrap();
    assert_eq!(Camera::publish(&origin, "two").err(), Some(Refused::Full));
    origin.set_limits(limits(|limits| limits.streams = 2));
    let _two = Camera::publish(&origin, "two").unwrap();
    assert_eq!(Camera::publish(&origin, "three").err(), Some(Refused::Full));
    assert_eq!(origin.limits().streams, 2);
}
