use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airloom_media::TrackId;
use airloom_playlist::{Gap, Protection, WallTime};
use airloom_segmenter::{Init, Segment};
use bytes::Bytes;
use object_store::PutPayload;
use tokio::sync::Notify;

use super::counts::Counts;

/// What waits to be uploaded of one life of a stream, in order and within bounds.
#[derive(Debug)]
pub(super) struct Line {
    state: Mutex<State>,
    news: Notify,
    limits: Bounds,
    counts: Arc<Counts>,
    spilling: AtomicBool,
}

/// What may wait, and where.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Bytes in memory.
    pub(super) memory: usize,
    /// Begins the names of files for what is more than half of that.
    pub(super) spill: Option<PathBuf>,
    /// Bytes in files, of all lines together.
    pub(super) disk: u64,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// Number of the first item; the others count on from it.
    first: u64,
    /// Bytes in memory, those being uploaded included.
    memory: usize,
}

/// One thing to upload, or to tell the playlists.
#[derive(Debug)]
pub(super) enum Item {
    Init { id: u64, init: Init, at: WallTime },
    Protection { track: TrackId, protection: Box<Protection>, at: WallTime },
    TargetDuration(u32),
    Segment { segment: Outline, media: Media, at: WallTime },
    Gap { gap: Gap, at: WallTime },
    End { at: WallTime },
}

/// What a playlist says of a segment.
pub(super) type Outline = airloom_playlist::Segment;

/// The bytes of a segment.
#[derive(Debug, Clone)]
pub(super) enum Media {
    Memory(Segment),
    /// In memory, and on its way to a file.
    Spilling(Segment),
    File(Arc<Spilled>),
}

/// A segment in a file, which goes with it.
#[derive(Debug)]
pub(super) struct Spilled {
    path: PathBuf,
    bytes: u64,
    counts: Arc<Counts>,
}

impl Drop for Spilled {
    fn drop(&mut self) {
        self.counts.disk.fetch_sub(self.bytes, Ordering::Relaxed);
        // What cannot be deleted now is deleted by the next archive here.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Media {
    /// What it takes of the memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Memory(segment) | Self::Spilling(segment) => segment.size,
            Self::File(_) => 0,
        }
    }

    /// What to upload. Reads a file where it is in one.
    pub(super) async fn payload(&self) -> io::Result<PutPayload> {
        match self {
            Self::Memory(segment) | Self::Spilling(segment) => Ok(chunks(segment).collect()),
            Self::File(spilled) => {
                let spilled = Arc::clone(spilled);
                let read = tokio::task::spawn_blocking(move || std::fs::read(&spilled.path));
                read.await.map_err(io::Error::other)?.map(PutPayload::from)
            }
        }
    }
}

fn chunks(segment: &Segment) -> impl Iterator<Item = Bytes> {
    segment.chunks().cloned()
}

