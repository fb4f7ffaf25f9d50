use std::collections::HashMap;

use airloom_chat::deflate::{Deflated, Deflater};
use airloom_chat::{Batch, RoomId};

/// What compresses the batches of a shard, and the last of each room.
#[derive(Debug, Default)]
pub(super) struct Compression {
    deflater: Deflater,
    last: HashMap<RoomId, Deflated>,
}

impl Compression {
    /// The batch once compressed for everybody, where anybody `wanted` it so.
    pub(super) fn deflate(
        &mut self,
        room: &RoomId,
        batch: &Batch,
        wanted: bool,
        rooms: usize,
    ) -> Option<Deflated> {
        if !wanted || batch.events().is_empty() {
            self.last.remove(room);
            return None;
        }
        if self.last.len() > 2 * rooms {
            // Most of these rooms are gone.
            self.last.clear();
        }
        let deflated = self.deflater.deflate(self.last.get(room), batch);
        self.last.insert(room.clone(), deflated.clone());
        Some(deflated)
    }
}
