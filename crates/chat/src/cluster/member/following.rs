//! What a member does while another orders the room's entries.

use std::time::Duration;

use super::super::frame::Kind;
use super::{Member, Output, Role};
use crate::feed::Fresh;
use crate::{Epoch, Offset};

impl Member {
    pub(super) fn follow(&mut self, now: Duration) {
        if self.backlog.give_up_at(self.config.patience).is_some_and(|at| at <= now) {
            // The sequencer is there, or the lease would have passed on; what it cannot give us
            // is lost to us.
            let head = Offset::new(self.backlog.head().number() + 1);
            let to = self.backlog.first().unwrap_or(head);
            self.room.feed_mut().lose_to(to);
            self.advance(now);
        }
        if self.link && self.backlog.ask_at(self.config.ask).is_some_and(|at| at <= now) {
            self.backlog.asked(now);
            let start = self.feed().next();
            self.send(Kind::Ask { start });
        }
        if self.link && self.acquire_at <= now {
            self.acquire_at = now.saturating_add(self.config.silence);
            self.outputs.push_back(Output::Acquire);
        }
        if self.link && self.heard.is_some() && self.report_at <= now {
            self.report_at = now.saturating_add(self.config.beat * 2);
            self.reported = self.feed().readers();
            let readers = self.reported;
            self.send(Kind::Readers { readers });
        }
    }

    /// Notes that the sequencer of `epoch` lives. Returns whether to believe it.
    pub(super) fn hear(&mut self, now: Duration, epoch: Epoch) -> bool {
        if epoch < self.epoch() || matches!(self.role, Role::Sequencer { .. }) {
            return false;
        }
        if epoch > self.epoch() {
            self.room.feed_mut().begin(now, epoch);
            self.backlog.clear();
            self.rules.forget();
        }
        self.heard = Some(now);
        // Not all at once, when the sequencer falls silent.
        let jitter = self.config.silence * (self.node.0 % 8) as u32 / 16;
        self.acquire_at = now.saturating_add(self.config.silence).saturating_add(jitter);
        true
    }

    pub(super) fn mirror(
        &mut self,
        now: Duration,
        head: Offset,
        first: Offset,
        entries: Vec<Fresh>,
    ) {
        if first > self.feed().next() {
            // No longer to be had of anybody.
            self.room.feed_mut().lose_to(first);
        }
        self.backlog.note(now, head, self.feed().next());
        for entry in entries {
            if entry.offset >= self.feed().next() {
                self.backlog.hold(entry);
            }
        }
        self.advance(now);
    }

    /// Takes in what follows on what is here.
    fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.backlog.take(self.feed().next()) {
            self.room.feed_mut().append(now, entry);
            self.backlog.progress(now);
        }
        let next = self.feed().next();
        self.backlog.note(now, self.backlog.head(), next);
        if !self.feed().is_open() && next > self.backlog.head() {
            self.room.feed_mut().settle(now);
        }
    }
}
