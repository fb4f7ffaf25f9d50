use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use airloom_playlist::{Answer, BadRequest, Rendered, Request, Resource};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::time::Instant;
use tracing::{Instrument, debug_span};

use growing::Growing;
use parking::Parked;

use super::meters::Meter;
use super::store::Media;
use super::stream::Stream;
#[cfg(feature = "thumbnails")]
use super::thumbnail;
use super::{Origin, StreamName, wall_time};
use crate::http::{Chunks, Detachable, Problem, WriteDeadline, is_known, set};

pub(super) mod encoding;
mod growing;
mod guard;
mod parking;
pub(super) mod range;

pub(super) use encoding::Encodings;
pub(crate) use encoding::{Coding, Encoded};
pub use guard::Carried;
pub(super) use guard::guarded;
pub(super) use parking::Parking;
pub(crate) use range::{Range, Sliced};

/// What may pass between a segment's eviction and the end of its slowest download.
const GRACE: Duration = Duration::from_secs(10);

/// Segment targets for which nothing more of a segment being made may come: as long as a blocked
/// request is held.
const PATIENCE: u32 = 3;

/// Segment targets for which a cache may keep what a blocked request was answered with.
const BLOCKED_MAX_AGE: u64 = 6;

/// When those may come again for whom there was no room.
const RETRY: Duration = Duration::from_secs(2);

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
    (deadline, detachable): (Option<Extension<WriteDeadline>>, Option<Extension<Detachable>>),
    method: Method,
    headers: HeaderMap,
) -> Response {
    origin.0.totals.requests.fetch_add(1, Ordering::Relaxed);
    let Ok(Path((name, resource))) = path else {
        return Problem::new(StatusCode::NOT_FOUND, "No stream has such a name").into_response();
    };
    let Ok(name) = name.parse::<StreamName>() else {
        return Problem::new(StatusCode::NOT_FOUND, "No stream has such a name").into_response();
    };
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let span =
        debug_span!("request", stream = %name, resource, peer = peer.map(tracing::field::display));
    let detachable = detachable.filter(|_| method == Method::GET);
    let asked = Asked { name, resource, query, peer, deadline, detachable, headers };
    let_in(origin, asked).instrument(span).await
}

/// A request for something of a stream.
struct Asked {
    name: StreamName,
    resource: String,
    query: Option<String>,
    peer: Option<SocketAddr>,
    deadline: Option<Extension<WriteDeadline>>,
    /// Only of a `GET`.
    detachable: Option<Extension<Detachable>>,
    headers: HeaderMap,
}

/// Lets a request through to its answer, where somebody decides about that.
async fn let_in(origin: Origin, mut asked: Asked) -> Response {
    let Some(door) = origin.door() else { return answer(origin, asked).await };
    let shown = carried(&origin.config().carried, asked.query.as_deref().unwrap_or_default());
    match guard::admit(&origin, &door, &asked.name, &shown, asked.peer, &asked.headers).await {
        Ok(other) => {
            let private = guard::is_private(&shown, &asked.headers);
            asked.name = other.unwrap_or(asked.name);
            // What is answered outside of HTTP says what it says to all.
            asked.detachable = asked.detachable.filter(|_| !private);
            let response = answer(origin, asked).await;
            if private { guard::keep_private(response) } else { response }
        }
        Err(denied) => denied.into_response(),
    }
}

