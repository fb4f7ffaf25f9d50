//! An archive: what an origin's streams make, uploaded to an object store as it is made.
//!
//! Each life of a stream becomes `NAME/LIFE/index.m3u8` with everything it links to, and in the end
//! `NAME/LIFE/manifest.mpd`: playable from the store while the stream goes on, and complete when it
//! is over. Nothing is ever listed there that is not there.

mod catalogue;
mod client;
mod config;
mod counts;
mod line;
mod upload;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

pub use client::Client;
pub use config::{Config, Limits};
pub use object_store;

use catalogue::Catalogue;
use counts::Counts;
use line::{Bounds, Item, Line};
use upload::Upload;

use crate::origin::{Event, Observer, StreamName};

/// Uploads what the streams of an [`Origin`](crate::Origin) make; cloning gives another handle to
/// the same archive. Set with [`Builder::observer`](crate::origin::Builder::observer).
///
/// The stream never waits for the store. What does not get there in time waits, in memory and then
/// on disk, within [`Limits`]; what finds no room is an `EXT-X-GAP`, counted and never silent. An
/// upload that fails is tried again for as long as it takes.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use airloom::archive::object_store::aws::AmazonS3Builder;
/// use airloom::archive::{self, Archive};
/// use airloom::Origin;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = AmazonS3Builder::from_env()
///     .with_bucket_name("streams")
///     .with_endpoint("http://minio.internal:9000")
///     .with_allow_http(true)
///     .with_http_connector(archive::Client::default())
///     .build()?;
/// let archive = Archive::open(Arc::new(store), archive::Config::default())?;
/// let origin = Origin::builder().observer(Arc::new(archive.clone())).build();
/// // … and in the end:
/// origin.end().await;
/// archive.settled().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Archive(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<dyn ObjectStore>,
    config: Config,
    runtime: Handle,
    permits: Semaphore,
    counts: Arc<Counts>,
    lines: Mutex<HashMap<StreamName, Arc<Line>>>,
    /// Tells files of lives apart.
    lives: AtomicU64,
    /// Lives that are not in the store to their end.
    open: watch::Sender<usize>,
}

/// Why an archive cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It was not opened inside a tokio runtime.
    #[error("an archive needs a tokio runtime")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
    /// [`Config::spill`] cannot be used.
    #[error("media cannot wait in {}: {error}", path.display())]
    Spill {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
}

impl Archive {
    /// An archive in `store`, on the tokio runtime this is called from. The store is not asked for
    /// anything yet.
    ///
    /// # Errors
    ///
    /// [`Error`], by what is wrong.
    pub fn open(store: Arc<dyn ObjectStore>, config: Config) -> Result<Self, Error> {
        let runtime = Handle::try_current()?;
        if let Some(path) = &config.spill {
            prepare(path).map_err(|error| Error::Spill { path: path.clone(), error })?;
        }
        let permits = Semaphore::new(config.limits.uploads.max(1));
        Ok(Self(Arc::new(Shared {
            store,
            config,
            runtime,
            permits,
            counts: Arc::default(),
            lines: Mutex::default(),
            lives: AtomicU64::new(0),
            open: watch::Sender::new(0),
        })))
    }

    /// Waits until every stream that has ended is in the store, and none goes on. While the store is
    /// gone, that takes as long as it is.
    pub async fn settled(&self) {
        // The sender is here: there is always a value.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        self.0.counts.render()
    }

    fn begin(&self, stream: &StreamName, life: u64) {
        let (shared, config) = (&self.0, &self.0.config);
        let nth = shared.lives.fetch_add(1, Ordering::Relaxed);
        let bounds = Bounds {
            memory: config.limits.memory,
            spill: config.spill.as_ref().map(|path| path.join(format!("{SPILLED}{nth}"))),
            disk: config.limits.spill,
        };
        let queue = Line::new(bounds, Arc::clone(&shared.counts));
        shared.lines().insert(stream.clone(), Arc::clone(&queue));
        let prefix = config.prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let upload = Upload {
            archive: Arc::clone(shared),
            line: queue,
            place: format!("{prefix}{slash}{stream}/{life}/"),
            catalogue: Catalogue::new(config.limits.segments),
        };
        shared.open.send_modify(|open| *open += 1);
        let shared = Arc::clone(shared);
        self.0.runtime.spawn(async move {
            upload.run().await;
            shared.open.send_modify(|open| *open -= 1);
        });
    }
}

/// What names of files begin with.
const SPILLED: &str = "waiting-";

/// Makes the directory, without what a crash has left there.
fn prepare(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SPILLED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, HashMap<StreamName, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Archive {
    fn observe(&self, stream: &StreamName, event: &Event) {
        if let Event::Started { life, .. } = event {
            return self.begin(stream, *life);
        }
        let Some(line) = self.0.lines().get(stream).cloned() else { return };
        match event {
            Event::Init { id, init, at } => {
                line.push(Item::Init { id: *id, init: init.clone(), at: *at });
            }
            Event::Protection { track, protection, at } => {
                let (track, protection) = (*track, Box::new(protection.clone()));
                line.push(Item::Protection { track, protection, at: *at });
            }
            Event::TargetDuration(seconds) => line.push(Item::TargetDuration(*seconds)),
            Event::Segment { segment, at } => {
                let spill = line.push_segment(segment, *at);
                if spill {
                    self.0.runtime.spawn(line.spill());
                }
            }
            Event::Gap { gap, at } => {
                let gap = airloom_playlist::Gap {
                    track: gap.track,
                    sequence: gap.sequence,
                    start: gap.start,
                    duration: gap.duration,
                    discontinuity: gap.discontinuity,
                };
                line.push(Item::Gap { gap, at: *at });
            }
            Event::Ended { at } => {
                line.push(Item::End { at: *at });
                self.0.lines().remove(stream);
            }
            // Parts are in their segments, and MPEG-TS has the same media once more.
            _ => {}
        }
    }
}
