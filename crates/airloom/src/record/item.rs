use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airloom_playlist::WallTime;
use tracing::warn;

use super::Recording;
use super::sheet::{Finished, Sheet};
use super::timeline::Timeline;
use crate::origin::StreamName;

/// One recording.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) name: StreamName,
    pub(super) started_at: WallTime,
    pub(super) life: u64,
    /// Async code waits for it: never held while something is read, written or rendered.
    state: Mutex<State>,
    /// How long it plays while it is on air, in milliseconds, or [`NOTHING`]: whoever lists
    /// recordings is not to wait for the playlist of a long one.
    plays: AtomicU64,
    /// Held by the one who goes over its files.
    reading: Mutex<()>,
    removed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    finished: Option<Finished>,
    /// What is on air is always there; what is finished, when somebody wants it.
    timeline: Option<Arc<Mutex<Timeline>>>,
}

/// There is no segment to play yet.
const NOTHING: u64 = u64::MAX;

impl Item {
    /// One of which nothing is known but what its name and sheet say.
    pub(super) fn new(
        id: String,
        folder: PathBuf,
        name: StreamName,
        started_at: WallTime,
        life: u64,
    ) -> Self {
        let (state, reading) = (Mutex::default(), Mutex::default());
        let (plays, removed) = (AtomicU64::new(NOTHING), AtomicBool::new(false));
        Self { id, folder, name, started_at, life, state, plays, reading, removed }
    }

    /// Has a timeline from here on, which its writer adds to.
    pub(super) fn on_air(self) -> Self {
        self.lock().timeline = Some(Arc::default());
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn name(&self) -> &StreamName {
        &self.name
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For one at a time, who goes over its files. Blocks.
    pub(super) fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn finished(&self) -> Option<Finished> {
        self.lock().finished.clone()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.lock().finished.is_some()
    }

    pub(super) fn finish(&self, finished: Finished) {
        self.lock().finished = Some(finished);
    }

    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Relaxed)
    }

    /// What can be played of it, where that is held.
    pub(super) fn held(&self) -> Option<Arc<Mutex<Timeline>>> {
        self.lock().timeline.clone()
    }

    pub(super) fn hold(&self, timeline: Arc<Mutex<Timeline>>) {
        self.lock().timeline = Some(timeline);
    }

    pub(super) fn let_go(&self) {
        let timeline = self.lock().timeline.take();
        // A long one takes its time, and nobody is to wait for that.
        drop(timeline);
    }

    /// Changes the timeline of what is on air; only its writer does.
    pub(super) fn timeline<T: Default>(&self, change: impl FnOnce(&mut Timeline) -> T) -> T {
        let Some(timeline) = self.held() else { return T::default() };
        let mut timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut timeline);
        if !timeline.is_empty() {
            self.plays.store(timeline.length(), Relaxed);
        }
        changed
    }

    pub(super) fn sheet(&self, finished: Option<Finished>) -> Sheet {
        Sheet {
            version: Sheet::VERSION,
            name: self.name.to_string(),
            life: self.life,
            started_at: u64::try_from(self.started_at.since_unix().as_nanos()).unwrap_or(u64::MAX),
            finished,
        }
    }

    /// For people and programs; `None` where there is nothing to play yet.
    pub(super) fn recording(&self) -> Option<Recording> {
        let finished = self.finished();
        let millis = match &finished {
            Some(finished) => finished.duration_ms,
            None => Some(self.plays.load(Relaxed)).filter(|plays| *plays != NOTHING)?,
        };
        Some(Recording {
            id: self.id.clone(),
            name: self.name.clone(),
            started_at: self.started_at,
            duration: Duration::from_millis(millis),
            bytes: finished.as_ref().map_or(0, |finished| finished.bytes),
            on_air: finished.is_none(),
            cut_short: finished.and_then(|finished| finished.cut_short),
        })
    }

    /// Deletes its folder. Blocks.
    pub(super) fn delete(&self) {
        if self.removed.swap(true, Relaxed) {
            return;
        }
        // Whoever reads it may write its index anew meanwhile, once for each volume.
        for _ in 0..REMOVALS {
            match fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return warn!("{} not removed: {error}", self.folder.display());
                }
                _ => return,
            }
        }
        warn!("{} not removed: it is being read", self.folder.display());
    }
}

/// Attempts to remove a folder to which somebody adds.
const REMOVALS: usize = 5;