async fn answer(origin: Origin, asked: Asked) -> Response {
    let Asked { name, resource, query, peer, deadline, detachable, headers } = asked;
    #[cfg(feature = "thumbnails")]
    if resource == thumbnail::NAME {
        return match origin.seek(&name, false).await {
            Ok(stream) => thumbnail::answer(&origin, &stream, &headers).await,
            Err(unavailable) => unavailable.into_response(),
        };
    }
    let resource = Resource::parse(&resource);
    let begins = matches!(resource, Some(Resource::Multivariant | Resource::Ts | Resource::Mpd));
    let stream = match origin.seek(&name, begins).await {
        Ok(stream) => stream,
        Err(unavailable) => return unavailable.into_response(),
    };
    let Some(resource) = resource else {
        return Problem::new(StatusCode::NOT_FOUND, "A stream has no resource of that name")
            .into_response();
    };
    let request = match Request::from_query(resource, query.as_deref().unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return bad_request(error),
    };
    if let Some(peer) = peer {
        let user_agent = headers.get(header::USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
        if !stream.note_viewer(peer.ip(), user_agent) {
            return busy(&origin, "As many watch this stream as may");
        }
    }
    // Who asks for a part of it, or only if it is not known, is answered by HTTP itself.
    let plain =
        ![header::RANGE, header::IF_NONE_MATCH].iter().any(|name| headers.contains_key(name));
    let suspendable = detachable.is_some_and(|Extension(it)| it.is_suspendable());
    let park = (plain && suspendable).then(|| {
        let query = query.as_deref().unwrap_or_default();
        let carried = carried(&origin.config().carried, query);
        Parked::new(request, Coding::negotiate(&headers), carried)
    });
    match settle(&origin, &stream, &request, park).await {
        Settled::Parked(response) => response,
        Settled::Answer(Answer::Ready(rendered), _) => {
            let query = query.as_deref().unwrap_or_default();
            let carried = carried(&origin.config().carried, query);
            let text = text(&stream, &request, &carried, rendered);
            playlist(&origin, &stream, &request, &text, &headers)
        }
        Settled::Answer(Answer::Stored(_), Some(media)) => {
            if let Some(Extension(deadline)) = deadline {
                let config = origin.config();
                deadline.within(config.window + GRACE);
            }
            self::media(&origin, &stream, resource, media, &headers)
        }
        Settled::Answer(Answer::Growing(Resource::Segment { track, sequence }), _) => {
            let patience = origin.config().segment * PATIENCE;
            let stream = Arc::clone(&stream);
            let body = Growing::new(origin, stream, track, sequence, patience);
            immutable(resource, Response::new(Body::new(body)))
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
        Settled::Answer(..) => gone().into_response(),
        Settled::Crowded => busy(&origin, "Too many requests wait for this stream"),
        Settled::Late => busy(&origin, LATE),
    }
}

fn gone() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "Not in the live window, or no longer")
}

const LATE: &str = "The media did not come in time";

enum Settled {
    Answer(Answer, Option<Media>),
    /// What leaves HTTP and is answered elsewhere.
    Parked(Response),
    Crowded,
    Late,
}

/// Asks the window, and asks again after each change for as long as it says to wait; or lets the
/// request wait in `park`.
async fn settle(
    origin: &Origin,
    stream: &Arc<Stream>,
    request: &Request,
    park: Option<Parked>,
) -> Settled {
    // Subscribed before the first question: no change between the two goes unnoticed.
    let mut changes = stream.subscribe();
    let at_most = match stream.answer(request) {
        (Answer::Wait(wait), _) => wait.at_most,
        (answer, media) => return Settled::Answer(answer, media),
    };
    if let Some(park) = park {
        if stream.is_crowded() {
            return Settled::Crowded;
        }
        let asked = *changes.borrow_and_update();
        return Settled::Parked(park.leave(origin, stream, at_most, asked));
    }
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

pub(super) fn busy(origin: &Origin, detail: &'static str) -> Response {
    too_busy(origin, detail).into_response()
}

fn too_busy(origin: &Origin, detail: &'static str) -> Problem {
    origin.0.totals.busy.fetch_add(1, Ordering::Relaxed);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_retry_after(RETRY)
}

fn bad_request(error: BadRequest) -> Response {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response()
}

/// The text for this viewer: shared with all others, except where it carries a token of theirs.
fn text(stream: &Stream, request: &Request, carried: &str, text: Rendered) -> Arc<Encoded> {
    if let Some(body) = text.with_query(request.resource, carried) {
        return Arc::new(Encoded::new(Rendered { body, ..text }));
    }
    stream.share(request.resource, request.skip, text)
}

/// The parameters of `query` that its answer's links carry on, as they came.
pub(crate) fn carried(names: &[String], query: &str) -> String {
    let mut carried = String::new();
    for pair in query.split('&') {
        let name = pair.split('=').next().unwrap_or(pair);
        if names.iter().any(|carried| carried == name) {
            if !carried.is_empty() {
                carried.push('&');
            }
            carried.push_str(pair);
        }
    }
    carried
}

fn playlist(
    origin: &Origin,
    stream: &Stream,
    request: &Request,
    text: &Encoded,
    headers: &HeaderMap,
) -> Response {
    let coding = Coding::negotiate(headers);
    let tag = text.tag(coding);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = text.body(coding);
        let length = body.len() as u64;
        self::body(origin, stream, std::iter::once(body), length)
    };
    if response.status() == StatusCode::NOT_MODIFIED {
        describe_playlist(origin, request, Coding::Identity, &tag, response.headers_mut());
    } else {
        describe_playlist(origin, request, coding, &tag, response.headers_mut());
    }
    response
}

