use std::time::Duration;

use bytes::Bytes;

use crate::author::UserKey;
use crate::{Body, Entry, EntryId, Key, Offset, WallTime};

/// Whether an entry may be sampled away when a room says more than people can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Ordinary,
    /// Moderators, donations, subscriptions, system words, deletions, polls, pins.
    Priority,
}

/// An entry that comes into the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) offset: Offset,
    pub(crate) id: EntryId,
    pub(crate) at: WallTime,
    pub(crate) author: UserKey,
    pub(crate) key: Option<Key>,
    pub(crate) lane: Lane,
    /// Whether only its author sees it.
    pub(crate) shadow: bool,
    /// What it deletes, if that is what it does.
    pub(crate) deletes: Option<EntryId>,
    pub(crate) json: Bytes,
}

impl Fresh {
    /// The entry with its JSON, encoded this once.
    pub(crate) fn new(entry: &Entry, key: Option<Key>, lane: Lane, shadow: bool) -> Self {
        Self::of(entry, encode(entry), key, lane, shadow)
    }

    /// The entry whose JSON is known.
    pub(crate) fn of(
        entry: &Entry,
        json: Bytes,
        key: Option<Key>,
        lane: Lane,
        shadow: bool,
    ) -> Self {
        Self {
            offset: entry.offset,
            id: entry.id,
            at: entry.at,
            author: entry.author.as_ref().map_or(UserKey::NOBODY, |author| UserKey::of(&author.id)),
            key,
            lane,
            shadow,
            deletes: match entry.body {
                // One that is of itself is a tombstone.
                Body::Delete { target } if target != entry.id => Some(target),
                _ => None,
            },
            json,
        }
    }
}

/// An entry in the history.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) offset: u64,
    pub(crate) id: EntryId,
    pub(crate) at: Duration,
    pub(crate) wall: WallTime,
    pub(crate) author: UserKey,
    pub(crate) key: Option<Key>,
    pub(crate) lane: Lane,
    pub(crate) json: Bytes,
    /// What the others see of a shadow entry.
    pub(crate) veil: Option<Bytes>,
    /// What it deletes, if that is what it does.
    pub(crate) deletes: Option<EntryId>,
    /// Whether a tick has decided on showing it, and decided against.
    pub(super) decided: bool,
    pub(super) sampled: bool,
}

impl Slot {
    pub(super) fn new(now: Duration, entry: Fresh) -> Self {
        let Fresh { offset, id, at, author, key, lane, shadow, deletes, json } = entry;
        Self {
            offset: offset.number(),
            id,
            at: now,
            wall: at,
            author,
            key,
            lane,
            veil: shadow.then(|| tombstone(offset, id, at)),
            json,
            deletes,
            decided: false,
            sampled: false,
        }
    }

    /// The entry as it came in, or its tombstone.
    pub(crate) fn fresh(&self) -> Fresh {
        Fresh {
            offset: Offset::new(self.offset),
            id: self.id,
            at: self.wall,
            author: self.author,
            key: self.key.clone(),
            lane: self.lane,
            shadow: self.veil.is_some(),
            deletes: self.deletes,
            json: self.json.clone(),
        }
    }

    /// What the JSON says.
    pub(crate) fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(&self.json).ok()
    }

    pub(super) fn bytes(&self) -> usize {
        self.json.len() + self.veil.as_ref().map_or(0, Bytes::len)
    }

    /// Leaves a tombstone where the entry was.
    pub(super) fn bury(&mut self) {
        self.json = tombstone(Offset::new(self.offset), self.id, self.wall);
        self.veil = None;
    }

    /// Whether a tombstone is all that is left of it. Read from the JSON: deletions are rare.
    pub(crate) fn is_buried(&self) -> bool {
        let body = self.entry().map(|entry| entry.body);
        matches!(body, Some(Body::Delete { target }) if target == self.id)
    }

    /// What the audience was shown, once a tick has decided.
    pub(super) fn shown_to_others(&self) -> Option<&Bytes> {
        (!self.sampled).then(|| self.veil.as_ref().unwrap_or(&self.json))
    }

    /// What `user` is shown; with `all` also what the audience was spared.
    pub(super) fn shown_to(&self, user: UserKey, all: bool) -> Option<&Bytes> {
        if self.is_own(user) {
            Some(&self.json)
        } else if all {
            Some(self.veil.as_ref().unwrap_or(&self.json))
        } else {
            self.shown_to_others()
        }
    }

    /// Whether `user` wrote it and the others see it otherwise.
    pub(super) fn is_own(&self, user: UserKey) -> bool {
        user != UserKey::NOBODY && self.author == user && (self.sampled || self.veil.is_some())
    }
}

/// What stands in the place of an entry that is not to be seen: a deletion of itself, so that
/// the offsets of a replay stay whole and nothing needs to know why.
fn tombstone(offset: Offset, id: EntryId, at: WallTime) -> Bytes {
    encode(&Entry { offset, id, at, body: Body::Delete { target: id }, author: None })
}

pub(crate) fn encode(entry: &Entry) -> Bytes {
    // Strings, numbers and maps of them: nothing that JSON cannot say, so this does not fail.
    serde_json::to_vec(entry).map(Bytes::from).unwrap_or_default()
}
