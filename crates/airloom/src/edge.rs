//! An edge: pulls HLS, Low-Latency HLS and DASH from an origin of ours over HTTP, and serves it on.
//!
//! However many viewers wait at an edge for one thing, the origin is asked for it once: blocking
//! reloads and hinted parts included. What comes is passed on while it comes, and kept within
//! bounds: media by its name, which never stands for other bytes, and playlists by their version.

mod answer;
mod cache;
mod config;
mod counts;
mod fetch;
mod flight;
mod following;
mod key;
mod upstream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airloom_playlist::{Request, Resource};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

pub use config::{Config, Limits};
pub use upstream::{InvalidUpstream, Upstream};

use answer::Answer;
use cache::{Ask, Cache, Kept};
use counts::{Counts, Gauge};
use flight::{Failure, Outcome};
use key::Key;

use crate::http::{Connector, Problem, WriteDeadline};
use crate::origin::StreamName;

/// How long a connection that nobody uses is kept: shorter than an origin waits for a request.
const IDLE: Duration = Duration::from_mins(1);

/// Serves on what an origin serves; cloning gives another handle to the same edge.
///
/// Must be used inside a tokio runtime.
///
/// ```no_run
/// use airloom::{Edge, edge, http};
/// use axum::Router;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let edge = Edge::new("http://origin.internal:8080/live".parse()?, edge::Config::default());
/// let viewers = http::Listener::bind("0.0.0.0:8080").await?;
/// let app = Router::new().nest("/live", edge.router());
/// viewers.serve(app, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Edge(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    config: Config,
    client: Client<Connector, Body>,
    cache: Mutex<Cache>,
    counts: Counts,
    /// When the origin was last found to be out of reach; `None` where it answered since.
    down: Mutex<Option<Instant>>,
}

impl Edge {
    /// An edge of the origin at `upstream` that holds nothing yet. Nothing is asked of the origin
    /// before somebody asks the edge.
    pub fn new(upstream: Upstream, config: Config) -> Self {
        let connector = Connector::new(config.connect);
        Self::over(connector, upstream, config)
    }

    /// The same of an origin that is reached over TLS, and has a certificate that `roots` vouch for;
    /// [`new`](Self::new) believes those the operating system trusts.
    #[cfg(feature = "tls")]
    pub fn with_roots(upstream: Upstream, config: Config, roots: crate::tls::Roots) -> Self {
        let connector = Connector::new(config.connect).with_roots(roots);
        Self::over(connector, upstream, config)
    }

    fn over(connector: Connector, upstream: Upstream, config: Config) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(config.limits.flights)
            .build(connector);
        let cache = Mutex::new(Cache::new(config.limits.cache, config.limits.flights));
        let (counts, down) = (Counts::default(), Mutex::default());
        Self(Arc::new(Shared { upstream, config, client, cache, counts, down }))
    }

    /// How it was configured.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Serves `/NAME/index.m3u8`, `/NAME/ts.m3u8`, `/NAME/manifest.mpd` and all that they link to,
    /// as [`Origin::router`](crate::Origin::router) does.
    ///
    /// Answers say with `Cache-Status` (RFC 9211) where they come from.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{name}/{resource}", get(serve))
            .method_not_allowed_fallback(async || {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Streams are only read: GET or HEAD")
            })
            .with_state(self.clone())
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        let (bytes, flights) = {
            let cache = self.0.cache();
            (cache.bytes(), cache.flights())
        };
        let down = self.0.down().is_some();
        self.0.counts.render(bytes, flights, !down)
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn down(&self) -> MutexGuard<'_, Option<Instant>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the origin was found to be out of reach less than `time` ago.
    fn is_down(&self, time: Duration) -> bool {
        self.down().is_some_and(|since| since.elapsed() < time)
    }

    /// The origin is out of reach; whether that is news.
    fn note_down(&self) -> bool {
        self.down().replace(Instant::now()).is_none()
    }

    fn note_up(&self) {
        *self.down() = None;
    }
}

async fn serve(
    State(edge): State<Edge>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    deadline: Option<Extension<WriteDeadline>>,
    headers: HeaderMap,
) -> Response {
    edge.0.counts.requests();
    let not_found = |detail| Problem::new(StatusCode::NOT_FOUND, detail).into_response();
    let Ok(Path((name, resource))) = path else {
        return not_found("No stream has such a name");
    };
    // What no origin of ours has, no origin is asked for.
    let (Ok(name), Some(resource)) = (name.parse::<StreamName>(), Resource::parse(&resource))
    else {
        return not_found("A stream has no resource of that name");
    };
    let query = query.as_deref().unwrap_or_default();
    let request = match Request::from_query(resource, query) {
        Ok(request) => request,
        Err(error) => {
            return Problem::new(StatusCode::BAD_REQUEST, error.to_string()).into_response();
        }
    };
    if let Some(Extension(deadline)) = deadline {
        deadline.within(edge.0.config.delivery);
    }
    let key = Key::new(name, &request);
    let answer = Answer { edge: &edge, resource, query, headers: &headers };
    let asked = edge.0.cache().ask(&key, Instant::now());
    let (flight, pilot, old) = match asked {
        Ask::Hit(kept) => return answer.hit(&kept),
        Ask::Flight { flight, pilot, old } => (flight, pilot, old),
        Ask::Full { old } => return answer.failed(Failure::Full, fallback(&edge, &key, old)),
    };
    let joined = pilot.is_none();
    if let Some(pilot) = pilot {
        tokio::spawn(fetch::fly(edge.clone(), pilot));
    }
    let Some(_waiting) = Gauge::new(&edge.0.counts, edge.0.config.limits.waiting) else {
        return answer.failed(Failure::Full, fallback(&edge, &key, old));
    };
    match flight.outcome().await {
        Outcome::Here(content) => answer.forwarded(&content, joined),
        Outcome::Filling(filling) => answer.filling(flight, filling, joined),
        Outcome::Failed(failure) => answer.failed(failure, fallback(&edge, &key, old)),
    }
}

/// What was good before, where it may stand in for an answer that is not to be had.
fn fallback(edge: &Edge, key: &Key, old: Option<Kept>) -> Option<Kept> {
    let stale = edge.0.config.stale;
    old.filter(|old| key.may_be_stale() && old.is_text() && old.since.elapsed() <= stale)
}
