//! What all readers are told at once, and when.

use std::time::Duration;

use bytes::BytesMut;

use super::batch::{Aside, Batch, Shown};
use super::slot::Lane;
use super::{Feed, QUOTA, compose};

const SECOND: Duration = Duration::from_secs(1);
/// Batches kept for a driver that drains late; older ones go, and readers catch up instead.
const BATCHES: usize = 16;

impl Feed {
    pub(super) fn tick(&mut self, now: Duration) {
        self.answers.clear();
        while self.told.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= SECOND) {
            self.told.pop_front();
        }
        let quota = self.per_second().saturating_sub(self.told.iter().map(|(_, it)| it).sum());
        let end = self.decide(now);
        let range = self.published..end;
        let entries = self.slots.range(self.old..).take_while(|slot| slot.offset < end);
        let public =
            entries.clone().filter_map(|slot| Some((slot.offset, slot.shown_to_others()?)));
        let least = compose::least(&range, public);
        let free = self.told.front().map_or(now, |(at, _)| at.saturating_add(SECOND));
        if quota < least.max(1) {
            self.ready = free.max(self.ready);
            return;
        }
        let mut aside = Aside { severed: self.severed, ..Aside::default() };
        let mut out = BytesMut::new();
        if quota > least {
            aside.events += self.presence.say(now, &mut out);
        }
        if quota > least + aside.events && self.untold.take().is_some() {
            out.extend_from_slice(compose::link(self.severed));
            aside.tells_link = true;
            aside.events += 1;
        }
        aside.bytes = out.freeze();
        let quota = (quota - aside.events).min(QUOTA);
        let shown = entries.map(|slot| Shown {
            offset: slot.offset,
            author: slot.author,
            full: &slot.json,
            others: slot.shown_to_others(),
        });
        let interval = self.config.interval;
        let (batch, events) = Batch::new(self.epoch, range, shown, aside, now, interval, quota);
        self.published = end;
        self.old = self.index(end);
        self.ready = now.saturating_add(self.pause(events));
        self.took /= 2;
        if events > 0 {
            self.told.push_back((now, events));
            self.keep(batch);
        }
    }

    pub(super) fn keep(&mut self, batch: Batch) {
        if self.batches.len() == BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }

    /// How many events a reader may get in a second; a gap and a batch at least.
    fn per_second(&self) -> u32 {
        let interval = self.config.interval.as_millis().max(1);
        u32::try_from(SECOND.as_millis() / interval).unwrap_or(u32::MAX).max(2)
    }

    /// Decides what is shown of the entries not yet published, and up to where this tick speaks.
    fn decide(&mut self, now: Duration) -> u64 {
        let count = |lane| {
            let fresh = self.slots.range(self.old..).filter(|slot| !slot.decided);
            fresh.filter(|slot| slot.lane == lane).count() as u64
        };
        let (priority, ordinary) = (count(Lane::Priority), count(Lane::Ordinary));
        let sample = self.budget.sample(now, priority, ordinary);
        let mut index = 0;
        let mut last_shown = None;
        for slot in self.slots.range_mut(self.old..) {
            if !slot.decided {
                slot.decided = true;
                slot.sampled = slot.lane == Lane::Ordinary && !sample.shows(index);
                index += u64::from(slot.lane == Lane::Ordinary);
            }
            if !slot.sampled {
                last_shown = Some(slot.offset);
            }
        }
        // What was left out at the end is stated together with the next tick's beginning: then a
        // sampled tick says one gap, not two.
        last_shown.map_or(self.next, |last| last + 1)
    }

    /// How long to be silent after a tick of that many events.
    fn pause(&self, events: u32) -> Duration {
        let told = self.config.interval * events.max(1);
        let per_second = u64::from(self.config.deliveries.max(1));
        let fan_out = Duration::from_millis(self.presence.here().saturating_mul(1000) / per_second);
        told.max(fan_out.max(self.took * 2).min(self.config.slowest))
    }
}
