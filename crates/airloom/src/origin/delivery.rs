use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use airloom_playlist::{Answer, BadRequest, Rendered, Request, Resource};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::time::Instant;

use super::meters::Meter;
use super::store::Media;
use super::stream::Stream;
use super::{Origin, wall_time};
use crate::http::{Chunks, Problem, WriteDeadline};

/// What may pass between a segment's eviction and the end of its slowest download.
const GRACE: Duration = Duration::from_secs(10);

pub(super) fn router(origin: Origin) -> Router {
    Router::new()
        .route("/{name}/{resource}", get(serve))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Streams are only read: GET or HEAD")
        })
        .with_state(origin)
}

async fn serve(
    State(origin): State<Origin>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    deadline: Option<Extension<WriteDeadline>>,
    headers: HeaderMap,
) -> Response {
    origin.0.totals.requests.fetch_add(1, Ordering::Relaxed);
    let Ok(Path((name, resource))) = path else {
        return Problem::new(StatusCode::NOT_FOUND, "No stream has such a name").into_response();
    };
    let Some(stream) = origin.stream(&name) else {
        return Problem::new(StatusCode::NOT_FOUND, "No stream of that name is on air")
            .into_response();
    };
    let Some(resource) = Resource::parse(&resource) else {
        return Problem::new(StatusCode::NOT_FOUND, "A stream has no resource of that name")
            .into_response();
    };
    let request = match Request::from_query(resource, query.as_deref().unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return bad_request(error),
    };
    if let Some(Extension(ConnectInfo(peer))) = peer {
        let user_agent = headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        stream.note_viewer(peer.ip(), user_agent);
    }
    match settle(&origin, &stream, &request).await {
        Settled::Answer(Answer::Ready(rendered), _) => {
            playlist(&origin, &stream, resource, rendered, &headers)
        }
        Settled::Answer(Answer::Stored(_), Some(media)) => {
            if let Some(Extension(deadline)) = deadline {
                let config = origin.config();
                deadline.within(config.window + GRACE);
            }
            self::media(&origin, &stream, resource, media)
        }
        Settled::Answer(Answer::Time, _) => {
            let text = HeaderValue::from_static(resource.content_type());
            let no_store = HeaderValue::from_static("no-store");
            (
                [(header::CONTENT_TYPE, text), (header::CACHE_CONTROL, no_store)],
                wall_time().to_string(),
            )
                .into_response()
        }
        Settled::Answer(Answer::BadRequest(error), _) => bad_request(error),
        Settled::Answer(..) => {
            Problem::new(StatusCode::NOT_FOUND, "Not in the live window, or no longer")
                .into_response()
        }
        Settled::Crowded => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many requests wait for this stream")
                .into_response()
        }
        Settled::Late => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The media did not come in time")
                .into_response()
        }
    }
}

enum Settled {
    Answer(Answer, Option<Media>),
    Crowded,
    Late,
}

/// Asks the window, and asks again after each change for as long as it says to wait.
async fn settle(origin: &Origin, stream: &Arc<Stream>, request: &Request) -> Settled {
    // Subscribed before the first question: no change between the two goes unnoticed.
    let mut changes = stream.subscribe();
    let at_most = match stream.answer(request) {
        (Answer::Wait(wait), _) => wait.at_most,
        (answer, media) => return Settled::Answer(answer, media),
    };
    let Some(_place) = stream.wait() else { return Settled::Crowded };
    let _waiting = Gauge::new(origin);
    let end = Instant::now() + at_most;
    loop {
        match tokio::time::timeout_at(end, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Settled::Late,
        }
        match stream.answer(request) {
            (Answer::Wait(_), _) => {}
            (answer, media) => return Settled::Answer(answer, media),
        }
    }
}

/// Counts a waiting request for as long as it lives.
struct Gauge<'a>(&'a Origin);

impl<'a> Gauge<'a> {
    fn new(origin: &'a Origin) -> Self {
        origin.0.totals.waiting.fetch_add(1, Ordering::Relaxed);
        Self(origin)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.0.totals.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn bad_request(error: BadRequest) -> Response {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response()
}

fn playlist(
    origin: &Origin,
    stream: &Stream,
    resource: Resource,
    rendered: Rendered,
    headers: &HeaderMap,
) -> Response {
    let etag = format!("\"{:x}\"", rendered.version);
    let same = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes() || known == "*");
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let length = rendered.body.len() as u64;
        body(origin, stream, std::iter::once(rendered.body), length)
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(resource.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// A response whose bytes are counted as the connection takes them to write: what an aborted
/// download has not asked for costs nobody anything.
fn body(
    origin: &Origin,
    stream: &Stream,
    chunks: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
    length: u64,
) -> Response {
    let (origin, meters) = (origin.clone(), stream.meters().clone());
    let counted = chunks.inspect(move |chunk| {
        let bytes = chunk.len() as u64;
        origin.0.totals.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        meters.add(Meter::EgressBytes, bytes);
    });
    Response::new(Body::new(Chunks::new(counted, length)))
}

fn media(origin: &Origin, stream: &Stream, resource: Resource, media: Media) -> Response {
    let (chunks, length) = media.chunks();
    let mut response = body(origin, stream, chunks, length);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(resource.content_type()));
    // A name of media never stands for other bytes.
    let immutable = HeaderValue::from_static("public, max-age=86400, immutable");
    headers.insert(header::CACHE_CONTROL, immutable);
    response
}
