//! An origin: takes published streams, packages them, and serves them over HTTP.

mod annotate;
mod config;
pub(crate) mod delivery;
mod door;
#[cfg(feature = "encryption")]
mod encryption;
mod group;
mod ingest;
mod meters;
mod metrics;
mod name;
mod observer;
mod status;
mod store;
mod stream;
#[cfg(feature = "thumbnails")]
mod thumbnail;
mod viewers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom_playlist::WallTime;

use crate::access::Gate;
use crate::pull::{Pulls, Unavailable};

pub use annotate::AnnotationError;
pub use config::{Builder, Config, Limits};
pub use delivery::Carried;
#[cfg(feature = "encryption")]
pub use encryption::Encryption;
pub use group::JoinError;
pub use ingest::{Ingest, Publishing, PublishingError, Refused};
pub use name::{InvalidName, StreamName};
pub use observer::{Event, Observer};
pub use status::{State, StreamStatus, TrackStatus};
#[cfg(feature = "thumbnails")]
pub use thumbnail::Thumbnails;

use config::Bounds;
#[cfg(feature = "record")]
pub(crate) use delivery::encoding::{Coding, Encoded, Encodings};
#[cfg(feature = "record")]
pub(crate) use delivery::range::Range;
use door::{Door, Tally};
use group::Groups;
#[cfg(feature = "billing")]
pub(crate) use meters::Meter;
use meters::Metering;
use observer::Observers;
use stream::{Claim, Nature, Stream};

/// Streams in, HLS, Low-Latency HLS and DASH out; cloning gives another handle to the same origin.
///
/// Must be used inside a tokio runtime: publishes that end wait there to come back.
///
/// ```no_run
/// use std::time::Duration;
///
/// use airloom::{Origin, http, rtmp};
/// use axum::Router;
///
/// # async fn example() -> std::io::Result<()> {
/// let origin = Origin::builder()
///     .segment(Duration::from_secs(2))
///     .part(Duration::from_millis(200))
///     .build();
/// let encoders = rtmp::Listener::bind("127.0.0.1:1935").await?;
/// let viewers = http::Listener::bind("127.0.0.1:8080").await?;
/// let forever = std::future::pending;
/// tokio::join!(
///     encoders.serve(origin.ingest("live"), forever()),
///     viewers.serve(Router::new().nest("/live", origin.router()), forever()),
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Origin(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    metering: Metering,
    observers: Observers,
    bounds: Bounds,
    door: RwLock<Option<Arc<Door>>>,
    pulls: RwLock<Option<Pulls>>,
    streams: Mutex<HashMap<StreamName, Arc<Stream>>>,
    groups: Groups,
    totals: Totals,
    /// One keyframe at a time is decoded, of whichever stream.
    #[cfg(feature = "thumbnails")]
    making: tokio::sync::Semaphore,
}

/// What has gone through since the origin was made.
#[derive(Debug, Default)]
struct Totals {
    publishes: AtomicU64,
    refused: AtomicU64,
    bytes_out: AtomicU64,
    requests: AtomicU64,
    waiting: AtomicU64,
    /// HTTP requests for which there was no room, or no media in time.
    busy: AtomicU64,
    /// Publishers whose media could not be taken.
    cut_off: AtomicU64,
    /// Publishes, players and viewers that came, by which they are numbered.
    visits: AtomicU64,
    tally: Arc<Tally>,
}

impl Origin {
    /// Starts from the defaults of [`Config`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// An origin that holds no stream yet.
    pub fn new(config: Config) -> Self {
        Self::with(config, Metering::default(), Observers::default())
    }

    fn with(config: Config, metering: Metering, observers: Observers) -> Self {
        let (streams, groups, totals) = (Mutex::default(), Groups::default(), Totals::default());
        let bounds = Bounds::new(config.limits.clone());
        let (door, pulls) = (RwLock::default(), RwLock::default());
        Self(Arc::new(Shared {
            config,
            metering,
            observers,
            bounds,
            door,
            pulls,
            streams,
            groups,
            totals,
            #[cfg(feature = "thumbnails")]
            making: tokio::sync::Semaphore::new(1),
        }))
    }

    /// How it was configured. [`limits`](Self::limits) may have been replaced since.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What it refuses to exceed.
    pub fn limits(&self) -> Limits {
        self.0.bounds.all()
    }

    /// Replaces what it refuses to exceed, from the next request on; nobody who is in is put out.
    /// [`Limits::player_backlog`] holds for streams whose first player comes later.
    pub fn set_limits(&self, limits: Limits) {
        self.0.bounds.replace(limits);
    }

