use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use airloom::edge::Config;
use airloom::{Edge, Origin, http};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_service::Service;

use crate::port;

/// An origin behind a real socket that notes what it is asked for.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Site {
    pub(super) async fn start(origin: &Origin) -> Self {
        Self::start_at(origin, SocketAddr::from(([127, 0, 0, 1], port::free()))).await
    }

    pub(super) async fn start_at(origin: &Origin, address: SocketAddr) -> Self {
        let mut config = http::Config::default();
        config.drain = Duration::ZERO;
        let listener = http::Listener::bind(address).await.unwrap().with_config(config);
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let app = Router::new().nest("/live", origin.router()).layer(from_fn(
            move |request: Request, next: Next| {
                noted.lock().unwrap().push(request.uri().to_string());
                next.run(request)
            },
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(listener.serve(app, async move { drop(stopped.await) }));
        Self { address, seen, stop, served }
    }

    pub(super) fn edge(&self, config: Config) -> Edge {
        edge_of(self.address, config)
    }

    /// What it was asked for since this was last called.
    pub(super) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// Goes away, with all connections.
    pub(super) async fn stop(self) -> SocketAddr {
        drop(self.stop);
        self.served.await.unwrap();
        self.address
    }
}

pub(super) fn edge_of(address: SocketAddr, config: Config) -> Edge {
    Edge::new(format!("http://{address}/live").parse().unwrap(), config)
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of `attribute` (with its `=`) in the last line that has it.
    pub(super) fn last(&self, attribute: &str) -> &str {
        let (_, rest) = self.text().rsplit_once(attribute).unwrap();
        rest.split([',', '\n']).next().unwrap().trim_matches('"')
    }

    /// Every line that is no tag.
    pub(super) fn uris(&self) -> Vec<&str> {
        self.text().lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
    }

    /// The media sequence number after the last whole segment, and the parts there are of it.
    pub(super) fn next(&self) -> (u64, usize) {
        let first: u64 = self.last("#EXT-X-MEDIA-SEQUENCE:").parse().unwrap();
        let (_, open) = self.text().rsplit_once("#EXTINF").unwrap();
        (first + self.uris().len() as u64, open.matches("#EXT-X-PART:").count())
    }

    pub(super) fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(self.text().contains(&format!("\"status\":{status}")), "{}", self.text());
    }
}

pub(super) async fn ask(edge: &Edge, request: Request) -> Response {
    edge.router().call(request).await.unwrap()
}

pub(super) async fn request(edge: &Edge, request: Request) -> Answer {
    let (parts, body) = ask(edge, request).await.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(super) async fn get(edge: &Edge, path: &str) -> Answer {
    request(edge, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(super) async fn get_with(edge: &Edge, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut asked = Request::get(path);
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    request(edge, asked.body(Body::empty()).unwrap()).await
}

/// The value of a metric without labels.
pub(super) fn metric(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

/// Waits for a condition, not for a time.
pub(super) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
