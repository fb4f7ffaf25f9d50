use std::collections::BTreeMap;
use std::time::Duration;

use crate::Offset;
use crate::feed::Fresh;

/// What came too early, and since when something before it is missing.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    early: BTreeMap<Offset, Fresh>,
    limit: usize,
    /// The last entry the sequencer is known to have.
    head: Offset,
    /// Since when something is missing, and when it was last asked for.
    missing: Option<(Duration, Option<Duration>)>,
}

impl Backlog {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Holds an early entry; where there are too many, the latest goes.
    pub(super) fn hold(&mut self, entry: Fresh) {
        self.early.insert(entry.offset, entry);
        if self.early.len() > self.limit {
            self.early.pop_last();
        }
    }

    /// The entry of that offset, and lets go of all before it.
    pub(super) fn take(&mut self, offset: Offset) -> Option<Fresh> {
        while self.early.first_key_value().is_some_and(|(first, _)| *first < offset) {
            self.early.pop_first();
        }
        self.early.remove(&offset)
    }

    /// The first that is held.
    pub(super) fn first(&self) -> Option<Offset> {
        self.early.first_key_value().map(|(first, _)| *first)
    }

    pub(super) fn head(&self) -> Offset {
        self.head
    }

    /// Notes how far the sequencer is, and how far this node.
    pub(super) fn note(&mut self, now: Duration, head: Offset, next: Offset) {
        self.head = self.head.max(head);
        if next > self.head {
            self.missing = None;
        } else {
            self.missing.get_or_insert((now, None));
        }
    }

    /// Something came: patience begins anew.
    pub(super) fn progress(&mut self, now: Duration) {
        if let Some((since, _)) = &mut self.missing {
            *since = now;
        }
    }

    pub(super) fn asked(&mut self, now: Duration) {
        if let Some((_, asked)) = &mut self.missing {
            *asked = Some(now);
        }
    }

    /// When to ask (again).
    pub(super) fn ask_at(&self, pause: Duration) -> Option<Duration> {
        let (since, asked) = self.missing?;
        Some(asked.unwrap_or(since).saturating_add(pause))
    }

    /// When to stop waiting.
    pub(super) fn give_up_at(&self, patience: Duration) -> Option<Duration> {
        self.missing.map(|(since, _)| since.saturating_add(patience))
    }

    pub(super) fn clear(&mut self) {
        self.early.clear();
        self.head = Offset::ZERO;
        self.missing = None;
    }
}
