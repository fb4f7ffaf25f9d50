//! What a member does while it orders the room's entries.

use std::time::Duration;

use super::super::Frame;
use super::super::frame::Kind;
use super::{Member, NodeId, Output, Role};
use crate::{Epoch, Offset};

/// After how much silence a node's readers are counted no more, in beats.
const CROWD_BEATS: u32 = 8;

impl Member {
    /// Becomes the sequencer.
    pub(super) fn begin(&mut self, now: Duration, epoch: Epoch, until: Duration) {
        self.backlog.clear();
        self.crowd.clear();
        self.room.succeed(now, epoch);
        self.role = Role::Sequencer {
            until,
            renew_at: now.saturating_add(self.config.renew),
            sent: self.feed().next(),
            publish_at: now,
            beat_at: now.saturating_add(self.config.beat),
        };
        self.beat();
    }

    pub(super) fn sequence(&mut self, now: Duration) {
        let config = self.config;
        let next = self.feed().next();
        let Role::Sequencer { renew_at, sent, publish_at, beat_at, .. } = &mut self.role else {
            return;
        };
        let renew = *renew_at <= now;
        if renew {
            *renew_at = now.saturating_add(config.renew);
        }
        let publish = *publish_at <= now && *sent < next;
        let beat = *beat_at <= now;
        if beat {
            *beat_at = now.saturating_add(config.beat);
        }
        if renew {
            self.outputs.push_back(Output::Renew(self.epoch()));
        }
        if publish {
            self.publish(now);
        }
        if beat {
            let ends = config.beat * CROWD_BEATS;
            self.crowd.retain(|_, (_, at)| now.saturating_sub(*at) < ends);
            self.beat();
        }
        let elsewhere = self.crowd.values().map(|(readers, _)| readers).sum();
        self.room.feed_mut().elsewhere(now, elsewhere);
    }

    pub(super) fn publish(&mut self, now: Duration) {
        let Role::Sequencer { sent, publish_at, .. } = &mut self.role else { return };
        let mut start = *sent;
        let next = self.room.feed().next();
        *sent = next;
        *publish_at = now.saturating_add(self.config.publish);
        while start < next {
            let Some(end) = self.send_entries(start) else { return };
            start = end;
        }
    }

    /// Publishes the entries from `start` on, as many as fit a frame. Returns where it stopped.
    pub(super) fn send_entries(&mut self, start: Offset) -> Option<Offset> {
        let mut room = self.config.frame;
        let mut entries = Vec::new();
        for slot in self.feed().slots_from(start) {
            let fresh = slot.fresh();
            if fresh.json.len() > room && !entries.is_empty() {
                break;
            }
            room = room.saturating_sub(fresh.json.len());
            entries.push(fresh);
        }
        let end = entries.last().map(|last| Offset::new(last.offset.number() + 1));
        let (head, first) = (self.feed().head().offset, self.feed().first());
        let frame = Frame::new(self.node, self.epoch(), Kind::Entries { head, first });
        self.send_frame(frame.with_entries(entries));
        end
    }

    pub(super) fn beat(&mut self) {
        let (head, first) = (self.feed().head().offset, self.feed().first());
        let elsewhere: u64 = self.crowd.values().map(|(readers, _)| readers).sum();
        let readers = self.feed().readers().saturating_add(elsewhere);
        let rules = self.room.rules_version();
        self.send(Kind::Beat { head, first, readers, rules });
    }

    pub(super) fn forwarded(
        &mut self,
        now: Duration,
        from: NodeId,
        number: u64,
        input: crate::Input,
    ) {
        let known = self.handled.get(&(from, number)).copied();
        let result = known.unwrap_or_else(|| {
            let result = self.room.handle_input(now, input);
            self.handled.insert(now, (from, number), result);
            result
        });
        self.send(Kind::Reply { to: from, number, result: result.map_err(Into::into) });
    }
}
