use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use airloom_chat::RoomId;
use mio::Waker;

use super::{Newcomer, News};

/// Batches of one room that a busy thread may owe; of more, the oldest go, and readers are given
/// what they missed instead.
pub(super) const OWED: usize = 4;

/// What waits for a writer thread.
#[derive(Debug)]
pub(super) struct Inbox {
    waker: Waker,
    waiting: Mutex<Waiting>,
    /// Readers on the thread or on their way to it: without any it need not hear of batches.
    readers: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) newcomers: Vec<Newcomer>,
    pub(super) batches: HashMap<RoomId, VecDeque<News>>,
    pub(super) stop: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.newcomers.is_empty() && self.batches.is_empty()
    }
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker, waiting: Mutex::default(), readers: AtomicUsize::new(0) }
    }

    pub(super) fn add(&self, newcomer: Newcomer) {
        let mut waiting = self.lock();
        if waiting.stop {
            return;
        }
        self.readers.fetch_add(1, Ordering::AcqRel);
        let idle = waiting.is_empty();
        waiting.newcomers.push(newcomer);
        drop(waiting);
        self.wake_if(idle);
    }

    pub(super) fn publish(&self, room: &RoomId, news: &News) {
        if self.readers.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut waiting = self.lock();
        let idle = waiting.is_empty();
        let owed = waiting.batches.entry(room.clone()).or_default();
        if owed.len() == OWED {
            owed.pop_front();
        }
        owed.push_back(news.clone());
        drop(waiting);
        self.wake_if(idle);
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wake_if(true);
    }

    /// Takes all that waits.
    pub(super) fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        let stopped = Waiting { stop: waiting.stop, ..Waiting::default() };
        std::mem::replace(&mut *waiting, stopped)
    }

    /// Says that a reader is gone.
    pub(super) fn gone(&self) {
        self.readers.fetch_sub(1, Ordering::AcqRel);
    }

    /// Where something waited before, the thread is woken already and has not looked yet.
    fn wake_if(&self, idle: bool) {
        if idle {
            // It fails where the thread is gone already, or wakes anyhow.
            let _ = self.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
