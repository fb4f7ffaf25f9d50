use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use airloom_playlist::WallTime;
use tokio::sync::broadcast;
use tracing::{info, warn};

use super::held::Held;
use super::movie::{self, Layout};
use super::scan::{self, Found};
use super::sheet::{CutShort, Finished, Sheet, sync_folder};
use super::timeline::Timeline;
use super::{Config, Recording};
use crate::origin::StreamName;

/// Every recording there is.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
    pub(super) config: Config,
    items: RwLock<HashMap<String, Arc<Item>>>,
    /// Those whose timelines are held for viewers, the last one asked for at the end.
    open: Mutex<Vec<Arc<Item>>>,
    /// The files made last, so that a player's next range needs no new one.
    pub(super) movies: Held<movie::Key, Layout>,
    #[cfg(feature = "thumbnails")]
    pub(super) sheets: super::thumbnails::Sheets,
    /// On disk.
    pub(super) bytes: AtomicU64,
    pub(super) totals: Totals,
    pub(super) ready: broadcast::Sender<Recording>,
}

/// What has happened since the recorder was opened.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) started: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) cut_short: AtomicU64,
    pub(super) served: AtomicU64,
}

/// One recording.
#[derive(Debug)]
pub(super) struct Item {
    id: String,
    folder: PathBuf,
    name: StreamName,
    started_at: WallTime,
    life: u64,
    state: Mutex<State>,
    removed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    finished: Option<Finished>,
    /// What is on air is always there; what is finished, when somebody wants it.
    timeline: Option<Arc<Mutex<Timeline>>>,
}

/// Recordings that became known to subscribers and were not taken by them yet.
const READY: usize = 64;

pub(super) fn media_file(volume: u32) -> String {
    format!("{volume}.mp4")
}

pub(super) fn index_file(volume: u32) -> String {
    format!("{volume}.idx")
}

