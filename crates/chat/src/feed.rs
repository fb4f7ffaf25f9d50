//! What readers read: a bounded history, the ticks that tell it, and the places of those who
//! follow.

mod batch;
mod budget;
mod catch_up;
mod compose;
mod presence;
mod reader;
mod slot;
mod tick;

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Config, Cursor, EntryId, Epoch, Offset, UserId};

use batch::{Aside, millis};
use budget::Budget;
use catch_up::Caught;
use presence::Presence;

pub use batch::Batch;
pub use reader::{Reader, Take};
pub(crate) use slot::{Fresh, Lane, Slot, encode};

/// Events a tick may take before its gaps are stated as one: gap, batch, gap, batch.
const QUOTA: u32 = 4;

/// The reading side of a room: history, ticks, cursors.
///
/// A [`Room`](crate::Room) and a [`Member`](crate::cluster::Member) each hold one; get it by
/// their `feed`. It gives every reader the entries in order, each at most once, and either all
/// of them or a statement of which are missing.
#[derive(Debug)]
pub struct Feed {
    config: Config,
    epoch: Epoch,
    open: bool,
    slots: VecDeque<Slot>,
    /// Bytes of JSON in `slots`.
    bytes: usize,
    /// The offset the next entry gets.
    next: u64,
    /// All below it were in a batch, or stated as missing.
    published: u64,
    /// How many of `slots` are below `published`.
    old: usize,
    /// When the next tick may be.
    ready: Duration,
    /// How long giving everybody a batch has taken lately.
    took: Duration,
    /// The ticks of the last second and their events.
    told: VecDeque<(Duration, u32)>,
    last_append: Duration,
    budget: Budget,
    presence: Presence,
    /// Whether this node does not hear the others, and since when that waits to be told.
    severed: bool,
    untold: Option<Duration>,
    batches: VecDeque<Batch>,
    answers: Vec<Caught>,
}

impl Feed {
    pub(crate) fn new(now: Duration, config: Config, epoch: Epoch) -> Self {
        let budget = Budget::new(config.display, epoch.number());
        let presence = Presence::new(config.presence, config.members);
        Self {
            config,
            epoch,
            open: true,
            slots: VecDeque::new(),
            bytes: 0,
            next: 1,
            published: 1,
            old: 0,
            ready: Duration::ZERO,
            took: Duration::ZERO,
            told: VecDeque::new(),
            last_append: now,
            budget,
            presence,
            severed: false,
            untold: None,
            batches: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// The life this history is of.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last entry there is.
    pub fn head(&self) -> Cursor {
        Cursor { epoch: self.epoch, offset: Offset::new(self.next - 1) }
    }

    /// How many read here.
    pub fn readers(&self) -> u64 {
        self.presence.here()
    }

    /// Bytes of the entries kept, as JSON.
    pub fn history_bytes(&self) -> usize {
        self.bytes
    }

    /// Entries kept.
    pub fn history_entries(&self) -> usize {
        self.slots.len()
    }

    /// Lets somebody read from behind `cursor` on, or from a little before now without one.
    ///
    /// `user` is who reads, where that is known: they see their own messages whatever is sampled.
    /// Call [`catch_up`](Self::catch_up) next. Every joiner leaves once.
    pub fn join(&mut self, now: Duration, user: Option<&UserId>, cursor: Option<Cursor>) -> Reader {
        self.presence.join(now, user);
        match cursor {
            // Whether that is a place in this life is asked at the first catching up: until then
            // a member may still have to learn which life it is.
            Some(cursor) => {
                Reader::new(cursor.epoch, cursor.offset.number().saturating_add(1), user)
            }
            // Which life and which place is not known yet: at the first catching up it is.
            None if !self.open => Reader::new(self.epoch, 0, user),
            None => Reader::new(self.epoch, self.welcome(), user),
        }
    }

    /// Says that a reader is gone.
    pub fn leave(&mut self, now: Duration, user: Option<&UserId>) {
        self.presence.leave(now, user);
    }

    /// Says that somebody is writing at this moment.
    pub(crate) fn typing(&mut self, now: Duration, user: &UserId) {
        self.presence.typing(now, user);
    }

    pub(crate) fn elsewhere(&mut self, now: Duration, readers: u64) {
        self.presence.elsewhere(now, readers);
    }

    /// Whether this node hears the others no more. Every reader is told, those who are busy or
    /// come later too.
    pub(crate) fn sever(&mut self, now: Duration, severed: bool) {
        if self.severed != severed {
            self.severed = severed;
            self.untold = Some(now);
        }
    }

    /// When the next tick is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.open {
            return None;
        }
        let entries = (self.published < self.next).then_some(self.last_append);
        let due = [entries, self.untold, self.presence.due()].into_iter().flatten().min();
        due.map(|due| due.max(self.ready))
    }