impl Line {
    pub(super) fn new(limits: Bounds, counts: Arc<Counts>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            news: Notify::new(),
            limits,
            counts,
            spilling: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more item that takes next to no memory.
    pub(super) fn push(&self, item: Item) {
        self.lock().items.push_back(item);
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// One more segment, or a gap in its place where there is no room; whether some should go into
    /// files.
    pub(super) fn push_segment(&self, segment: &Segment, at: WallTime) -> bool {
        let mut state = self.lock();
        let room = state.memory + segment.size <= self.limits.memory;
        let item = if room {
            state.memory += segment.size;
            self.counts.memory.fetch_add(segment.size as u64, Ordering::Relaxed);
            let media = Media::Memory(segment.clone());
            Item::Segment { segment: outline(segment), media, at }
        } else {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            Item::Gap { gap: in_place_of(segment), at }
        };
        state.items.push_back(item);
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        let spill = self.limits.spill.is_some() && state.memory > self.limits.memory / 2;
        drop(state);
        self.news.notify_one();
        spill && !self.spilling.swap(true, Ordering::AcqRel)
    }

    /// Up to `most` items from the front; waits for one.
    pub(super) async fn take(&self, most: usize) -> Vec<Item> {
        loop {
            let news = self.news.notified();
            {
                let mut state = self.lock();
                let count = state.items.len().min(most.max(1));
                if count > 0 {
                    state.first += count as u64;
                    return state.items.drain(..count).collect();
                }
            }
            news.await;
        }
    }

    /// An item that was taken is done with.
    pub(super) fn done(&self, item: &Item) {
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Item::Segment { media, .. } = item {
            self.free(media.memory());
        }
    }

    fn free(&self, bytes: usize) {
        self.lock().memory -= bytes;
        self.counts.memory.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Puts what came last into files, as long as more than half of what may be is in memory.
    pub(super) async fn spill(self: Arc<Self>) {
        while let Some((number, segment)) = self.next_to_spill() {
            let line = Arc::clone(&self);
            let written = tokio::task::spawn_blocking(move || line.write(number, &segment)).await;
            match written {
                Ok(Ok(spilled)) => self.spilled(number, spilled),
                Ok(Err(error)) => {
                    // Memory is all there is then; the next segment tries again.
                    tracing::warn!("the archive cannot keep media on disk: {error}");
                    self.not_spilled(number);
                    break;
                }
                Err(_) => break,
            }
        }
        self.spilling.store(false, Ordering::Release);
    }

    fn next_to_spill(&self) -> Option<(u64, Segment)> {
        let mut state = self.lock();
        if state.memory <= self.limits.memory / 2 {
            return None;
        }
        let first = state.first;
        state.items.iter_mut().enumerate().rev().find_map(|(index, item)| match item {
            Item::Segment { media: media @ Media::Memory(_), .. } => {
                let Media::Memory(segment) = media else { return None };
                let segment = segment.clone();
                *media = Media::Spilling(segment.clone());
                Some((first + index as u64, segment))
            }
            _ => None,
        })
    }

    fn write(&self, number: u64, segment: &Segment) -> io::Result<Spilled> {
        let Some(prefix) = &self.limits.spill else { return Err(io::ErrorKind::NotFound.into()) };
        let bytes = segment.size as u64;
        let before = self.counts.disk.fetch_add(bytes, Ordering::Relaxed);
        let mut path = prefix.clone().into_os_string();
        path.push(format!("-{number}"));
        // Deletes the file, too, where it is dropped on the way.
        let spilled =
            Spilled { path: PathBuf::from(path), bytes, counts: Arc::clone(&self.counts) };
        if before + bytes > self.limits.disk {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let mut file = BufWriter::new(File::create(&spilled.path)?);
        for chunk in chunks(segment) {
            file.write_all(&chunk)?;
        }
        file.flush()?;
        Ok(spilled)
    }

    fn waiting_media(state: &mut State, number: u64) -> Option<&mut Media> {
        let index = usize::try_from(number.checked_sub(state.first)?).ok()?;
        match state.items.get_mut(index)? {
            Item::Segment { media, .. } => Some(media),
            _ => None,
        }
    }

    fn spilled(&self, number: u64, spilled: Spilled) {
        let mut state = self.lock();
        // Where it was taken meanwhile, it is uploaded from memory, and the file is not needed.
        let freed = Self::waiting_media(&mut state, number).map(|media| {
            let bytes = media.memory();
            *media = Media::File(Arc::new(spilled));
            bytes
        });
        drop(state);
        self.free(freed.unwrap_or(0));
    }

    fn not_spilled(&self, number: u64) {
        let mut state = self.lock();
        if let Some(media) = Self::waiting_media(&mut state, number)
            && let Media::Spilling(segment) = media
        {
            *media = Media::Memory(segment.clone());
        }
    }
}

fn outline(segment: &Segment) -> Outline {
    Outline {
        track: segment.track,
        sequence: segment.sequence,
        start: segment.start,
        duration: segment.duration,
        independent: segment.independent,
        discontinuity: segment.discontinuity,
        bytes: segment.size as u64,
    }
}

fn in_place_of(segment: &Segment) -> Gap {
    Gap {
        track: segment.track,
        sequence: segment.sequence,
        start: segment.start,
        duration: segment.duration,
        discontinuity: segment.discontinuity,
    }
}
