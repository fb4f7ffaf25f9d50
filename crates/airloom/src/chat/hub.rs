use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use airloom_chat::deflate::{Deflated, Deflater};
use airloom_chat::{
    Answer, Batch, Body, Cursor, Input, Output, Reader, Refusal, RoomId, Take, UserId,
};
use tokio::sync::{Notify, watch};

use super::broker::Replied;
use super::reviewer::Reviews;
use super::subscription::Subscription;
use super::wheel::Wheel;
use super::writers::{News, Writers};
use super::{Broker, Config, Observer, Reply, Wake};

/// Where everything meets: the rooms, those who write to them, those who read.
pub(super) struct Hub {
    state: Mutex<State>,
    start: Instant,
    wake: Wake,
    /// Where readers with a task of their own learn of the newest batch.
    topics: Mutex<HashMap<RoomId, watch::Sender<Option<Batch>>>>,
    writers: Writers,
    compression: Mutex<Compression>,
    wheel: Wheel,
    observer: Arc<dyn Observer>,
    reviews: Option<Reviews>,
    /// How long a room holds what is to be reviewed.
    review: Duration,
    myself: Weak<Self>,
    totals: Totals,
    readers: u64,
    closed: AtomicBool,
    ended: Notify,
}

struct State {
    broker: Box<dyn Broker>,
    /// When the task that ticks wakes by itself.
    due: Option<Duration>,
}

/// What compresses batches, and the last of each room.
#[derive(Debug, Default)]
struct Compression {
    deflater: Deflater,
    last: HashMap<RoomId, Deflated>,
}

/// What has happened since the start, and who is here.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) rooms: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) deliveries: AtomicU64,
    pub(super) delivered_bytes: AtomicU64,
    pub(super) reaped: AtomicU64,
    /// Readers on the fast path.
    pub(super) fast: AtomicU64,
    /// Those of them who take it compressed.
    pub(super) gzip: AtomicU64,
    /// All others.
    pub(super) tasks: AtomicU64,
}

impl Totals {
    pub(super) fn readers(&self) -> u64 {
        self.fast.load(Ordering::Relaxed) + self.tasks.load(Ordering::Relaxed)
    }
}

impl Hub {
    pub(super) fn start(
        config: &Config,
        mut broker: Box<dyn Broker>,
        observer: Arc<dyn Observer>,
        reviews: Option<Reviews>,
    ) -> std::io::Result<Arc<Self>> {
        let (start, wake) = (Instant::now(), Wake::default());
        broker.start(Duration::ZERO, wake.clone());
        let writers = Writers::start(config)?;
        let hub = Arc::new_cyclic(|myself| Self {
            state: Mutex::new(State { broker, due: None }),
            start,
            wake,
            topics: Mutex::default(),
            writers,
            compression: Mutex::default(),
            wheel: Wheel::new(config.heartbeat),
            observer,
            reviews,
            review: config.room.review,
            myself: Weak::clone(myself),
            totals: Totals::default(),
            readers: config.readers as u64,
            closed: AtomicBool::new(false),
            ended: Notify::new(),
        });
        let (ticking, turning) = (Arc::clone(&hub), Arc::clone(&hub));
        tokio::spawn(async move { ticking.tick().await });
        tokio::spawn(async move {
            tokio::select! {
                () = turning.wheel.run() => {}
                () = turning.end() => {}
            }
        });
        Ok(hub)
    }

