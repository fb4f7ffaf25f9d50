//! What readers missed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::batch::millis;
use super::reader::{Reader, Take};
use super::{Feed, QUOTA, compose};
use crate::author::UserKey;

/// Answers to readers who came back at the same place, kept until the next tick.
const ANSWERS: usize = 8;

/// What a reader without entries of its own got at `from`.
#[derive(Debug)]
pub(super) struct Caught {
    from: u64,
    resuming: bool,
    events: u32,
    end: u64,
    bytes: Bytes,
}

impl Feed {
    /// What a reader missed: after joining, and whenever it is [`Take::Behind`] or has waited.
    ///
    /// Somebody who comes back with a cursor gets everything that is still kept, sampled or not,
    /// in answers of at most [`Limits::replay`](crate::Limits::replay) bytes; call again until it
    /// is [`Take::Nothing`]. Somebody who was here and fell behind gets what the audience was
    /// shown meanwhile, the newest of it where that is too much. Either way the rest is a `gap`,
    /// and a cursor of another epoch is a `reset` first.
    pub fn catch_up(&mut self, now: Duration, reader: &mut Reader) -> Take<'static> {
        self.expire(now);
        if reader.ready() > millis(now) {
            return Take::Wait(Duration::from_millis(reader.ready()));
        }
        if reader.is_severed() != self.severed {
            reader.told_link(self.busy_until(now, 1), self.severed);
            return Take::Own(Bytes::from_static(compose::link(self.severed)));
        }
        if !self.open {
            return Take::Wait(now.saturating_add(self.config.interval));
        }
        let mut out = BytesMut::new();
        let mut events = 0;
        if reader.next == 0 {
            reader.epoch = self.epoch;
            reader.settle(self.welcome(), reader.ready(), true);
        }
        // Another life, or a place that nobody was ever given.
        if reader.epoch != self.epoch || reader.next > self.next {
            let next = self.welcome();
            compose::reset(&mut out, self.epoch, next - 1);
            events += 1;
            reader.epoch = self.epoch;
            reader.settle(next, reader.ready(), true);
        }
        let (from, resuming) = (reader.next, reader.is_resuming());
        if from >= self.published {
            reader.settle(from, self.busy_until(now, events), false);
            if events > 0 {
                return Take::Own(out.freeze());
            }
            let presence = self.presence.last();
            if !reader.is_unaware() || presence.is_empty() {
                return Take::Nothing;
            }
            reader.told_presence(self.busy_until(now, 1));
            return Take::Own(presence.clone());
        }
        let caught = self.caught(from, resuming, reader.user);
        events += caught.events;
        reader.settle(
            caught.end,
            self.busy_until(now, events),
            resuming && caught.end < self.published,
        );
        if out.is_empty() {
            return Take::Own(caught.bytes);
        }
        out.extend_from_slice(&caught.bytes);
        Take::Own(out.freeze())
    }

    fn caught(&mut self, from: u64, resuming: bool, user: UserKey) -> Caught {
        let start = self.index(from);
        let old = self.slots.range(start..self.old.max(start));
        let personal = user != UserKey::NOBODY && old.clone().any(|slot| slot.is_own(user));
        if !personal
            && let Some(known) =
                self.answers.iter().find(|it| it.from == from && it.resuming == resuming)
        {
            return known.share();
        }
        let caught = self.compose(from, resuming, if personal { user } else { UserKey::NOBODY });
        if !personal && self.answers.len() < ANSWERS {
            self.answers.push(caught.share());
        }
        caught
    }

    fn compose(&self, from: u64, resuming: bool, user: UserKey) -> Caught {
        let start = self.index(from);
        let items = self
            .slots
            .range(start..self.old.max(start))
            .filter_map(|slot| slot.shown_to(user, resuming).map(|json| (slot.offset, json)));
        let limit = self.config.limits.replay;
        let range = if resuming {
            from..self.end_within(limit, items.clone())
        } else {
            from..self.published
        };
        let first = if resuming { from } else { first_within(limit, items.clone()) };
        let items = items.filter(|(offset, _)| (first..range.end).contains(offset));
        let mut out = BytesMut::new();
        let events = compose::stretch(
            &mut out,
            self.epoch,
            range.clone(),
            items,
            if resuming { QUOTA } else { 2 },
        );
        Caught { from, resuming, events, end: range.end, bytes: out.freeze() }
    }

    /// How far the oldest of `items` reach within `limit` bytes; one at least.
    fn end_within<'a>(&self, limit: usize, items: impl Iterator<Item = (u64, &'a Bytes)>) -> u64 {
        let mut bytes = 0;
        for (index, (offset, json)) in items.enumerate() {
            bytes += json.len();
            if bytes > limit && index > 0 {
                return offset;
            }
        }
        self.published
    }
}

/// Where the newest of `items` begin that fit `limit` bytes; the last at least.
fn first_within<'a>(limit: usize, items: impl Iterator<Item = (u64, &'a Bytes)> + Clone) -> u64 {
    let mut excess: usize = items.clone().map(|(_, json)| json.len()).sum();
    let mut first = 0;
    for (offset, json) in items {
        first = offset;
        if excess <= limit {
            break;
        }
        excess -= json.len();
    }
    first
}

impl Caught {
    fn share(&self) -> Self {
        Self { bytes: self.bytes.clone(), ..*self }
    }
}
