mod compression;
mod seat;
mod shard;
mod totals;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use airloom_chat::{Answer, Body, Cursor, Input, Output, Refusal, RoomId, UserId};
use tokio::sync::Notify;

use super::broker::Replied;
use super::reviewer::Reviews;
use super::subscription::Subscription;
use super::wheel::Wheel;
use super::writers::{News, Writers};
use super::{Broker, Config, Observer, Reply};
use compression::Compression;
pub(super) use seat::Seat;
use shard::Shard;
pub(super) use totals::Totals;

/// Where everything meets: the rooms, those who write to them, those who read.
///
/// The rooms fall into shards, so that those who write in one wait for few others, and so that as
/// many ticks are made at once.
pub(super) struct Hub {
    shards: Box<[Shard]>,
    /// There is one at least.
    last: Shard,
    /// Which room falls into which.
    falls: RandomState,
    start: Instant,
    writers: Writers,
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

impl Hub {
    pub(super) fn start(
        config: &Config,
        last: Box<dyn Broker>,
        others: Vec<Box<dyn Broker>>,
        observer: Arc<dyn Observer>,
        reviews: Option<Reviews>,
    ) -> std::io::Result<Arc<Self>> {
        let start = Instant::now();
        let shards = others.into_iter().map(|broker| Shard::start(broker, start)).collect();
        let writers = Writers::start(config)?;
        let hub = Arc::new_cyclic(|myself| Self {
            shards,
            last: Shard::start(last, start),
            falls: RandomState::new(),
            start,
            writers,
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
        for index in 0..=hub.shards.len() {
            let ticking = Arc::clone(&hub);
            tokio::spawn(async move { ticking.tick(index).await });
        }
        let turning = Arc::clone(&hub);
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
        self.with(room, |broker, now| broker.request(now, room, input, reply));
        let unanswered = Replied { answer: Err(Refusal::Unanswered), repeated: false };
        let Replied { answer, repeated } = answer.await.unwrap_or(unanswered);
        match &answer {
            Ok(_) if repeated => {}
            Ok(answer) => {
                self.totals.accepted.fetch_add(1, Ordering::Relaxed);
                self.observer.accepted(room, &seen, answer);
                if urgent || matches!(answer, Answer::Held(_)) {
                    self.shard(room).wake();
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
        let reader = self.with(room, |broker, now| broker.join(now, room, user, cursor))?;
        Ok(Seat { hub: Arc::clone(self), room: room.clone(), user: user.cloned(), reader })
    }

    /// Says how long it took to give a batch to all readers of a thread.
    pub(super) fn delivered(&self, room: &RoomId, took: Duration) {
        self.with(room, |broker, _| broker.delivered(room, took));
    }

    pub(super) fn subscribe(
        self: &Arc<Self>,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Subscription, Refusal> {
        // First the news, then the place: what happens in between is heard of twice, not never.
        let news = self.shard(room).subscribe(room);
        Ok(Subscription::new(self.join(room, user, cursor)?, news))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.writers.stop();
            self.ended.notify_waiters();
            self.shards.iter().chain([&self.last]).for_each(Shard::close);
        }
    }

    /// Waits until it is closed.
    async fn end(&self) {
        let ended = self.ended.notified();
        if !self.is_closed() {
            ended.await;
        }
    }

    /// Ticks the rooms of a shard and hands out what they say, until it is closed.
    async fn tick(&self, index: usize) {
        let shard = self.shards.get(index).unwrap_or(&self.last);
        let mut compression = Compression::default();
        while !self.is_closed() {
            let (outputs, due) = shard.drain(&self.totals);
            for (room, output) in outputs {
                self.tell(shard, &mut compression, &room, output);
            }
            let woken = shard.woken();
            match due {
                Some(due) => {
                    let _ = tokio::time::timeout(due.saturating_sub(self.now()), woken).await;
                }
                None => woken.await,
            }
        }
    }

    fn tell(&self, shard: &Shard, compression: &mut Compression, room: &RoomId, output: Output) {
        match output {
            Output::Batch(batch) => {
                self.totals.batches.fetch_add(1, Ordering::Relaxed);
                let wanted = self.totals.gzip.load(Ordering::Relaxed) > 0;
                let deflated = compression.deflate(room, &batch, wanted, shard.rooms());
                self.writers.publish(room, &News { batch: batch.clone(), deflated });
                shard.publish(room, batch);
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

    /// Does something to a room, and has its shard tick earlier if that needs it.
    fn with<T>(&self, room: &RoomId, work: impl FnOnce(&mut dyn Broker, Duration) -> T) -> T {
        self.shard(room).with(work)
    }

    fn shard(&self, room: &RoomId) -> &Shard {
        let index = self.falls.hash_one(room) % (self.shards.len() as u64 + 1);
        self.shards.get(index as usize).unwrap_or(&self.last)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("totals", &self.totals).finish_non_exhaustive()
    }
}
