use std::fmt;

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
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to answer to.
    pub id: RequestId,
    /// What is wanted.
    pub kind: RequestKind,
}

/// What a peer can want.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RequestKind {
    /// To use an application; always the first.
    Connect(Connect),
    /// To publish a stream.
    Publish(Publish),
    /// To play a stream.
    Play(Play),
}

/// `connect` (RTMP 1.0, 7.2.1.1).
#[derive(Debug, Clone, PartialEq)]
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

/// What a peer announces of Enhanced RTMP (v2, "Enhancing NetConnection connect Command").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enhanced {
    /// `fourCcList`: codecs, or `*` for any; unknown ones as they came.
    pub four_cc_list: Vec<String>,
    /// `videoFourCcInfoMap`: FourCC, or `*`, and a mask: 1 decode, 2 encode, 4 forward.
    pub video_four_cc_info: Vec<(String, u32)>,
    /// `audioFourCcInfoMap`, likewise.
    pub audio_four_cc_info: Vec<(String, u32)>,
    /// `capsEx`: 1 reconnect, 2 multitrack, 4 ModEx, 8 nanosecond offset.
    pub caps_ex: u32,
}

/// `publish` (RTMP 1.0, 7.2.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publish {
    /// The application of the connection.
    pub app: String,
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

/// `play` (RTMP 1.0, 7.2.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Play {
    /// The application of the connection.
    pub app: String,
    /// The stream's name, without a query.
    pub name: String,
    /// What followed a `?` in the name; empty where there was none.
    pub query: String,
    /// Milliseconds into a recording; -1000 live only, -2000 (and where it is absent) live or else
    /// recorded.
    pub start: i64,
    /// Milliseconds to play; -1000, and where it is absent, to the end.
    pub duration: i64,
    /// Whether to drop what was played before.
    pub reset: bool,
}