impl Shelf {
    /// Reads what is there, and completes what was being recorded when the last process died.
    pub(super) fn open(root: &Path, config: Config) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let shelf = Self {
            root: root.to_owned(),
            items: RwLock::default(),
            open: Mutex::default(),
            movies: Held::new(config.limits.movies),
            #[cfg(feature = "thumbnails")]
            sheets: super::thumbnails::Sheets::new(&config.thumbnails),
            bytes: AtomicU64::new(0),
            totals: Totals::default(),
            ready: broadcast::Sender::new(READY),
            config,
        };
        for entry in fs::read_dir(root)? {
            let folder = entry?.path();
            match Item::read(&folder) {
                Ok(Some(item)) => {
                    if let Some(finished) = &item.lock().finished {
                        shelf.bytes.fetch_add(finished.bytes, Relaxed);
                    }
                    shelf.items_mut().insert(item.id.clone(), Arc::new(item));
                }
                Ok(None) => {}
                // One that cannot be read is no reason not to make others.
                Err(error) => warn!("{} is not served: {error}", folder.display()),
            }
        }
        Ok(shelf)
    }

    fn items(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Arc<Item>>> {
        self.items.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn items_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Arc<Item>>> {
        self.items.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.items().len()
    }

    /// Makes room for a recording.
    pub(super) fn begin(
        &self,
        name: &StreamName,
        life: u64,
        at: WallTime,
    ) -> Result<Arc<Item>, Refused> {
        if self.len() >= self.config.limits.recordings {
            return Err(Refused::Number);
        }
        if self.bytes.load(Relaxed) >= self.config.limits.bytes {
            return Err(Refused::Bytes);
        }
        let (id, folder) = self.folder(name, life)?;
        let item = Item {
            folder,
            name: name.clone(),
            started_at: at,
            life,
            state: Mutex::new(State { finished: None, timeline: Some(Arc::default()) }),
            removed: AtomicBool::new(false),
            id,
        };
        item.sheet(None).write(&item.folder)?;
        sync_folder(&self.root)?;
        let item = Arc::new(item);
        self.items_mut().insert(item.id.clone(), Arc::clone(&item));
        self.totals.started.fetch_add(1, Relaxed);
        Ok(item)
    }

    /// A server that was killed and is back within a second counts from where it did before.
    fn folder(&self, name: &StreamName, life: u64) -> io::Result<(String, PathBuf)> {
        let mut id = format!("{name}-{life}");
        for again in 2.. {
            let folder = self.root.join(&id);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && again < 100 => {
                    id = format!("{name}-{life}-{again}");
                }
                made => return made.map(|()| (id, folder)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// A recording is complete: whoever asks gets it whole from here on.
    pub(super) fn finish(&self, item: &Arc<Item>, finished: impl FnOnce(u64) -> Finished) {
        let (empty, length) = item.timeline(|timeline| (timeline.is_empty(), timeline.length()));
        let finished = finished(length);
        if finished.cut_short.is_some() {
            self.totals.cut_short.fetch_add(1, Relaxed);
        }
        if empty {
            self.bytes.fetch_sub(finished.bytes.min(self.bytes.load(Relaxed)), Relaxed);
            self.items_mut().remove(&item.id);
            item.delete();
            return;
        }
        if let Err(error) = item.sheet(Some(finished.clone())).write(&item.folder) {
            // It can be played all the same, and is found as it is after a restart.
            warn!("recording {}: its sheet is not written: {error}", item.id);
        }
        item.lock().finished = Some(finished);
        if let Some(recording) = item.recording() {
            info!("recording {} ready: {} s", item.id, recording.duration.as_secs());
            let _ = self.ready.send(recording);
        }
        self.use_of(item);
    }

    pub(super) fn item(&self, id: &str) -> Option<Arc<Item>> {
        self.items().get(id).cloned()
    }

    /// The recording of what is on air under that name.
    pub(super) fn on_air(&self, name: &str) -> Option<Arc<Item>> {
        let items = self.items();
        let mut own = items.values().filter(|item| item.name.as_str() == name);
        own.find(|item| item.lock().finished.is_none()).cloned()
    }

    /// Newest first.
    pub(super) fn recordings(&self, on_air: bool) -> Vec<Recording> {
        let items: Vec<_> = self.items().values().cloned().collect();
        let mut all: Vec<_> = items.iter().filter_map(|item| item.recording()).collect();
        all.retain(|recording| on_air || !recording.on_air);
        all.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        all
    }

    /// Deletes a finished recording.
    pub(super) fn remove(&self, id: &str) -> bool {
        let mut items = self.items_mut();
        let Some(item) = items.get(id) else { return false };
        let Some(bytes) = item.lock().finished.as_ref().map(|finished| finished.bytes) else {
            return false;
        };
        let item = items.remove(id);
        drop(items);
        self.bytes.fetch_sub(bytes.min(self.bytes.load(Relaxed)), Relaxed);
        self.movies.forget(|(known, ..)| known == id);
        #[cfg(feature = "thumbnails")]
        self.sheets.forget(id);
        if let Some(item) = item {
            self.held().retain(|open| !Arc::ptr_eq(open, &item));
            item.delete();
        }
        true
    }

    fn held(&self) -> MutexGuard<'_, Vec<Arc<Item>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the timeline of the recordings asked for last, and lets go of others.
    fn use_of(&self, item: &Arc<Item>) {
        let mut open = self.held();
        open.retain(|other| !Arc::ptr_eq(other, item));
        open.push(Arc::clone(item));
        let over = open.len().saturating_sub(self.config.limits.open.max(1));
        for item in open.drain(..over) {
            item.lock().timeline = None;
        }
    }

    /// What can be played of a recording, read from disk where it is not held. Blocks.
    pub(super) fn timeline(&self, item: &Arc<Item>) -> io::Result<Arc<Mutex<Timeline>>> {
        let mut state = item.lock();
        let Some(finished) = &state.finished else {
            // Made with it, and kept until it is finished.
            return state.timeline.clone().ok_or_else(|| io::ErrorKind::NotFound.into());
        };
        let timeline = if let Some(timeline) = &state.timeline {
            Arc::clone(timeline)
        } else {
            let mut timeline = Timeline::default();
            for volume in 1..=finished.volumes {
                read(&item.folder, volume, |found| note(&mut timeline, volume, &found))?;
            }
            timeline.end();
            Arc::clone(state.timeline.insert(Arc::new(Mutex::new(timeline))))
        };
        drop(state);
        self.use_of(item);
        Ok(timeline)
    }
}

fn note(timeline: &mut Timeline, volume: u32, found: &Found<'_>) {
    if let Found::Stamp(stamp, offset, _) = found {
        timeline.note(stamp, volume, *offset);
    }
}

/// Goes over a finished volume, by its index where that is whole.
pub(super) fn read(folder: &Path, volume: u32, mut each: impl FnMut(Found<'_>)) -> io::Result<()> {
    let mut media = File::open(folder.join(media_file(volume)))?;
    let len = media.metadata()?.len();
    let path = folder.join(index_file(volume));
    // Once without looking: an index that lost its end must not be followed half way.
    if scan::index(&path, len, |_| {}).is_ok_and(|whole| whole.media == len) {
        scan::index(&path, len, each)?;
    } else {
        scan::media(&mut media, &mut each)?;
    }
    Ok(())
}

/// Why a stream is not recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("as many recordings are kept as the limit allows")]
    Number,
    #[error("all recordings together are as large as the limit allows")]
    Bytes,
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl Item {
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

    pub(super) fn finished(&self) -> Option<Finished> {
        self.lock().finished.clone()
    }

    /// Changes the timeline of what is on air; only its writer does.
    pub(super) fn timeline<T: Default>(&self, change: impl FnOnce(&mut Timeline) -> T) -> T {
        let timeline = self.lock().timeline.clone();
        timeline.map_or_else(T::default, |timeline| {
            change(&mut timeline.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }

    fn sheet(&self, finished: Option<Finished>) -> Sheet {
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
        let state = self.lock();
        let millis = match (&state.finished, &state.timeline) {
            (Some(finished), _) => finished.duration_ms,
            (None, Some(timeline)) => {
                let timeline = timeline.lock().unwrap_or_else(PoisonError::into_inner);
                Some(timeline.length()).filter(|_| !timeline.is_empty())?
            }
            (None, None) => return None,
        };
        Some(Recording {
            id: self.id.clone(),
            name: self.name.clone(),
            started_at: self.started_at,
            duration: Duration::from_millis(millis),
            bytes: state.finished.as_ref().map_or(0, |finished| finished.bytes),
            on_air: state.finished.is_none(),
            cut_short: state.finished.as_ref().and_then(|finished| finished.cut_short),
        })
    }

    fn delete(&self) {
        if self.removed.swap(true, Relaxed) {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            warn!("{} not removed: {error}", self.folder.display());
        }
    }

    /// A recording as it was left; `None` where the folder is none, or empty.
    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let Some(id) = folder.file_name().and_then(|name| name.to_str()) else { return Ok(None) };
        let sheet = match Sheet::read(folder) {
            Ok(sheet) => sheet,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = sheet.name.parse().map_err(io::Error::other)?;
        if sheet.version != Sheet::VERSION
            || !id.starts_with(&format!("{}-{}", sheet.name, sheet.life))
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not of this version and name"));
        }
        let item = Self {
            id: id.to_owned(),
            folder: folder.to_owned(),
            name,
            started_at: WallTime::from_unix(Duration::from_nanos(sheet.started_at)),
            life: sheet.life,
            state: Mutex::default(),
            removed: AtomicBool::new(false),
        };
        let finished = sheet.finished.map_or_else(|| item.recover(), |known| Ok(Some(known)))?;
        let Some(finished) = finished else {
            item.delete();
            return Ok(None);
        };
        item.lock().finished = Some(finished);
        Ok(Some(item))
    }

    /// Completes what a process that died left: cuts off what is not whole.
    fn recover(&self) -> io::Result<Option<Finished>> {
        let mut timeline = Timeline::default();
        let mut finished = Finished {
            duration_ms: 0,
            bytes: 0,
            volumes: 0,
            longest: 1,
            cut_short: Some(CutShort::Killed),
        };
        let mut longest = 0;
        for volume in 1.. {
            let path = self.folder.join(media_file(volume));
            let Ok(mut media) = File::options().read(true).write(true).open(&path) else { break };
            let since = timeline.length();
            let whole = scan::media(&mut media, |found| note(&mut timeline, volume, &found))?;
            // Its index may lack what waited to be written: the media says the same.
            let _ = fs::remove_file(self.folder.join(index_file(volume)));
            if whole.parts == 0 {
                fs::remove_file(&path)?;
                break;
            }
            media.set_len(whole.media)?;
            media.sync_data()?;
            let length = timeline.length().saturating_sub(since);
            if length > longest {
                (longest, finished.longest) = (length, volume);
            }
            finished.volumes = volume;
            finished.bytes += whole.media;
        }
        timeline.end();
        if timeline.is_empty() {
            return Ok(None);
        }
        finished.duration_ms = timeline.length();
        self.sheet(Some(finished.clone())).write(&self.folder)?;
        warn!("recording {} recovered: {} s", self.id, finished.duration_ms / 1000);
        Ok(Some(finished))
    }
}
