use std::fmt::Debug;
use std::sync::Arc;

use airloom_media::TrackId;
use airloom_playlist::{Protection, WallTime};
use airloom_segmenter::{Gap, Init, Part, Segment, TsSegment};

use super::StreamName;

/// Hears of everything the streams of an [`Origin`](super::Origin) do: what a recorder, an archive
/// or a sender of notifications stands on. Set with [`Builder::observer`](super::Builder::observer).
///
/// ```
/// use std::sync::Mutex;
///
/// use airloom::Origin;
/// use airloom::origin::{Event, Observer, StreamName};
///
/// #[derive(Debug, Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Observer for Log {
///     fn observe(&self, stream: &StreamName, event: &Event) {
///         if let Event::Started { life, at } = event {
///             self.0.lock().unwrap().push(format!("{stream} on air at {at} ({life})"));
///         }
///     }
/// }
///
/// let origin = Origin::builder().observer(std::sync::Arc::new(Log::default())).build();
/// # drop(origin);
/// ```
pub trait Observer: Debug + Send + Sync + 'static {
    /// Something has happened to a stream.
    ///
    /// Called under the stream's lock and from the task that takes its media: **it must not
    /// block**, and must not call the origin back. Clone the event, which shares all media, and put
    /// it into a bounded queue for whatever takes longer. One stream's events come in order, one at
    /// a time; events of different streams come at the same time from different threads.
    fn observe(&self, stream: &StreamName, event: &Event);
}

/// What happens to a stream.
///
/// One life of a stream is [`Started`](Self::Started), then anything, then
/// [`Ended`](Self::Ended); another under the same name begins after that. Within a life, the media
/// of each track is [`Init`](Self::Init), then the parts of a segment, then that segment, and so
/// on. Cheap to clone: bytes are shared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A publisher has begun a stream.
    Started {
        /// Tells the lives of streams of the same name apart, over restarts of the server too:
        /// the first sequence number, above all that were given out before.
        life: u64,
        /// When.
        at: WallTime,
    },
    /// The publisher is gone. It may come back for [`Config::resume`](super::Config::resume); all
    /// media it sent has been told.
    Interrupted {
        /// When.
        at: WallTime,
    },
    /// A publisher goes on with the stream. The next media has a discontinuity.
    Resumed {
        /// When.
        at: WallTime,
    },
    /// A track's initialization segment: before its first part, and with every new configuration,
    /// which begins with a discontinuity.
    Init {
        /// What playlists call it:
        /// [`Resource::Init`](airloom_playlist::Resource::Init) of `init.track` and this.
        id: u64,
        /// What it is. Parts name it by [`Init::id`], which counts from 0 in each life.
        init: Init,
        /// When it was made.
        at: WallTime,
    },
    /// How a track's media is encrypted, from the next segment it opens on: before the first part of
    /// that. [`Init`](Self::Init) and parts are told as they are given out, encrypted.
    Protection {
        /// Which track.
        track: TrackId,
        /// What its playlists say of it.
        protection: Protection,
        /// When.
        at: WallTime,
    },
    /// How long segments are at most, in seconds; once, before the first segment.
    TargetDuration(u32),
    /// A part of a segment. Without Low Latency they come just before their segment.
    Part {
        /// The part.
        part: Part,
        /// When it was made.
        at: WallTime,
    },
    /// A segment is complete.
    Segment {
        /// The segment, with all of its parts.
        segment: Segment,
        /// When it was made.
        at: WallTime,
    },
    /// A segment in which a track has nothing.
    Gap {
        /// Which, and for how long.
        gap: Gap,
        /// When it was known.
        at: WallTime,
    },
    /// A segment of all tracks as MPEG-TS.
    TsSegment {
        /// The segment, rendered by whoever needs it.
        segment: TsSegment,
        /// When it was made.
        at: WallTime,
    },
    /// There will be no more in this life.
    Ended {
        /// When.
        at: WallTime,
    },
}

/// Whom an origin tells; usually nobody.
#[derive(Debug, Clone, Default)]
pub(super) struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    pub(super) fn new(observers: Vec<Arc<dyn Observer>>) -> Self {
        Self(observers.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes the event only where somebody hears it.
    pub(super) fn tell(&self, stream: &StreamName, event: impl FnOnce() -> Event) {
        if self.is_empty() {
            return;
        }
        let event = event();
        self.0.iter().for_each(|observer| observer.observe(stream, &event));
    }
}
