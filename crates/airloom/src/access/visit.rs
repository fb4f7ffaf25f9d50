use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use airloom_playlist::WallTime;
use airloom_rtmp::server::Connect;

use crate::origin::StreamName;

/// Somebody who wants to publish or play a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// Its number: of the visits of one origin, no two have the same.
    pub id: u64,
    /// Which stream is asked for; there need not be one of that name.
    pub stream: StreamName,
    /// Over what.
    pub protocol: Protocol,
    /// From where, if that is known.
    pub peer: Option<SocketAddr>,
    /// What is shown as a credential: the `token` of the query, unescaped, or the bearer token of
    /// the header `Authorization`, which goes before it.
    pub credential: Option<String>,
    /// What followed a `?`, as it came. Over HTTP only the parameters that are
    /// [carried](crate::origin::Config::carried) on.
    pub query: String,
    /// What was said on connecting, over RTMP.
    pub connect: Option<Arc<Connect>>,
    /// The time, for credentials that end.
    pub now: WallTime,
}

impl Visit {
    /// A visit to `stream` at `now` of somebody who shows `query`, of whom nothing else is known.
    pub fn new(stream: StreamName, query: impl Into<String>, now: WallTime) -> Self {
        let query = query.into();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let token = pairs.find(|(name, _)| name == "token");
        let credential = token.map(|(_, token)| token.into_owned());
        Self {
            id: 0,
            stream,
            protocol: Protocol::Http,
            peer: None,
            credential,
            query,
            connect: None,
            now,
        }
    }

    /// The time in seconds since the Unix epoch.
    pub(super) const fn seconds(&self) -> u64 {
        self.now.since_unix().as_secs()
    }

    /// Whether it is to one of these: the stream of that name, or where the text ends with `*`, any
    /// whose name begins with what stands before it.
    pub(super) fn is_of(&self, streams: &str) -> bool {
        let name = self.stream.as_str();
        streams.strip_suffix('*').map_or(streams == name, |prefix| name.starts_with(prefix))
    }

    /// The moment `seconds` after the Unix epoch.
    pub(super) fn until(seconds: u64) -> WallTime {
        WallTime::from_unix(Duration::from_secs(seconds))
    }
}

/// Somebody who wants to use an RTMP application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// Its number, as [`Visit::id`].
    pub id: u64,
    /// From where.
    pub peer: SocketAddr,
    /// What it says of itself.
    pub connect: Arc<Connect>,
    /// The time.
    pub now: WallTime,
}

/// What somebody comes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// RTMP, in the clear or over TLS.
    Rtmp,
    /// HTTP, in the clear or over TLS.
    Http,
}
