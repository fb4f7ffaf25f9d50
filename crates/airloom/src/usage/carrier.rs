use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;

/// Bytes of an answer, of which only the status counts.
const ANSWER: usize = 64 << 10;

/// A POST to somebody else's server, with a body of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Letter {
    /// Where to.
    pub url: String,
    /// Headers beside content type and length, their names in lower case.
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

/// HTTP/1.1 over a connection of its own for each letter; `https` with the feature `tls`, without
/// which such an URL gets no answer.
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
        Box::pin(post(letter, self.within))
    }
}

async fn post(letter: Letter, within: Duration) -> Option<u16> {
    let endpoint = letter.url.parse().ok()?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in letter.headers {
        headers.insert(HeaderName::try_from(name).ok()?, value.parse().ok()?);
    }
    let reply = crate::http::post(&endpoint, headers, letter.body, within, ANSWER).await.ok()?;
    Some(reply.status.as_u16())
}
