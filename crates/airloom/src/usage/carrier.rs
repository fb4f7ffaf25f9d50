use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Uri, header};
use bytes::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A POST to somebody else's server, with a body of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// Where to.
    pub url: String,
    /// Headers beside content type and length.
    pub headers: Vec<(&'static str, String)>,
    /// What.
    pub body: Bytes,
}

impl Letter {
    pub(super) const fn new(
        url: String,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    ) -> Self {
        Self { url, headers, body }
    }
}

/// Carries letters: [`Http`] does over TCP, an HTTP client of the integrator's over whatever it
/// speaks.
pub trait Carrier: fmt::Debug + Send + Sync {
    /// The status of the answer; `None` where none came. Trying again is the caller's affair, and so
    /// is dropping what takes too long.
    fn carry(&self, letter: Letter) -> Pin<Box<dyn Future<Output = Option<u16>> + Send>>;
}

/// HTTP/1.1 over a connection of its own for each letter, without TLS: to endpoints of one's own
/// network, or to a proxy that speaks TLS outside. An URL of `https` gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http {
    /// How long an answer may take. Default 15 s.
    pub within: Duration,
}

impl Default for Http {
    fn default() -> Self {
        Self { within: Duration::from_secs(15) }
    }
}

impl Carrier for Http {
    fn carry(&self, letter: Letter) -> Pin<Box<dyn Future<Output = Option<u16>> + Send>> {
        let within = self.within;
        Box::pin(async move { tokio::time::timeout(within, post(letter)).await.ok().flatten() })
    }
}

async fn post(letter: Letter) -> Option<u16> {
    let uri: Uri = letter.url.parse().ok().filter(|uri: &Uri| uri.scheme_str() == Some("http"))?;
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.ok()?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, uri.authority()?.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    for (name, value) in letter.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(letter.body)).ok()?;
    // Ends with the set, whatever becomes of the request.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    Some(sender.send_request(request).await.ok()?.status().as_u16())
}
