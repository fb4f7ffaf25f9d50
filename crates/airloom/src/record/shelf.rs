use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use airloom_playlist::WallTime;
use tokio::sync::broadcast;
use tracing::{info, warn};

use super::held::Held;
use super::item::Item;
use super::movie::{self, Layout};
use super::sheet::{Finished, sync_folder};
use super::timeline::Timeline;
use super::volume::{self, Unreadable};
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

/// Recordings that became known to subscribers and were not taken by them yet.
const READY: usize = 64;

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
                    if let Some(finished) = item.finished() {
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
        let item = Item::new(id, folder, name.clone(), at, life).on_air();
        let named = item.sheet(None).write(&item.folder).and_then(|()| sync_folder(&self.root));
        if let Err(error) = named {
            // A full disk is not to fill up with folders of nothing, one for each attempt.
            item.delete();
            return Err(error.into());
        }
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
        item.finish(finished);
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
        own.find(|item| !item.is_finished()).cloned()
    }

    /// Newest first.
    pub(super) fn recordings(&self, on_air: bool) -> Vec<Recording> {
        let items: Vec<_> = self.items().values().cloned().collect();
        let mut all: Vec<_> = items.iter().filter_map(|item| item.recording()).collect();
        all.retain(|recording| on_air || !recording.on_air);
        all.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        all
    }

    /// Deletes a finished recording; nobody but who asked for that waits for the disk.
    pub(super) fn remove(&self, id: &str) -> bool {
        let mut items = self.items_mut();
        let Some(finished) = items.get(id).and_then(|item| item.finished()) else { return false };
        let item = items.remove(id);
        drop(items);
        let bytes = finished.bytes;
        self.bytes.fetch_sub(bytes.min(self.bytes.load(Relaxed)), Relaxed);
        if let Some(item) = item {
            item.delete();
            self.held().retain(|open| !Arc::ptr_eq(open, &item));
        }
        // After the files: what is made of them meanwhile is let go of, too.
        self.movies.forget(|(known, ..)| known == id);
        #[cfg(feature = "thumbnails")]
        self.sheets.forget(id);
        true
    }

    fn held(&self) -> MutexGuard<'_, Vec<Arc<Item>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the timeline of the recordings asked for last, and lets go of others.
    fn use_of(&self, item: &Arc<Item>) {
        let mut open = self.held();
        if item.is_removed() {
            return;
        }
        open.retain(|other| !Arc::ptr_eq(other, item));
        open.push(Arc::clone(item));
        let over = open.len().saturating_sub(self.config.limits.open.max(1));
        let gone: Vec<_> = open.drain(..over).collect();
        drop(open);
        for item in gone {
            item.let_go();
        }
    }

    /// What can be played of a recording, read from disk where it is not held. Blocks.
    pub(super) fn timeline(&self, item: &Arc<Item>) -> io::Result<Arc<Mutex<Timeline>>> {
        self.timeline_by(item, |timeline, volume| {
            volume::read(item.folder(), volume, |found| timeline.found(volume, &found))
        })
    }

    /// Where it is not held, one `read`s it, volume by volume, and the others who ask meanwhile wait
    /// for that one: nobody else does.
    fn timeline_by(
        &self,
        item: &Arc<Item>,
        mut read: impl FnMut(&mut Timeline, u32) -> Result<(), Unreadable>,
    ) -> io::Result<Arc<Mutex<Timeline>>> {
        if let Some(held) = self.find(item) {
            return Ok(held);
        }
        let _reading = item.reading();
        if let Some(held) = self.find(item) {
            return Ok(held);
        }
        let finished = item.finished().ok_or(io::ErrorKind::NotFound)?;
        let mut timeline = Timeline::default();
        let (mut missing, mut again) = (None, false);
        for volume in 1..=finished.volumes {
            let Err(error) = read(&mut timeline, volume) else { continue };
            warn!("recording {}: {error}", item.id);
            // Its name would stand for other bytes once the rest can be read.
            timeline.leave();
            again |= !error.is_gone();
            missing.get_or_insert(error);
        }
        timeline.end();
        if let Some(error) = missing.filter(|_| timeline.is_empty()) {
            return Err(error.into());
        }
        let timeline = Arc::new(Mutex::new(timeline));
        // What may yet be read is tried again by whoever comes next.
        if !again {
            item.hold(Arc::clone(&timeline));
            self.use_of(item);
        }
        Ok(timeline)
    }

    fn find(&self, item: &Arc<Item>) -> Option<Arc<Mutex<Timeline>>> {
        let held = item.held()?;
        // What is on air is held in any case.
        if item.is_finished() {
            self.use_of(item);
        }
        Some(held)
    }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::super::testing::{events, playlist, recorded, taped};
    use super::*;

    /// Who has waited for so long waits for what is not to be waited for.
    const LONG: Duration = Duration::from_secs(20);

    fn shelf(folder: &Path) -> Arc<Shelf> {
        Arc::new(Shelf::open(folder, Config::default()).unwrap())
    }

    /// Two recordings that no timeline is held of.
    fn two(folder: &Path) -> (Arc<Shelf>, [Arc<Item>; 2]) {
        for name in ["one", "two"] {
            recorded(&shelf(folder), name, &events());
        }
        let shelf = shelf(folder);
        let items = ["one-1", "two-1"].map(|id| shelf.item(id).unwrap());
        (shelf, items)
    }

    #[test]
    fn whoever_reads_a_recording_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, [one, two]) = two(folder.path());
        let (begun, begins) = mpsc::channel();
        let (go_on, gate) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let reader = scope.spawn({
                let (shelf, one) = (&shelf, &one);
                move || {
                    shelf.timeline_by(one, |timeline, volume| {
                        begun.send(()).unwrap();
                        gate.recv().unwrap();
                        volume::read(one.folder(), volume, |found| timeline.found(volume, &found))
                    })
                }
            });
            begins.recv().unwrap();
            let (done, waited) = mpsc::channel();
            let (shelf, one, two) = (&shelf, &one, &two);
            scope.spawn(move || {
                let listed = shelf.recordings(true).len();
                let asked = (one.is_finished(), shelf.on_air("one").is_some());
                let empty = playlist(shelf, two).is_empty();
                done.send((listed, asked, empty, shelf.remove("two-1"), shelf.remove("one-1")))
            });
            let result = waited.recv_timeout(LONG);
            // In any case, or a failure would be a wait without end.
            go_on.send(()).unwrap();
            assert_eq!(result, Ok((2, (true, false), false, true, true)));
            assert!(reader.join().unwrap().is_err(), "what is removed is not there to be read");
        });
        assert!(shelf.held().is_empty(), "nor held");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_recording_is_read_once_for_all_who_ask_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (shelf, [one, _]) = two(folder.path());
        let reads = AtomicU64::new(0);
        let read = |timeline: &mut Timeline, volume| {
            reads.fetch_add(1, Relaxed);
            volume::read(one.folder(), volume, |found| timeline.found(volume, &found))
        };
        let found = thread::scope(|scope| {
            let readers = [(); 8].map(|()| scope.spawn(|| shelf.timeline_by(&one, read).unwrap()));
            readers.map(|reader| reader.join().unwrap())
        });
        assert!(found.iter().all(|one| Arc::ptr_eq(one, &found[0])));
        assert_eq!(reads.into_inner(), 1);
    }

    #[test]
    fn the_playlist_of_what_is_on_air_keeps_no_list_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let tape = taped(&shelf, "cam", &events());
        let timeline = shelf.timeline(tape.item()).unwrap();
        let rendering = timeline.lock().unwrap();
        let listed = thread::scope(|scope| {
            let (done, waited) = mpsc::channel();
            let shelf = &shelf;
            scope.spawn(move || done.send(shelf.recordings(true)));
            let listed = waited.recv_timeout(LONG);
            drop(rendering);
            listed
        });
        let [recording] = &listed.unwrap()[..] else { panic!("there is one") };
        assert!(recording.on_air && recording.duration.as_secs() >= 8, "{recording:?}");
        let plays = recording.duration;
        tape.finish(None);
        assert!(shelf.recordings(false)[0].duration >= plays);
    }
}