    /// Replaces who is asked whom to let in; `None` lets everybody in. Viewers over HTTP are asked
    /// for anew, at their next request; what goes on over RTMP goes on.
    ///
    /// Must be called inside a tokio runtime.
    pub fn set_gate(&self, gate: Option<Arc<dyn Gate>>) {
        let door = gate.map(|gate| Door::new(gate, Arc::clone(&self.0.totals.tally)));
        let before = {
            let mut place = self.0.door.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, door)
        };
        // What is said to those who leave is said without the lock.
        drop(before);
    }

    fn door(&self) -> Option<Arc<Door>> {
        self.0.door.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces where streams are [pulled](crate::pull) from that viewers ask for and nobody
    /// publishes; `None`, as at first, leaves them missing. Pulls under way go on.
    pub fn set_pulls(&self, pulls: Option<Pulls>) {
        *self.0.pulls.write().unwrap_or_else(PoisonError::into_inner) = pulls;
    }

    fn pulls(&self) -> Option<Pulls> {
        self.0.pulls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn visit_number(&self) -> u64 {
        self.0.totals.visits.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What an RTMP listener needs to publish into this origin and play from it, under the
    /// application name `application`.
    pub fn ingest(&self, application: impl Into<String>) -> Ingest {
        Ingest::new(self.clone(), application.into())
    }

    /// Serves `/NAME/index.m3u8`, `/NAME/ts.m3u8`, `/NAME/manifest.mpd` and all that they link to; with
    /// `Builder::thumbnails` (feature `thumbnails`), `/NAME/thumbnail.jpg`, too.
    pub fn router(&self) -> axum::Router {
        delivery::router(self.clone())
    }

    /// Asks the [gate](crate::access) about what else there is of streams, too: recordings, or pages
    /// of your own. `stream` tells by the path, percent-decoded, which stream something is of; what is
    /// of none is let through. A path that cannot be decoded, or with a slash in a segment, is `400`.
    /// Handlers find in [`Carried`] what their links are to carry on.
    ///
    /// ```
    /// use airloom::Origin;
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// let origin = Origin::builder().build();
    /// let posters = Router::new().route("/{name}/poster.jpg", get(async || "…"));
    /// let posters = origin.guarded(posters, |path| path.split('/').nth(1)?.parse().ok());
    /// # drop(posters);
    /// ```
    pub fn guarded(
        &self,
        router: axum::Router,
        stream: impl Fn(&str) -> Option<StreamName> + Clone + Send + Sync + 'static,
    ) -> axum::Router {
        delivery::guarded(self.clone(), router, stream)
    }

    /// Every stream held, by name; `base` is the path under which [`router`](Self::router) is
    /// nested, and starts the paths told.
    pub fn streams(&self, base: &str) -> Vec<StreamStatus> {
        let mut streams: Vec<_> = self.lock().values().cloned().collect();
        streams.sort_by(|a, b| a.name().cmp(b.name()));
        streams.iter().map(|stream| stream.status(base)).collect()
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        metrics::render(self)
    }

    /// Ends every stream, and pulls no more: playlists get their end mark, and whoever waits for
    /// more is told. When anybody was watching, it then stays for the time of a playlist reload, so
    /// that they can see it.
    pub async fn end(&self) {
        self.set_pulls(None);
        let streams: Vec<_> = self.lock().values().cloned().collect();
        let watched = streams.iter().any(|stream| stream.viewers() > 0);
        for stream in &streams {
            stream.end();
        }
        if watched {
            tokio::time::sleep(self.0.config.segment).await;
        }
    }

    /// Begins to publish under `name`, or goes on with a stream of that name that may be resumed.
    ///
    /// RTMP publishes come in through [`ingest`](Self::ingest); this is for media from elsewhere.
    ///
    /// # Errors
    ///
    /// [`Refused::OnAir`] while another publisher delivers under that name; [`Refused::Full`] where
    /// [`Limits::streams`] are held.
    pub fn publish(&self, name: &StreamName) -> Result<Publishing, Refused> {
        self.publish_as(name, Nature::Single)
    }

    fn publish_as(&self, name: &StreamName, nature: Nature) -> Result<Publishing, Refused> {
        let mut streams = self.lock();
        let mut first_sequence = first_sequence(&self.0.config, wall_time());
        if let Some(stream) = streams.get(name) {
            match stream.claim(nature) {
                Claim::Granted { generation, resumed } => {
                    return Ok(self.publishing(Arc::clone(stream), generation, resumed));
                }
                Claim::OnAir => return Err(Refused::OnAir),
                Claim::Over { next_sequence } => first_sequence = first_sequence.max(next_sequence),
            }
        } else if streams.len() >= self.0.bounds.get(|limits| limits.streams) {
            return Err(Refused::Full);
        }
        let meters = meters::of(&self.0.metering, name);
        let (bounds, observers) = (self.0.bounds.clone(), &self.0.observers);
        let (called, config) = ((name.clone(), nature), &self.0.config);
        let stream = Stream::new(called, config, bounds, first_sequence, meters, observers);
        let stream = Arc::new(stream);
        streams.insert(name.clone(), Arc::clone(&stream));
        match stream.claim(nature) {
            Claim::Granted { generation, resumed } => {
                Ok(self.publishing(stream, generation, resumed))
            }
            // Nobody else knows the stream yet: the map is locked.
            Claim::OnAir | Claim::Over { .. } => Err(Refused::OnAir),
        }
    }

    fn publishing(&self, stream: Arc<Stream>, generation: u64, resumed: bool) -> Publishing {
        if stream.nature() == Nature::Single {
            self.0.totals.publishes.fetch_add(1, Ordering::Relaxed);
        }
        Publishing::new(self.clone(), stream, generation, resumed)
    }

    fn find(&self, name: &StreamName) -> Option<Arc<Stream>> {
        self.lock().get(name).cloned()
    }

    /// The stream that a request is for. Who begins to watch one that is not on air has it pulled,
    /// where it is to be had; if it is not, what there is of it is what there is.
    async fn seek(&self, name: &StreamName, begins: bool) -> Result<Arc<Stream>, Unavailable> {
        let held = self.find(name);
        let missing = begins && held.as_ref().is_none_or(|stream| stream.is_over());
        if missing && let Some(pulls) = self.pulls() {
            match Box::pin(pulls.bring(self, name)).await {
                Ok(()) => return self.find(name).ok_or(Unavailable::Gone),
                Err(why) if held.is_none() => return Err(why),
                Err(_) => {}
            }
        }
        held.ok_or(Unavailable::Nowhere)
    }

    /// Who watches `name`, over HTTP and RTMP.
    pub(crate) fn viewers_of(&self, name: &StreamName) -> usize {
        self.find(name).map_or(0, |stream| stream.viewers())
    }

    fn is_on_air(&self, name: &StreamName) -> bool {
        self.find(name).is_some_and(|stream| stream.is_on_air())
    }

    /// Forgets `stream`, unless another has taken its name.
    fn forget(&self, stream: &Arc<Stream>) {
        let mut streams = self.lock();
        if streams.get(stream.name()).is_some_and(|held| Arc::ptr_eq(held, stream)) {
            streams.remove(stream.name());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamName, Arc<Stream>>> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of 2025, before which nothing was numbered: DASH's `startNumber` has 32 bits, which
/// steps from 1970 on would fill.
const EPOCH: Duration = Duration::from_hours(482_136);

/// Where a new stream's sequence numbers start: high enough that a restarted server does not count
/// below what it gave out before. Keyframes that come too late for two make segments shorter than they
/// are configured to be, but not half as long; so half of that is the step, and a second at most.
fn first_sequence(config: &Config, now: WallTime) -> u64 {
    let step =
        (config.segment / 2).clamp(Duration::from_millis(100), Duration::from_secs(1)).as_nanos();
    u64::try_from(now.since_unix().saturating_sub(EPOCH).as_nanos() / step).unwrap_or(0)
}

pub(crate) fn wall_time() -> WallTime {
    WallTime::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, avc};
    use airloom_segmenter::{Output, Segmenter};
    use bytes::Bytes;

    use super::*;

    /// 320x240, Baseline, no timing information.
    const RECORD: &[u8] = &[
        0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x08, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A,
        0x69, 0x01, 0x00, 0x02, 0x68, 0xCE,
    ];

    /// The last sequence number of `seconds` of 25 pictures each, every `gop`th a keyframe.
    fn last_sequence(config: &Config, first_sequence: u64, seconds: i64, gop: i64) -> u64 {
        let mut cut = airloom_segmenter::Config::default();
        (cut.segment, cut.first_sequence) = (config.segment, first_sequence);
        let mut segmenter = Segmenter::new(cut);
        let codec = Codec::Avc(avc::Config::decode(Bytes::from_static(RECORD)).unwrap());
        let id = TrackId::new(1);
        segmenter.set_track(Track { id, timescale: Timescale::MILLIS, codec }).unwrap();
        let mut last = 0;
        for picture in 0..seconds * 25 {
            let sample = Sample {
                track: id,
                decode_time: Timestamp::new(picture * 40),
                composition_offset: Delta::ZERO,
                duration: None,
                sync: picture % gop == 0,
                data: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
            };
            segmenter.handle_input(sample).unwrap();
            while let Some(output) = segmenter.poll_output() {
                if let Output::Part(part) = output {
                    last = part.sequence;
                }
            }
        }
        last
    }

    /// Names never come to stand for other bytes.
    #[test]
    fn a_server_that_restarts_counts_on_above_what_it_gave_out() {
        let began = Duration::from_hours(500_000);
        for segment in [500, 1000, 2000, 4000] {
            let segment = Duration::from_millis(segment);
            let config = Config { segment, ..Config::default() };
            for gop in [1, 10, 15, 20, 24, 25, 31, 38, 48, 50, 60, 100] {
                let first = first_sequence(&config, WallTime::from_unix(began));
                let last = last_sequence(&config, first, 100, gop);
                let back = WallTime::from_unix(began + Duration::from_secs(100));
                let next = first_sequence(&config, back);
                assert!(next > last, "{segment:?} {gop}: {first} to {last}, then {next}");
            }
        }
    }
}
