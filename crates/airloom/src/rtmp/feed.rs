use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::{EncodedTag, GopCache};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{Media, Publication, PushMetrics};

/// One published stream on its way to any number of servers: each tag is encoded once, and waits
/// for each of them in a queue of its own.
///
/// Those who come while it runs start with metadata, sequence headers and everything since the last
/// keyframe. One that takes too little too slowly loses what waits for it and goes on at the next
/// keyframe, headers first; nobody else notices. Dropping the feed ends it: what waits is still
/// sent, and then goodbye.
///
/// It is a [`Publication`], so that a [`Service`](super::Service) can hand it out as it is.
#[derive(Debug)]
pub struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    chunk_size: u32,
}

#[derive(Debug)]
struct State {
    gop: GopCache,
    /// Whether a picture ever came: sound alone can be joined anywhere.
    video: bool,
    /// Whether a frame of anything ever came: before that nobody has missed any.
    begun: bool,
    over: bool,
    next_id: u64,
    queues: Vec<Queue>,
}

/// What waits for one server.
#[derive(Debug)]
struct Queue {
    id: u64,
    tags: VecDeque<EncodedTag>,
    bytes: usize,
    max_bytes: usize,
    mode: Mode,
    wake: Arc<Notify>,
    metrics: PushMetrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Not connected: nothing is kept.
    Off,
    /// Given what comes.
    On,
    /// Overflowed: waits for a place to go on, having lost so many tags.
    Skipping { lost: u64 },
}

/// Tags kept for those who join, and their bytes: 20 s of 60 fps video with audio; 10 s at
/// 13 Mbit/s.
const GOP: (usize, usize) = (4096, 16 << 20);

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// A feed of nothing yet.
    pub fn new() -> Self {
        let state = State {
            gop: GopCache::new(GOP.0, GOP.1),
            video: false,
            begun: false,
            over: false,
            next_id: 0,
            queues: Vec::new(),
        };
        let chunk_size = airloom_rtmp::Config::default().chunk_size;
        Self(Arc::new(Shared { state: Mutex::new(state), chunk_size }))
    }

    /// Gives the next tag to all. Never waits.
    pub fn send(&self, tag: &Tag) {
        self.0.send(tag);
    }

    /// A place to take from, with a queue of at most `max_bytes`; for [`Push`](super::Push).
    pub fn subscribe(&self, max_bytes: usize) -> Subscription {
        self.subscribe_counted(max_bytes, PushMetrics::default())
    }

    pub(super) fn subscribe_counted(&self, max_bytes: usize, metrics: PushMetrics) -> Subscription {
        let wake = Arc::new(Notify::new());
        let mut state = self.0.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.queues.push(Queue {
            id,
            tags: VecDeque::new(),
            bytes: 0,
            max_bytes,
            mode: Mode::Off,
            wake: Arc::clone(&wake),
            metrics,
        });
        drop(state);
        let subscription = Subscription { id, shared: Arc::clone(&self.0), wake };
        // What comes while the first connection is being made is not lost.
        subscription.start();
        subscription
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.over = true;
        for queue in &state.queues {
            queue.wake.notify_one();
        }
    }
}

impl Publication for Feed {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        match media {
            Media::Tag(tag) => self.send(&tag),
            Media::Metadata(metadata) => self.send(&metadata.tag),
            _ => {}
        }
        Ok(())
    }

    fn flush(&mut self) {}
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, tag: &Tag) {
        let mut state = self.lock();
        let State { gop, video, begun, queues, .. } = &mut *state;
        // Cue points are of their moment; metadata holds until it is replaced.
        if tag.kind != Kind::Script || tag.data.starts_with(b"\x02\0\x0aonMetaData") {
            gop.push(tag);
        }
        *video |= tag.kind == Kind::Video;
        let frame = tag.kind != Kind::Script && !tag.is_sequence_header();
        *begun |= frame;
        let start = frame && (tag.is_keyframe() || (tag.kind == Kind::Audio && !*video));
        let mut encoded = None;
        for queue in queues.iter_mut().filter(|queue| queue.mode != Mode::Off) {
            let encoded =
                encoded.get_or_insert_with(|| EncodedTag::for_server(tag, self.chunk_size));
            if start && let Mode::Skipping { lost } = queue.mode {
                if lost > 0 {
                    info!(push = queue.id, lost, "goes on at a keyframe");
                }
                queue.mode = Mode::On;
                queue.extend(gop.headers(), self.chunk_size);
            }
            queue.offer(encoded);
        }
    }
}

