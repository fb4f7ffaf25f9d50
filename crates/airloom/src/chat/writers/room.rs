use std::collections::HashMap;

use airloom_chat::RoomId;

/// Which readers of a thread are in which room.
#[derive(Debug, Default)]
pub(super) struct Rooms(HashMap<RoomId, Vec<u32>>);

impl Rooms {
    /// Notes a reader; its place among those of the room.
    pub(super) fn enter(&mut self, room: &RoomId, reader: u32) -> u32 {
        let readers = self.0.entry(room.clone()).or_default();
        readers.push(reader);
        readers.len() as u32 - 1
    }

    /// Forgets the reader at `place`; whoever takes that place now, if anybody.
    pub(super) fn leave(&mut self, room: &RoomId, place: u32) -> Option<u32> {
        let readers = self.0.get_mut(room)?;
        if (place as usize) < readers.len() {
            readers.swap_remove(place as usize);
        }
        if readers.is_empty() {
            self.0.remove(room);
            return None;
        }
        readers.get(place as usize).copied()
    }

    /// Those of a room.
    pub(super) fn readers(&self, room: &RoomId) -> &[u32] {
        self.0.get(room).map_or(&[], Vec::as_slice)
    }
}
