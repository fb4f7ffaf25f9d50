//! The JSON side of the service, and what all its answers have in common.

use std::net::SocketAddr;

use airloom::Origin;
use airloom::chat::Chat;
use airloom::http::Problem;
use airloom::record::Recorder;
use arguments::Arguments;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::arguments;
use crate::hooks::Hooks;

/// What the page needs to know to tell a person where to publish.
#[derive(Debug, Clone, Serialize)]
struct Server {
    rtmp: String,
    segment_s: f64,
    part_ms: u128,
    version: &'static str,
}

/// `/streams` and `/server`, relative to where it is nested.
pub(crate) fn router(origin: Origin, arguments: &Arguments, rtmp: SocketAddr) -> Router {
    let server = Server {
        rtmp: rtmp.to_string(),
        segment_s: arguments.segment.as_secs_f64(),
        part_ms: arguments.part.map_or(0, |part| part.as_millis()),
        version: env!("CARGO_PKG_VERSION"),
    };
    Router::new()
        .route("/streams", get(streams).with_state(origin))
        .route("/server", get(async move || fresh(Json(server))))
}

async fn streams(State(origin): State<Origin>) -> Response {
    fresh(Json(origin.streams("/live")))
}

/// Prometheus text.
pub(crate) async fn metrics(
    State((origin, chat, recorder, hooks)): State<(Origin, Chat, Recorder, Hooks)>,
) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    fresh((
        [(header::CONTENT_TYPE, text)],
        origin.metrics() + &chat.metrics() + &recorder.metrics() + &hooks.metrics(),
    ))
}

/// A problem document for every path that leads nowhere.
pub(crate) async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Nothing is served at this path")
}

fn fresh(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem document for a method that a path does not take.
pub(crate) async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This path is only read: GET or HEAD")
}
