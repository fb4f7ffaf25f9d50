use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::compose;
use crate::author::UserKey;
use crate::{Epoch, Offset};

/// What one tick of a room says to all its readers: encoded once, shared by reference.
///
/// The bytes are a run of whole server-sent events (WHATWG HTML, 9.2), UTF-8; a WebSocket carries
/// the same as one text message. [`Reader::take`](crate::Reader::take) decides who gets them.
#[derive(Clone)]
pub struct Batch(Arc<Inner>);

struct Inner {
    epoch: Epoch,
    range: Range<u64>,
    events: Bytes,
    /// What comes beside the entries: the presence, the state of the link.
    aside: Aside,
    /// How long a reader is busy with one event, in milliseconds.
    interval: u64,
    /// When readers are ready for the next, in milliseconds.
    at: u64,
    ready: u64,
    own: Box<[Own]>,
    parts: Box<[Part]>,
}

/// An entry that its author sees otherwise than everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    author: UserKey,
    offset: u64,
}

/// One entry of the range, for those whose view must be composed.
struct Part {
    offset: u64,
    author: UserKey,
    full: Bytes,
    /// What the others see, if anything.
    others: Option<Bytes>,
}

/// What a tick knows of one entry.
pub(super) struct Shown<'a> {
    pub(super) offset: u64,
    pub(super) author: UserKey,
    pub(super) full: &'a Bytes,
    pub(super) others: Option<&'a Bytes>,
}

impl Shown<'_> {
    /// Whether the author sees something else than the others.
    fn is_own(&self) -> bool {
        self.author != UserKey::NOBODY && self.others.is_none_or(|others| others != self.full)
    }
}

impl Batch {
    /// `at`, the time that one event takes up and how many events there may be are of the feed
    /// that ticks.
    pub(super) fn new<'a>(
        epoch: Epoch,
        range: Range<u64>,
        entries: impl Iterator<Item = Shown<'a>> + Clone,
        aside: Aside,
        at: Duration,
        interval: Duration,
        quota: u32,
    ) -> (Self, u32) {
        let mut out = BytesMut::new();
        let public = entries.clone().filter_map(|it| it.others.map(|json| (it.offset, json)));
        let events = compose::stretch(&mut out, epoch, range.clone(), public, quota) + aside.events;
        out.extend_from_slice(&aside.bytes);
        let mut own: Vec<_> = entries
            .clone()
            .filter(Shown::is_own)
            .map(|it| Own { author: it.author, offset: it.offset })
            .collect();
        own.sort_unstable();
        let parts = if own.is_empty() {
            Box::default()
        } else {
            let parts = entries.map(|it| Part {
                offset: it.offset,
                author: it.author,
                full: it.full.clone(),
                others: it.others.cloned(),
            });
            parts.collect()
        };
        let batch = Self(Arc::new(Inner {
            epoch,
            range,
            events: out.freeze(),
            aside,
            interval: millis(interval),
            at: millis(at),
            ready: millis(at.saturating_add(interval * events)),
            own: own.into(),
            parts,
        }));
        (batch, events)
    }

    /// The events, for everybody who stands at [`first`](Self::first) and has no view of their
    /// own.
    pub fn events(&self) -> &Bytes {
        &self.0.events
    }

    /// The life of the room it belongs to.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// The first offset it speaks of.
    pub fn first(&self) -> Offset {
        Offset::new(self.0.range.start)
    }

    /// The offset after the last it speaks of; the same as [`first`](Self::first) where it speaks
    /// of no entries.
    pub fn end(&self) -> Offset {
        Offset::new(self.0.range.end)
    }

    pub(super) fn range(&self) -> &Range<u64> {
        &self.0.range
    }

    /// Whether this node hears the others no more, as far as the batch knows.
    pub(super) fn is_severed(&self) -> bool {
        self.0.aside.severed
    }

    /// Whether it says so, or the contrary.
    pub(super) fn tells_link(&self) -> bool {
        self.0.aside.tells_link
    }

    pub(super) fn at(&self) -> u64 {
        self.0.at
    }

    pub(super) fn ready(&self) -> u64 {
        self.0.ready
    }

    /// What `user` gets, where that differs from [`events`](Self::events), and when it is ready
    /// for more.
    pub(super) fn own(&self, user: UserKey) -> Option<(Bytes, u64)> {
        let inner = &*self.0;
        if inner.own.is_empty() || user == UserKey::NOBODY {
            return None;
        }
        let first = inner.own.partition_point(|own| own.author < user);
        if inner.own.get(first).is_none_or(|own| own.author != user) {
            return None;
        }
        let mut out = BytesMut::with_capacity(inner.events.len() + 1024);
        let items = inner.parts.iter().filter_map(|part| {
            let mine = (part.author == user).then_some(&part.full);
            mine.or(part.others.as_ref()).map(|json| (part.offset, json))
        });
        let events = compose::stretch(&mut out, inner.epoch, inner.range.clone(), items, 2);
        out.extend_from_slice(&inner.aside.bytes);
        let events = u64::from(events + inner.aside.events);
        Some((out.freeze(), inner.at + inner.interval * events))
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("epoch", &self.0.epoch)
            .field("range", &self.0.range)
            .field("bytes", &self.0.events.len())
            .finish_non_exhaustive()
    }
}

/// The same tick's, not merely an equal one.
impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Batch {}

/// Events that come beside the entries.
#[derive(Debug, Default)]
pub(super) struct Aside {
    pub(super) bytes: Bytes,
    pub(super) events: u32,
    /// Whether this node hears the others no more, and whether that is among the events.
    pub(super) severed: bool,
    pub(super) tells_link: bool,
}

pub(super) fn millis(time: Duration) -> u64 {
    // Three bits are kept free for the reader's own use; a few million years remain.
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX) & (u64::MAX >> 3)
}
