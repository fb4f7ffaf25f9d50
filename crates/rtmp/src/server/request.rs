use std::fmt;
use std::sync::Arc;

use crate::Enhanced;
use crate::amf0::Value;

/// Names a request within its session, and from then on the publication or playback it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u32);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something the peer wants and the integrator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to answer to.
    pub id: RequestId,
    /// What is wanted.
    pub kind: RequestKind,
}

/// What a peer can want.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// To use an application; always the first.
    Connect(Arc<Connect>),
    /// To publish a stream.
    Publish(Publish),
    /// To play a stream.
    Play(Play),
}

/// `connect` (RTMP 1.0, 7.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connect {
    /// The application: the first part of the URL's path, without a query.
    pub app: String,
    /// What followed a `?` in `app`; empty where there was none.
    pub query: String,
    /// `tcUrl`: where the peer believes to be; empty where it does not say.
    pub tc_url: String,
    /// `flashVer`: the peer's program; empty where it does not say.
    pub flash_ver: String,
    /// What the peer says of Enhanced RTMP.
    pub enhanced: Enhanced,
    /// The whole command object.
    pub object: Value,
}

/// `publish` (RTMP 1.0, 7.2.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publish {
    /// The connection it comes over.
    pub connect: Arc<Connect>,
    /// The stream's name, without a query.
    pub name: String,
    /// What followed a `?` in the name; empty where there was none.
    pub query: String,
    /// What the peer wants done with the stream.
    pub mode: Mode,
}

/// The publishing type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Not to be kept. Also where the peer does not say, or says something unknown.
    Live,
    /// To be recorded, replacing what was there.
    Record,
    /// To be appended to a recording.
    Append,
}

impl Mode {
    pub(super) fn new(text: &str) -> Self {
        match text {
            "record" => Self::Record,
            "append" => Self::Append,
            _ => Self::Live,
        }
    }
}

/// `play` (RTMP 1.0, 7.2.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Play {
    /// The connection it comes over.
    pub connect: Arc<Connect>,
    /// The stream's name, without a query.
    pub name: String,
    /// What followed a `?` in the name; empty where there was none.
    pub query: String,
    /// Where to start, as the peer says it: -1 or -1000 live only, -2 or -2000 (and where it is
    /// absent) live or else recorded; else a place in a recording, whose unit (seconds, or
    /// milliseconds) peers do not agree on.
    pub start: i64,
    /// How much to play, in the unit of `start`; negative, and where it is absent, to the end.
    pub duration: i64,
    /// Whether to drop what was played before.
    pub reset: bool,
}

impl Connect {
    /// Reads the command object of `connect`; whatever is odd about it is left in `object`.
    pub(super) fn new(object: Value) -> Self {
        let (app, query) = split_query(&text(&object, "app"));
        let (tc_url, flash_ver) = (text(&object, "tcUrl"), text(&object, "flashVer"));
        Self { app, query, tc_url, flash_ver, enhanced: Enhanced::new(&object), object }
    }

    /// A text in the command object, such as `pageUrl`; empty where the peer does not say.
    pub fn text(&self, member: &str) -> String {
        text(&self.object, member)
    }
}

fn text(object: &Value, member: &str) -> String {
    match object.member(member) {
        Some(Value::String(text)) => text.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}

/// Splits a name, or an application, from the query behind it.
pub(super) fn split_query(text: &str) -> (String, String) {
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    (name.to_owned(), query.to_owned())
}
