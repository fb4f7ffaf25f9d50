//! Recordings of an origin's streams: written as they come, playable the moment the stream ends, or
//! from its start while it is still on air.
//!
//! What a stream sends is appended to a fragmented MP4 file, one write a part, by a thread of its
//! own: viewers never wait for a disk. In front of each part stands a small `uuid` box with what
//! playlists need and media does not say, so that the file alone is the recording: what a process
//! that died leaves is cut off at its last whole part when the next one starts. HLS and DASH
//! segments, a progressive MP4 file and clips are headers made on demand and ranges of that file.

mod body;
mod clip;
mod config;
mod delivery;
mod held;
mod item;
mod metrics;
mod movie;
mod queue;
mod recover;
mod scan;
mod sheet;
mod shelf;
mod stamp;
mod tape;
#[cfg(test)]
mod testing;
#[cfg(feature = "thumbnails")]
mod thumbnails;
mod timeline;
mod volume;
mod writer;

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use airloom_playlist::WallTime;
use tokio::sync::broadcast;

pub use config::{Config, Limits};
pub use sheet::CutShort;
#[cfg(feature = "thumbnails")]
pub use thumbnails::Config as Thumbnails;

use crate::origin::{Event, Observer, StreamName};
use queue::{Queue, Taken};
use shelf::Shelf;

/// Records every stream of the origins that it observes; cloning gives another handle to the same
/// recordings.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use airloom::Origin;
/// use airloom::record::{Config, Recorder};
/// use axum::Router;
///
/// # fn example() -> std::io::Result<()> {
/// let recorder = Recorder::open("./recordings", Config::default())?;
/// let origin = Origin::builder().observer(Arc::new(recorder.clone())).build();
/// let app: Router = Router::new()
///     .nest("/live", origin.router().merge(recorder.rewind("/vod")))
///     .nest("/vod", recorder.router("/vod"));
/// # drop(app);
/// # Ok(())
/// # }
/// ```
///
/// # What is where
///
/// Each recording is a folder `NAME-LIFE`: `recording.json` says what it is; `1.mp4` is its media,
/// which any player opens, and `2.mp4` what came after a change of configuration; `1.idx` is a copy
/// of the former without payloads, and may be deleted: the first to read the recording writes it
/// anew. Where one of the files is gone or cannot be read, the others are served, with a warning.
///
/// # What gets lost
///
/// With the process, the part that was being written; with the power, what came since the last
/// [`Config::sync`]. A part for which the disk has no time is left out, and its segment listed as a
/// gap; a disk that takes no more ends the recording with what it has.
///
/// Streams that are [encrypted](crate::origin::Event::Protection) are not recorded, which is logged and
/// counted as refused: who wants them kept puts them into an archive, which keeps what playlists say
/// of their keys.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shelf: Arc<Shelf>,
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A recording that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recording {
    /// Its name among all others: the stream's, and a number.
    pub id: String,
    /// The stream's name.
    pub name: StreamName,
    /// When it began.
    pub started_at: WallTime,
    /// How long it plays.
    pub duration: Duration,
    /// Its size on disk; zero while it is on air.
    pub bytes: u64,
    /// Whether it goes on.
    pub on_air: bool,
    /// Why it ended before its stream did, if so.
    pub cut_short: Option<CutShort>,
}

/// Notes that may wait for the disk: parts and what describes them.
const NOTES: usize = 1 << 16;

impl Recorder {
    /// Opens a folder of recordings, or makes it, and completes those that were under way when the
    /// last process died. Reads only what describes the others.
    ///
    /// # Errors
    ///
    /// What the file system says where the folder cannot be made or read, or the thread that writes
    /// not be started. A recording that cannot be read or understood is left as it is, with a warning.
    pub fn open(folder: impl AsRef<Path>, config: Config) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(config.queue, NOTES, config.gather));
        let shelf = Arc::new(Shelf::open(folder.as_ref(), config)?);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn({
            let (shelf, queue) = (Arc::clone(&shelf), Arc::clone(&queue));
            move || writer::run(&shelf, &queue)
        })?;
        Ok(Self(Arc::new(Handle { shelf, queue, thread: Mutex::new(Some(thread)) })))
    }

    /// The recordings of streams that have ended, newest first.
    pub fn recordings(&self) -> Vec<Recording> {
        self.0.shelf.recordings(false)
    }

    /// The stream that a recording is of, also while it is on air: whom to ask about who may see it.
    ///
    /// ```no_run
    /// # fn example(origin: &airloom::Origin, recorder: &airloom::record::Recorder) {
    /// let known = recorder.clone();
    /// let recordings = origin
    ///     .guarded(recorder.router("/vod"), move |path| known.stream(path.split('/').nth(1)?));
    /// # drop(recordings);
    /// # }
    /// ```
    pub fn stream(&self, id: &str) -> Option<StreamName> {
        self.0.shelf.item(id).map(|item| item.name().clone())
    }

    /// Hears of each recording that is completed from now on; who falls behind by more than 64 is
    /// told so.
    pub fn ready(&self) -> broadcast::Receiver<Recording> {
        self.0.shelf.ready.subscribe()
    }

    /// Deletes a recording of a stream that has ended; `false` where there is none of that id.
    /// Downloads under way go on where the system lets them. Blocks for as long as the disk takes to
    /// delete it, which nobody else waits for.
    pub fn remove(&self, id: &str) -> bool {
        self.0.shelf.remove(id)
    }

    /// Serves the list of recordings at `/`, and of each `/ID/index.m3u8`, `/ID/manifest.mpd`,
    /// `/ID/video.mp4` and all that they link to; `base` is the path under which this is nested.
    ///
    /// `?from=` and `?to=`, in seconds since the start, make a clip of any of the three: playlists
    /// and manifests list the segments that it touches; the MP4 file begins at the last keyframe at
    /// or before `from`. Where the configuration changed, `video.mp4` is the one that lasts longest,
    /// `video-1.mp4` the first, and a clip across the change is `409`: a playlist can say it, one
    /// file cannot. `/?on_air=1` lists what is being recorded too; its playlists grow.
    ///
    /// With the feature `thumbnails`, `/ID/thumbnails.vtt` says which part of which
    /// `/ID/thumbnails-N.jpg` to show for what time of the playlists, while somebody seeks: WebVTT with
    /// media fragments. Sheets are made when they are asked for, one at a time; a recording without
    /// H.264 has no thumbnails in its text.
    pub fn router(&self, base: impl Into<Arc<str>>) -> axum::Router {
        delivery::router(self.clone(), base.into())
    }

    /// Leads `/NAME/dvr.m3u8` to the recording of the stream that is on air under that name, from
    /// its start; `base` is the path under which [`router`](Self::router) is nested.
    pub fn rewind(&self, base: impl Into<Arc<str>>) -> axum::Router {
        delivery::rewind(self.clone(), base.into())
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        metrics::render(&self.0.shelf, &self.0.queue)
    }

    /// Writes everything it was told, and completes what is being recorded. Nothing is recorded
    /// after that; what there is can be played as before.
    pub async fn close(&self) {
        self.0.queue.close();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Observer for Recorder {
    fn observe(&self, stream: &StreamName, event: &Event) {
        let totals = &self.0.shelf.totals;
        match self.0.queue.push(stream, event) {
            Taken::Yes => {}
            Taken::Lost { first } => {
                totals.lost.fetch_add(1, Relaxed);
                if first {
                    tracing::warn!("{stream}: the disk is too slow to record all of it");
                }
            }
            Taken::Abandoned => tracing::error!("{stream}: the disk has stalled: recording ends"),
        }
    }
}