    /// The time that rooms go by.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    pub(super) fn writers(&self) -> &Writers {
        &self.writers
    }

    pub(super) fn spoke(&self) -> Arc<Notify> {
        self.wheel.spoke()
    }

    pub(super) async fn request(&self, room: &RoomId, input: Input) -> Result<Answer, Refusal> {
        let (reply, answer) = Reply::channel();
        let seen = input.clone();
        // What goes elsewhere than to readers goes there now, not with the next tick.
        let urgent = match &input {
            Input::Submit(submission) => {
                !matches!(submission.body, Body::Message { .. } | Body::Reply { .. })
            }
            Input::React { .. } | Input::Vote { .. } | Input::Typing { .. } => false,
            _ => true,
        };
        if self.is_closed() {
            return Err(Refusal::NoSequencer);
        }
        self.with(|broker, now| broker.request(now, room, input, reply));
        let unanswered = Replied { answer: Err(Refusal::Unanswered), repeated: false };
        let Replied { answer, repeated } = answer.await.unwrap_or(unanswered);
        match &answer {
            Ok(_) if repeated => {}
            Ok(answer) => {
                self.totals.accepted.fetch_add(1, Ordering::Relaxed);
                self.observer.accepted(room, &seen, answer);
                if urgent || matches!(answer, Answer::Held(_)) {
                    self.wake.wake();
                }
            }
            Err(_) => drop(self.totals.refused.fetch_add(1, Ordering::Relaxed)),
        }
        answer
    }

    /// A place in a room for somebody who reads.
    pub(super) fn join(
        self: &Arc<Self>,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Seat, Refusal> {
        if self.is_closed() {
            return Err(Refusal::NoSequencer);
        }
        if self.totals.readers() >= self.readers {
            return Err(Refusal::Full { what: "readers" });
        }
        let reader = self.with(|broker, now| broker.join(now, room, user, cursor))?;
        Ok(Seat { hub: Arc::clone(self), room: room.clone(), user: user.cloned(), reader })
    }

    pub(super) fn subscribe(
        self: &Arc<Self>,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Subscription, Refusal> {
        // First the news, then the place: what happens in between is heard of twice, not never.
        let news = {
            let mut topics = lock(&self.topics);
            if topics.len() as u64 > 64 + 2 * self.totals.rooms.load(Ordering::Relaxed) {
                // Nothing was said since their last reader went.
                topics.retain(|_, topic| topic.receiver_count() > 0);
            }
            let topic = topics.entry(room.clone()).or_insert_with(|| watch::channel(None).0);
            topic.subscribe()
        };
        Ok(Subscription::new(self.join(room, user, cursor)?, news))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.writers.stop();
            lock(&self.topics).clear();
            self.ended.notify_waiters();
            self.wake.wake();
        }
    }

    /// Waits until it is closed.
    async fn end(&self) {
        let ended = self.ended.notified();
        if !self.is_closed() {
            ended.await;
        }
    }

    /// Ticks the rooms and hands out what they say, until it is closed.
    async fn tick(&self) {
        while !self.is_closed() {
            let (outputs, due) = self.drain();
            for (room, output) in outputs {
                self.tell(&room, output);
            }
            let woken = self.wake.0.notified();
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout(due.saturating_sub(self.now()), woken).await;
                }
                None => woken.await,
            }
        }
    }

    fn drain(&self) -> (Vec<(RoomId, Output)>, Option<Duration>) {
        let mut state = self.lock();
        state.broker.handle_timeout(self.now());
        let outputs = std::iter::from_fn(|| state.broker.poll_output()).collect();
        state.due = state.broker.poll_timeout();
        self.totals.rooms.store(state.broker.rooms() as u64, Ordering::Relaxed);
        (outputs, state.due)
    }

    fn tell(&self, room: &RoomId, output: Output) {
        match output {
            Output::Batch(batch) => {
                self.totals.batches.fetch_add(1, Ordering::Relaxed);
                let deflated = self.deflate(room, &batch);
                self.writers.publish(room, &News { batch: batch.clone(), deflated });
                let mut topics = lock(&self.topics);
                if let Some(topic) = topics.get(room)
                    && topic.send(Some(batch)).is_err()
                {
                    topics.remove(room);
                }
            }
            Output::Support(entry) => self.observer.support(room, &entry),
            Output::Audit(audit) => self.observer.audit(room, &audit),
            Output::Review(ticket, submission) => {
                self.observer.review(room, ticket, &submission);
                if let Some(reviews) = &self.reviews {
                    reviews.ask(&self.myself, room.clone(), ticket, submission, self.review);
                }
            }
            // What a later core may tell is not for anybody here.
            _ => {}
        }
    }

    /// The batch once compressed for everybody who wants it so.
    fn deflate(&self, room: &RoomId, batch: &Batch) -> Option<Deflated> {
        let Compression { deflater, last } = &mut *lock(&self.compression);
        let wanted = self.totals.gzip.load(Ordering::Relaxed) > 0;
        if !wanted || batch.events().is_empty() {
            last.remove(room);
            return None;
        }
        if last.len() as u64 > 2 * self.totals.rooms.load(Ordering::Relaxed) {
            // Most of these rooms are gone.
            last.clear();
        }
        let deflated = deflater.deflate(last.get(room), batch);
        last.insert(room.clone(), deflated.clone());
        Some(deflated)
    }

    /// Does something to the rooms, and has the task that ticks wake earlier if that needs it.
    fn with<T>(&self, work: impl FnOnce(&mut dyn Broker, Duration) -> T) -> T {
        let mut state = self.lock();
        let done = work(&mut *state.broker, self.now());
        let due = state.broker.poll_timeout();
        if due.is_some_and(|due| state.due.is_none_or(|known| due < known)) {
            state.due = due;
            drop(state);
            self.wake.wake();
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("totals", &self.totals).finish_non_exhaustive()
    }
}

/// Somebody's place in a room, left when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    room: RoomId,
    user: Option<UserId>,
    reader: Reader,
}

impl Seat {
    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(super) fn room(&self) -> &RoomId {
        &self.room
    }

    /// Comes in once more: who is here was perhaps told before this reader could hear it, and is
    /// then told again.
    pub(super) fn announce(&self) {
        let Self { hub, room, user, .. } = self;
        hub.with(|broker, now| {
            broker.leave(now, room, user.as_ref());
            // Not refused: the room is alive.
            drop(broker.join(now, room, user.as_ref(), None));
        });
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.reader.cursor()
    }

    pub(super) fn take<'a>(&mut self, batch: &'a Batch) -> Take<'a> {
        self.reader.take(batch)
    }

    pub(super) fn catch_up(&mut self) -> Take<'static> {
        let Self { hub, room, reader, .. } = self;
        hub.with(|broker, now| broker.catch_up(now, room, reader))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Self { hub, room, user, .. } = self;
        hub.with(|broker, now| broker.leave(now, room, user.as_ref()));
    }
}