fn describe_playlist(
    origin: &Origin,
    request: &Request,
    coding: Coding,
    tag: &str,
    headers: &mut HeaderMap,
) {
    if let Some(name) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, name);
    }
    let resource = request.resource;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(resource.content_type()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // An answer that was waited for is good for as long as its URL can be asked for: nobody asks
    // again once there is more (RFC 8216bis, appendix B.1).
    let caching = if request.msn.is_some() {
        let seconds = origin.config().segment.as_secs().max(1) * BLOCKED_MAX_AGE;
        HeaderValue::from_str(&format!("public, max-age={seconds}")).ok()
    } else {
        None
    };
    let caching = caching.unwrap_or(HeaderValue::from_static("no-cache"));
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(PRIORITY, HeaderValue::from_static("u=1"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
}

/// RFC 9218: playlists before media, whichever shares the connection (RFC 8216bis, appendix B.1).
const PRIORITY: HeaderName = HeaderName::from_static("priority");

/// A response whose bytes are counted as the connection takes them to write: what an aborted
/// download has not asked for costs nobody anything.
pub(super) fn body(
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

fn media(
    origin: &Origin,
    stream: &Stream,
    resource: Resource,
    media: Media,
    headers: &HeaderMap,
) -> Response {
    let tag = format!("\"{resource}\"");
    let (chunks, length) = media.chunks();
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match Range::of(headers, &tag, length) {
            Range::Whole => body(origin, stream, chunks, length),
            Range::Single { start, length: asked } => {
                let chunks = Sliced::new(chunks, start, asked);
                let mut response = body(origin, stream, chunks, asked);
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = format!("bytes {start}-{}/{length}", start + asked - 1);
                set(&mut response, header::CONTENT_RANGE, &range);
                response
            }
            Range::Unsatisfiable => {
                let problem = Problem::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "The range lies outside of what is there",
                );
                let mut response = problem.into_response();
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return response;
            }
        }
    };
    describe_media(resource, response.headers_mut());
    response
}

fn describe_media(resource: Resource, headers: &mut HeaderMap) {
    // A name of media never stands for other bytes, so it is its own tag.
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{resource}\"")) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    describe_immutable(resource, headers);
}

fn immutable(resource: Resource, mut response: Response) -> Response {
    describe_immutable(resource, response.headers_mut());
    response
}

fn describe_immutable(resource: Resource, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(resource.content_type()));
    // A name of media never stands for other bytes.
    let immutable = HeaderValue::from_static("public, max-age=86400, immutable");
    headers.insert(header::CACHE_CONTROL, immutable);
    // The same for all encodings: none may come before a smaller one.
    headers.insert(PRIORITY, HeaderValue::from_static("u=3"));
}
