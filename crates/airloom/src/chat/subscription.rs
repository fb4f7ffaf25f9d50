use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use airloom_chat::{Batch, Cursor, Take};
use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::hub::Seat;

/// A reader of a room in a task of its own.
///
/// It has no queue: whoever is slow to ask again is given what is still kept, and told of the rest.
#[derive(Debug)]
pub struct Subscription {
    seat: Seat,
    news: watch::Receiver<Option<Batch>>,
    spoke: Arc<Notify>,
    /// When there may be something that no batch will tell of.
    ask: Option<Duration>,
}

/// What a reader is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A run of whole server-sent events, UTF-8, mostly shared with all other readers.
    Events(Bytes),
    /// Nothing for a while: time for a sign of life.
    Quiet,
}

impl Subscription {
    pub(super) fn new(seat: Seat, news: watch::Receiver<Option<Batch>>) -> Self {
        seat.hub().totals().tasks.fetch_add(1, Ordering::Relaxed);
        let spoke = seat.hub().spoke();
        Self { seat, news, spoke, ask: Some(Duration::ZERO) }
    }

    /// The next thing; nothing once the chat is [closed](super::Chat::close).
    ///
    /// Losing a call half-way (`select!`) loses nothing.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(at) = self.ask {
                let wait = at.saturating_sub(self.seat.hub().now());
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                if self.seat.hub().is_closed() {
                    return None;
                }
                match self.seat.catch_up() {
                    Take::Own(events) => return Some(self.said(events)),
                    Take::Write(events) => return Some(self.said(events.clone())),
                    Take::Wait(until) => self.ask = Some(until),
                    Take::Nothing | Take::Behind => self.ask = None,
                }
                continue;
            }
            tokio::select! {
                changed = self.news.changed() => if changed.is_err() {
                    return None;
                },
                () = self.spoke.notified() => return Some(Said::Quiet),
            }
            let batch = self.news.borrow_and_update().clone();
            match batch.as_ref().map(|batch| self.seat.take(batch)) {
                Some(Take::Write(events)) => {
                    let events = events.clone();
                    return Some(self.said(events));
                }
                Some(Take::Own(events)) => return Some(self.said(events)),
                Some(Take::Behind) => self.ask = Some(Duration::ZERO),
                Some(Take::Wait(until)) => self.ask = Some(until),
                Some(Take::Nothing) | None => {}
            }
        }
    }

    /// Where it stands: the last entry it was given or told it misses.
    pub fn cursor(&self) -> Cursor {
        self.seat.cursor()
    }

    fn said(&self, events: Bytes) -> Said {
        let totals = self.seat.hub().totals();
        totals.deliveries.fetch_add(1, Ordering::Relaxed);
        totals.delivered_bytes.fetch_add(events.len() as u64, Ordering::Relaxed);
        Said::Events(events)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.seat.hub().totals().tasks.fetch_sub(1, Ordering::Relaxed);
    }
}