impl Queue {
    fn offer(&mut self, tag: &EncodedTag) {
        if let Mode::Skipping { lost } = &mut self.mode {
            *lost += 1;
            self.metrics.lost(1);
        } else if self.bytes + tag.len() > self.max_bytes && !self.tags.is_empty() {
            let lost = self.tags.len() as u64 + 1;
            warn!(push = self.id, lost, bytes = self.bytes, "too slow: dropped what waited");
            self.clear();
            self.metrics.lost(lost);
            self.mode = Mode::Skipping { lost };
        } else {
            self.push(tag.clone());
        }
    }

    fn push(&mut self, tag: EncodedTag) {
        self.bytes += tag.len();
        self.tags.push_back(tag);
        self.wake.notify_one();
    }

    fn extend(&mut self, tags: impl IntoIterator<Item = Tag>, chunk_size: u32) {
        for tag in tags {
            self.push(EncodedTag::for_server(&tag, chunk_size));
        }
    }

    fn clear(&mut self) {
        self.tags.clear();
        self.bytes = 0;
    }
}

/// A place at a [`Feed`]. Dropping it gives it back.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    shared: Arc<Shared>,
    wake: Arc<Notify>,
}

impl Subscription {
    /// Its number in the log.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// What tags are encoded for.
    pub(super) fn chunk_size(&self) -> u32 {
        self.shared.chunk_size
    }

    fn with<T>(&self, look: impl FnOnce(&mut Queue, &GopCache, bool) -> T) -> Option<T> {
        let mut state = self.shared.lock();
        let State { gop, begun, queues, .. } = &mut *state;
        let queue = queues.iter_mut().find(|queue| queue.id == self.id)?;
        Some(look(queue, gop, *begun))
    }

    /// After a stop, starts anew with what a server needs to start at once.
    pub(super) fn start(&self) {
        let chunk_size = self.shared.chunk_size;
        self.with(|queue, gop, begun| {
            if queue.mode != Mode::Off {
                return;
            }
            // A group larger than the queue may be would fall out of it at once.
            let all = !gop.tags().is_empty() && gop.bytes() <= queue.max_bytes;
            if all || !begun {
                queue.mode = Mode::On;
                queue.extend(gop.headers().chain(gop.tags().iter().cloned()), chunk_size);
            } else {
                queue.mode = Mode::Skipping { lost: 0 };
            }
        });
    }

    /// Wants nothing until the next start.
    pub(super) fn stop(&self) {
        self.with(|queue, _, _| {
            queue.clear();
            queue.mode = Mode::Off;
        });
    }

    /// Waits for the next tag; `None` after the last. Loses nothing where it is given up.
    pub(super) async fn next(&self) -> Option<EncodedTag> {
        loop {
            let tag = self.with(|queue, _, _| {
                let tag = queue.tags.pop_front()?;
                queue.bytes -= tag.len();
                Some(tag)
            });
            match tag.flatten() {
                Some(tag) => return Some(tag),
                None if self.is_over() => return None,
                None => self.wake.notified().await,
            }
        }
    }

    /// Waits until the feed is over and nothing waits.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.wake.notified().await;
        }
    }

    fn is_over(&self) -> bool {
        let empty = self.with(|queue, _, _| queue.tags.is_empty()).unwrap_or(true);
        empty && self.shared.lock().over
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.lock().queues.retain(|queue| queue.id != self.id);
    }
}
