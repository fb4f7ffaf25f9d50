use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use airloom_chat::{Batch, Output, RoomId};
use tokio::sync::watch;

use super::super::{Broker, Wake};
use super::Totals;

type Topics = HashMap<RoomId, watch::Sender<Option<Batch>>>;

/// A part of the rooms: behind one lock, ticked by one task.
#[derive(Debug)]
pub(super) struct Shard {
    state: Mutex<State>,
    start: Instant,
    wake: Wake,
    /// Where readers with a task of their own learn of the newest batch.
    topics: Mutex<Topics>,
    /// How many rooms were alive at the last tick.
    rooms: AtomicUsize,
}

#[derive(Debug)]
struct State {
    broker: Box<dyn Broker>,
    /// When the task that ticks wakes by itself.
    due: Option<Duration>,
}

impl Shard {
    pub(super) fn start(mut broker: Box<dyn Broker>, start: Instant) -> Self {
        let wake = Wake::default();
        broker.start(start.elapsed(), wake.clone());
        let state = Mutex::new(State { broker, due: None });
        Self { state, start, wake, topics: Mutex::default(), rooms: AtomicUsize::new(0) }
    }

    /// Has its task tick soon.
    pub(super) fn wake(&self) {
        self.wake.wake();
    }

    /// Waits for that.
    pub(super) async fn woken(&self) {
        self.wake.0.notified().await;
    }

    pub(super) fn rooms(&self) -> usize {
        self.rooms.load(Ordering::Relaxed)
    }

    /// Does something to the rooms, and has the task that ticks wake earlier if that needs it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut dyn Broker, Duration) -> T) -> T {
        let mut state = lock(&self.state);
        let done = work(&mut *state.broker, self.start.elapsed());
        let due = state.broker.poll_timeout();
        if due.is_some_and(|due| state.due.is_none_or(|known| due < known)) {
            state.due = due;
            drop(state);
            self.wake();
        }
        done
    }

    /// Does what is due: what is to be told, and when the next is due.
    pub(super) fn drain(&self, totals: &Totals) -> (Vec<(RoomId, Output)>, Option<Duration>) {
        let mut state = lock(&self.state);
        state.broker.handle_timeout(self.start.elapsed());
        let outputs = std::iter::from_fn(|| state.broker.poll_output()).collect();
        state.due = state.broker.poll_timeout();
        let (due, rooms) = (state.due, state.broker.rooms());
        drop(state);
        let before = self.rooms.swap(rooms, Ordering::Relaxed);
        // Goes round the end where there are fewer.
        totals.rooms.fetch_add((rooms as u64).wrapping_sub(before as u64), Ordering::Relaxed);
        (outputs, due)
    }

    /// Where the batches of a room are told from now on.
    pub(super) fn subscribe(&self, room: &RoomId) -> watch::Receiver<Option<Batch>> {
        let mut topics = lock(&self.topics);
        if topics.len() > 64 + 2 * self.rooms() {
            // Nothing was said since their last reader went.
            topics.retain(|_, topic| topic.receiver_count() > 0);
        }
        topics.entry(room.clone()).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    pub(super) fn publish(&self, room: &RoomId, batch: Batch) {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get(room)
            && topic.send(Some(batch)).is_err()
        {
            topics.remove(room);
        }
    }

    /// Lets go of the readers and ends the task.
    pub(super) fn close(&self) {
        lock(&self.topics).clear();
        self.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
