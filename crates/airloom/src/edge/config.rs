use std::time::Duration;

use axum::http::HeaderMap;

/// How an [`Edge`](super::Edge) asks its origin, and what it keeps of the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long a playlist or manifest that was asked for without blocking is given to others too.
    /// Default 50 ms: however many viewers reload one, the origin is asked 20 times a second at
    /// most, and hardly anybody hears of a segment later.
    pub reuse: Duration,
    /// How long the origin's refusals are repeated (400, 404, 410). Default 200 ms: a stream that
    /// begins is seen so much later.
    pub negative: Duration,
    /// How old a playlist or manifest may be that is given out because the origin cannot be
    /// reached. Default 10 s: long enough for an origin to be started anew; a player that is told
    /// of no news waits, one that is told of an error may give up. Zero never gives out what is old.
    pub stale: Duration,
    /// How long a request that would have been held anyway (blocking reloads, hinted parts) is held
    /// while the origin cannot be reached, and tried again. Default 3 s.
    pub hold: Duration,
    /// How long connecting to the origin may take. Default 2 s.
    pub connect: Duration,
    /// How long the origin may take while there is something [stale](Self::stale) that could be
    /// given out instead. Default 1 s.
    pub answer: Duration,
    /// How long the origin may take otherwise, and how long a body may make no progress. Default
    /// 30 s: origins hold requests for three target durations.
    pub wait: Duration,
    /// How long a viewer may take to take a body. Default 70 s, as with an origin's default window;
    /// what slow viewers have not taken by then is freed.
    pub delivery: Duration,
    /// Query parameters that are the viewers' alone: links in playlists carry them on, and the
    /// origin never sees them. Default `token`. A playlist asked for with one is a copy of its own;
    /// all else is shared between those who have different ones.
    pub carried: Vec<String>,
    /// Sent with every request to the origin, such as `Authorization`. Default empty.
    pub headers: HeaderMap,
    /// What the edge refuses to exceed.
    pub limits: Limits,
}

/// What an [`Edge`](super::Edge) refuses to exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes kept, those of answers under way included. Default 512 MiB: a minute of 10 streams at
    /// 6 Mbit/s, their parts and segments both. What was used longest ago makes room. A viewer who
    /// reads slowly may hold on to what it is being sent for [`Config::delivery`] longer.
    pub cache: usize,
    /// Requests under way to the origin, each of which is a connection. Default 1000: two or three
    /// for each Low-Latency rendition that is watched. Beyond it, what is not kept is answered 503.
    pub flights: usize,
    /// Viewers that wait for the origin. Default 20,000: about 2 KB each; further ones are answered
    /// `503` at once.
    pub waiting: usize,
    /// Bytes of a playlist or manifest. Default 4 MiB, which is hours.
    pub playlist: usize,
    /// Bytes of a segment. Default 64 MiB: 20 s at 25 Mbit/s.
    pub body: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reuse: Duration::from_millis(50),
            negative: Duration::from_millis(200),
            stale: Duration::from_secs(10),
            hold: Duration::from_secs(3),
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(1),
            wait: Duration::from_secs(30),
            delivery: Duration::from_secs(70),
            carried: vec!["token".to_owned()],
            headers: HeaderMap::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { cache: 512 << 20, flights: 1000, waiting: 20_000, playlist: 4 << 20, body: 64 << 20 }
    }
}
