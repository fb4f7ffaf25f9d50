use std::sync::Arc;

use airloom_chat::{Batch, Cursor, Reader, RoomId, Take, UserId};

use super::Hub;

/// Somebody's place in a room, left when dropped.
#[derive(Debug)]
pub(in super::super) struct Seat {
    pub(super) hub: Arc<Hub>,
    pub(super) room: RoomId,
    pub(super) user: Option<UserId>,
    pub(super) reader: Reader,
}

impl Seat {
    pub(in super::super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(in super::super) fn room(&self) -> &RoomId {
        &self.room
    }

    /// Comes in once more: who is here was perhaps told before this reader could hear it, and is
    /// then told again.
    pub(in super::super) fn announce(&self) {
        let Self { hub, room, user, .. } = self;
        hub.with(room, |broker, now| {
            broker.leave(now, room, user.as_ref());
            // Not refused: the room is alive.
            drop(broker.join(now, room, user.as_ref(), None));
        });
    }

    pub(in super::super) fn cursor(&self) -> Cursor {
        self.reader.cursor()
    }

    pub(in super::super) fn take<'a>(&mut self, batch: &'a Batch) -> Take<'a> {
        self.reader.take(batch)
    }

    pub(in super::super) fn catch_up(&mut self) -> Take<'static> {
        let Self { hub, room, reader, .. } = self;
        hub.with(room, |broker, now| broker.catch_up(now, room, reader))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Self { hub, room, user, .. } = self;
        hub.with(room, |broker, now| broker.leave(now, room, user.as_ref()));
    }
}
