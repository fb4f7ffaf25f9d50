use std::time::Duration;

use bytes::Bytes;

use super::batch::Batch;
use crate::author::UserKey;
use crate::{Cursor, Epoch, Offset, UserId};

/// One reader of a room: where it stands, and nothing else. 32 bytes; no queue.
///
/// [`Feed::join`](crate::Feed::join) makes one, and from that moment nothing is lost to it: what
/// is already in the history comes by [`Feed::catch_up`](crate::Feed::catch_up), what comes later
/// by [`take`](Self::take), and the offsets say which is which.
///
/// A transport keeps at most one half-written answer. While that lasts it asks for nothing; then
/// it takes the newest batch, finds itself [`Behind`](Take::Behind), and catches up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub(super) epoch: Epoch,
    /// The offset it gets next.
    pub(super) next: u64,
    pub(super) user: UserKey,
    /// From when on it may get another event, in milliseconds, times [`READY`]; and the flags.
    state: u64,
}

/// While it is still being given what it missed.
const RESUMING: u64 = 1;
/// While it was last told that this node does not hear the others.
const SEVERED: u64 = 2;
/// While it may not know who is here.
const UNAWARE: u64 = 4;
const READY: u64 = 8;

/// What a reader is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Take<'a> {
    /// These events, as everybody gets them. Clone the `Bytes` (no copy) if they cannot all be
    /// written at once.
    Write(&'a Bytes),
    /// These events, made for this reader.
    Own(Bytes),
    /// Nothing: it has what there is.
    Nothing,
    /// It has missed something: [`Feed::catch_up`](crate::Feed::catch_up) says what.
    Behind,
    /// Nothing yet, or it would get more than ten events in a second. Ask
    /// [`Feed::catch_up`](crate::Feed::catch_up) at this time, or with the next batch if that is
    /// later.
    Wait(Duration),
}

impl Reader {
    pub(super) fn new(epoch: Epoch, next: u64, user: Option<&UserId>) -> Self {
        let user = user.map_or(UserKey::NOBODY, UserKey::of);
        Self { epoch, next, user, state: RESUMING | UNAWARE }
    }

    /// What this reader gets of a batch. Constant time, no allocation, no lock; only an author
    /// whose own message was sampled away has a batch made for it.
    #[inline]
    pub fn take<'a>(&mut self, batch: &'a Batch) -> Take<'a> {
        let range = batch.range();
        // What it should know of the link is in a batch that tells, and in its catching up.
        let misled = self.is_severed() != batch.is_severed() && !batch.tells_link();
        if self.epoch != batch.epoch() || self.next < range.start || misled {
            self.state |= UNAWARE;
            return Take::Behind;
        }
        if batch.events().is_empty() {
            return Take::Nothing;
        }
        if self.next > range.start {
            return if self.next >= range.end { Take::Nothing } else { Take::Behind };
        }
        if self.ready() > batch.at() {
            self.state |= UNAWARE;
            return Take::Wait(Duration::from_millis(self.ready()));
        }
        self.next = range.end;
        self.set(SEVERED, batch.is_severed());
        if let Some((own, ready)) = batch.own(self.user) {
            self.settle(self.next, ready.max(batch.ready()), false);
            return Take::Own(own);
        }
        self.settle(self.next, batch.ready(), false);
        Take::Write(batch.events())
    }

    /// Where it stands: the last entry it was given or told it misses.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, offset: Offset::new(self.next.saturating_sub(1)) }
    }

    pub(super) fn ready(&self) -> u64 {
        self.state / READY
    }

    pub(super) fn is_resuming(&self) -> bool {
        self.state & RESUMING != 0
    }

    pub(super) fn is_severed(&self) -> bool {
        self.state & SEVERED != 0
    }

    pub(super) fn is_unaware(&self) -> bool {
        self.state & UNAWARE != 0
    }

    pub(super) fn settle(&mut self, next: u64, ready: u64, resuming: bool) {
        self.next = next;
        self.state = (ready * READY) | (self.state & (READY - 1));
        self.set(RESUMING, resuming);
    }

    /// It was told of the link.
    pub(super) fn told_link(&mut self, ready: u64, severed: bool) {
        self.set(SEVERED, severed);
        self.settle(self.next, ready, self.is_resuming());
    }

    /// It was told who is here.
    pub(super) fn told_presence(&mut self, ready: u64) {
        self.set(UNAWARE, false);
        self.settle(self.next, ready, self.is_resuming());
    }

    fn set(&mut self, flag: u64, is: bool) {
        self.state = if is { self.state | flag } else { self.state & !flag };
    }
}