    /// Ticks if a tick is due. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.open && self.poll_timeout().is_some_and(|due| due <= now) {
            self.tick(now);
        }
        self.expire(now);
    }

    /// Says how long it took to give everybody a batch, where that was long.
    ///
    /// Ticks are then at least twice that apart, as far as [`Config::slowest`] allows: half of the
    /// machine's time is for others. Said once, it wears off within a few ticks.
    pub fn delivered(&mut self, took: Duration) {
        self.took = self.took.max(took.min(self.config.slowest / 2));
    }

    /// The next batch for all readers.
    pub fn poll_batch(&mut self) -> Option<Batch> {
        self.batches.pop_front()
    }

    /// Whether another entry of that lane may be admitted before the next tick.
    pub(crate) fn has_room(&self, lane: Lane) -> bool {
        let pending = self.slots.len() - self.old;
        let limit = self.config.limits.pending;
        pending < if lane == Lane::Priority { limit.saturating_mul(2) } else { limit }
    }

    /// The offset the next entry gets.
    pub(crate) fn next(&self) -> Offset {
        Offset::new(self.next)
    }

    pub(crate) fn last_append(&self) -> Duration {
        self.last_append
    }

    /// Takes an entry in. One that lies beyond the next offset leaves a gap; one below it is
    /// known already and passed over.
    pub(crate) fn append(&mut self, now: Duration, entry: Fresh) {
        if entry.offset.number() < self.next {
            return;
        }
        if let Some(target) = entry.deletes {
            self.delete(target);
        }
        let slot = Slot::new(now, entry);
        self.next = slot.offset + 1;
        self.bytes += slot.bytes();
        self.slots.push_back(slot);
        self.last_append = self.last_append.max(now);
    }

    /// Puts a tombstone in an entry's place, if it is still there.
    fn delete(&mut self, target: EntryId) {
        let Some(index) = self.find(target) else { return };
        let Some(slot) = self.slots.get_mut(index) else { return };
        self.bytes -= slot.bytes();
        slot.bury();
        self.bytes += slot.bytes();
        self.answers.clear();
    }

    pub(crate) fn slot(&self, id: EntryId) -> Option<&Slot> {
        self.slots.get(self.find(id)?)
    }

    /// Entries from `offset` on, oldest first.
    pub(crate) fn slots_from(&self, offset: Offset) -> impl Iterator<Item = &Slot> + Clone {
        let start = self.index(offset.number());
        self.slots.range(start..)
    }

    /// Ends this life and begins another, empty one, closed until [`settle`](Self::settle).
    pub(crate) fn begin(&mut self, now: Duration, epoch: Epoch) {
        self.open = false;
        self.epoch = epoch;
        self.slots.clear();
        self.bytes = 0;
        self.next = 1;
        self.published = 1;
        self.old = 0;
        self.last_append = now;
        self.batches.clear();
        self.answers.clear();
    }

    /// Whether readers are served: not before a member knows the history it is to serve.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Opens, with everything so far as the past, and wakes the readers.
    pub(crate) fn settle(&mut self, now: Duration) {
        self.open = true;
        for slot in &mut self.slots {
            slot.decided = true;
        }
        self.published = self.next;
        self.old = self.slots.len();
        self.answers.clear();
        let range = self.next..self.next;
        let (interval, nothing) = (self.config.interval, std::iter::empty());
        let aside = Aside { severed: self.severed, ..Aside::default() };
        let (batch, _) = Batch::new(self.epoch, range, nothing, aside, now, interval, QUOTA);
        self.keep(batch);
        self.expire(now);
    }

    /// The oldest entry there is; the next one where there is none.
    pub(crate) fn first(&self) -> Offset {
        Offset::new(self.slots.front().map_or(self.next, |slot| slot.offset))
    }

    /// Gives up on everything below `offset` that has not come, and on all that came before it:
    /// among what is missing may be its deletion.
    pub(crate) fn lose_to(&mut self, offset: Offset) {
        if offset.number() <= self.next {
            return;
        }
        self.next = offset.number();
        self.slots.clear();
        self.bytes = 0;
        self.old = 0;
        self.answers.clear();
        if !self.open {
            self.published = self.next;
        }
    }

    fn find(&self, id: EntryId) -> Option<usize> {
        // What this epoch admitted lies at its own offset; what it inherited, anywhere.
        let index = if id.epoch == self.epoch {
            self.index(id.offset.number())
        } else {
            self.slots.iter().position(|slot| slot.id == id)?
        };
        self.slots.get(index).filter(|slot| slot.id == id).map(|_| index)
    }

    /// The first slot at or above an offset.
    fn index(&self, offset: u64) -> usize {
        self.slots.partition_point(|slot| slot.offset < offset)
    }

    /// Where somebody begins who knows nothing.
    fn welcome(&self) -> u64 {
        let index = self.old.saturating_sub(self.config.welcome);
        match self.slots.get(index) {
            Some(slot) if self.config.welcome > 0 => slot.offset.min(self.published),
            _ => self.published,
        }
    }

    /// Until when a reader given `events` now is to be left alone, in milliseconds.
    fn busy_until(&self, now: Duration, events: u32) -> u64 {
        millis(now.saturating_add(self.config.interval * events))
    }

    /// Drops what the history no longer holds. What no batch has told stays.
    fn expire(&mut self, now: Duration) {
        let history = self.config.history;
        let mut dropped = false;
        while self.old > 0 {
            let Some(first) = self.slots.front() else { break };
            let over = self.slots.len() > history.entries
                || self.bytes > history.bytes
                || now.saturating_sub(first.at) > history.age;
            if !over {
                break;
            }
            self.bytes -= first.bytes();
            self.slots.pop_front();
            self.old -= 1;
            dropped = true;
        }
        if dropped {
            self.answers.clear();
        }
    }
}
