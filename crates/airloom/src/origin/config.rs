use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use airloom_playlist::Session;

use super::meters::Metering;
use super::observer::{Observer, Observers};
use crate::access::Gate;

/// How an [`Origin`](super::Origin) packages and keeps its streams.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Segment target. Default 2 s: short enough to start quickly, long enough for its keyframe to
    /// pay. Every 6 Mbit/s of stream cost 0.75 MB a second of [`window`](Self::window).
    pub segment: Duration,
    /// Low-Latency part target; `None` turns Low Latency off. Default 200 ms.
    pub part: Option<Duration>,
    /// How far back a viewer can seek in the live window. Default 60 s.
    pub window: Duration,
    /// How long an ended publish may come back as the same stream. Default 10 s.
    pub resume: Duration,
    /// How long an ended stream stays watchable from its last window. Default 60 s.
    pub linger: Duration,
    /// Query parameters that the links of a playlist or manifest carry on, so that who is let in
    /// by a token is let in everywhere. Default `token`. Such a playlist is copied for each
    /// request; all others are shared, compressed or not.
    pub carried: Vec<String>,
    /// Whether playlists keep all they ever listed (`EXT-X-PLAYLIST-TYPE:EVENT`), up to so many
    /// segments of a track, and the media with them, all in memory: 2.7 GB an hour of 6 Mbit/s.
    /// Beyond it the oldest go, which the type forbids. Default `None`: they list
    /// [`window`](Self::window).
    pub event: Option<usize>,
    /// What multivariant playlists say besides: session data and keys, content steering. Default
    /// nothing.
    pub session: Session,
    /// The parameter of an RTMP stream key by which a publisher says of which programme its stream
    /// is one encoding: with the default, `group`, the keys `cam_720?group=cam` and
    /// `cam_360?group=cam` make `cam` a stream of two variants; see
    /// [`Publishing::join`](super::Publishing::join). Where there is a gate it has to let the
    /// publisher in under both names. `None`: stream keys say nothing of the kind.
    pub group: Option<String>,
    /// How the picture of a stream looks that is served as `NAME/thumbnail.jpg`, from its last
    /// keyframe in H.264. Default `None`: there are none.
    #[cfg(feature = "thumbnails")]
    pub thumbnails: Option<super::Thumbnails>,
    /// What the origin refuses to exceed.
    pub limits: Limits,
}

/// What an [`Origin`](super::Origin) refuses to exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Streams held at once, live or lingering, groups among them. Default 1000; further publishes
    /// are refused.
    pub streams: usize,
    /// RTMP players of one stream. Default 1000; further ones are refused.
    pub players: usize,
    /// Media messages an RTMP player may lag behind before it is moved to the next keyframe, per
    /// stream. Default 512: some 8 s of video and audio. The bytes are shared with the window.
    pub player_backlog: usize,
    /// HTTP requests that may wait for media to come, per stream. Default 20,000: under 1 KB each
    /// beyond their connections; further ones are answered `503` at once.
    pub waiting: usize,
    /// Viewers over HTTP, per stream, told apart by address and user agent. Default 100,000: 16
    /// bytes each; further ones are answered `503` until others have left.
    pub viewers: usize,
    /// Bytes of media held for viewers, per stream. Default 4 GiB: [`Config::window`] decides how
    /// much it is, this what a stream out of all proportion may cost. Who publishes more is cut
    /// off.
    pub held_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment: Duration::from_secs(2),
            part: Some(Duration::from_millis(200)),
            window: Duration::from_mins(1),
            resume: Duration::from_secs(10),
            linger: Duration::from_mins(1),
            carried: vec!["token".to_owned()],
            event: None,
            session: Session::default(),
            group: Some("group".to_owned()),
            #[cfg(feature = "thumbnails")]
            thumbnails: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 1000,
            players: 1000,
            player_backlog: 512,
            waiting: 20_000,
            viewers: 100_000,
            held_bytes: 4_usize.saturating_mul(1 << 30),
        }
    }
}

/// The limits as they are now, shared by all that keep to them.
#[derive(Debug, Clone)]
pub(super) struct Bounds(Arc<RwLock<Limits>>);

impl Bounds {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Arc::new(RwLock::new(limits)))
    }

    pub(super) fn all(&self) -> Limits {
        self.get(Limits::clone)
    }

    pub(super) fn get<T>(&self, which: impl FnOnce(&Limits) -> T) -> T {
        which(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, limits: Limits) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }
}

/// Builds an [`Origin`](super::Origin); see [`Config`] for units and defaults.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    config: Config,
    metering: Metering,
    observers: Vec<Arc<dyn Observer>>,
    gate: Option<Arc<dyn Gate>>,
}

impl Builder {
    /// Sets [`Config::segment`].
    #[must_use]
    pub fn segment(mut self, target: Duration) -> Self {
        self.config.segment = target;
        self
    }

    /// Sets [`Config::part`].
    #[must_use]
    pub fn part(mut self, target: impl Into<Option<Duration>>) -> Self {
        self.config.part = target.into();
        self
    }

    /// Sets [`Config::window`].
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.config.window = window;
        self
    }

    /// Sets [`Config::resume`].
    #[must_use]
    pub fn resume(mut self, time: Duration) -> Self {
        self.config.resume = time;
        self
    }

    /// Sets [`Config::linger`].
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.config.linger = time;
        self
    }

    /// Sets [`Config::carried`].
    #[must_use]
    pub fn carried<T: Into<String>>(mut self, parameters: impl IntoIterator<Item = T>) -> Self {
        self.config.carried = parameters.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`Config::event`].
    #[must_use]
    pub fn event(mut self, segments: impl Into<Option<usize>>) -> Self {
        self.config.event = segments.into();
        self
    }

    /// Sets [`Config::session`].
    #[must_use]
    pub fn session(mut self, session: Session) -> Self {
        self.config.session = session;
        self
    }

    /// Sets [`Config::group`].
    #[must_use]
    pub fn group(mut self, parameter: impl Into<Option<String>>) -> Self {
        self.config.group = parameter.into();
        self
    }

    /// Sets [`Config::thumbnails`].
    #[cfg(feature = "thumbnails")]
    #[must_use]
    pub fn thumbnails(mut self, thumbnails: impl Into<Option<super::Thumbnails>>) -> Self {
        self.config.thumbnails = thumbnails.into();
        self
    }

    /// Sets [`Config::limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Tells `observer` what streams do. May be set several times: each is told, in that order.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Asks `gate` whom to let in. Without one, everybody is.
    #[must_use]
    pub fn gate(mut self, gate: impl Gate) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Meters what streams take in and give out: `ingest_bytes`, `ingest_ms`, `egress_bytes` and
    /// `viewer_ms`, by stream.
    #[cfg(feature = "billing")]
    #[must_use]
    pub fn usage(mut self, usage: crate::Usage) -> Self {
        self.metering = Some(usage);
        self
    }

    /// The origin, holding no stream yet.
    pub fn build(self) -> super::Origin {
        let observers = Observers::new(self.observers);
        let origin = super::Origin::with(self.config, self.metering, observers);
        origin.set_gate(self.gate);
        origin
    }
}
