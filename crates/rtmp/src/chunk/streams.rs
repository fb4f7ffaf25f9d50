use std::collections::HashMap;

use bytes::BytesMut;

use crate::Error;

/// What is known of one chunk stream: its last header, and the message under way.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) id: u32,
    pub(super) timestamp: u32,
    /// What a type 3 chunk that begins a message adds to the timestamp.
    pub(super) delta: u32,
    pub(super) length: usize,
    pub(super) message_type: u8,
    pub(super) message_stream_id: u32,
    /// The extended timestamp field of the last header that had one.
    pub(super) extended: Option<u32>,
    /// The peer was seen to leave the extended timestamp out of type 3 chunks.
    pub(super) omits_extended: bool,
    /// A message has begun and is not complete.
    pub(super) partial: bool,
    /// What arrived of it.
    pub(super) payload: BytesMut,
    /// Used since the hand last came by; see [`Streams::open`].
    recent: bool,
}

impl Stream {
    /// Whether a chunk that goes on with a message has a header of one byte: type, and id.
    pub(super) fn is_plain(&self) -> bool {
        self.id < 64 && (self.extended.is_none() || self.omits_extended)
    }
}

/// The chunk streams of a connection, a bounded number of them.
#[derive(Debug)]
pub(super) struct Streams {
    slots: Vec<Stream>,
    /// Slot + 1 of the ids below 64, which is all that encoders use.
    small: [u16; 64],
    large: HashMap<u32, u16>,
    max: usize,
    hand: usize,
}

impl Streams {
    pub(super) fn new(max: usize) -> Self {
        let max = max.clamp(1, usize::from(u16::MAX) - 1);
        Self { slots: Vec::new(), small: [0; 64], large: HashMap::new(), max, hand: 0 }
    }

    /// The slot of `id`, if it is remembered.
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        let slot = match self.small.get(id as usize) {
            Some(slot) => *slot,
            None => *self.large.get(&id)?,
        };
        usize::from(slot).checked_sub(1)
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Stream> {
        self.slots.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Stream> {
        let stream = self.slots.get_mut(slot)?;
        stream.recent = true;
        Some(stream)
    }

    /// A slot for `id`, which is not remembered yet.
    ///
    /// Past the maximum it takes the slot of one that is between messages; a hand goes round and
    /// spares those used since its last visit, once.
    pub(super) fn open(&mut self, id: u32) -> Result<usize, Error> {
        let slot = if self.slots.len() < self.max {
            self.slots.push(Stream { id, recent: true, ..Stream::default() });
            self.slots.len() - 1
        } else {
            let slot = self.victim()?;
            if let Some(stream) = self.slots.get_mut(slot) {
                let old = stream.id;
                *stream = Stream { id, recent: true, ..Stream::default() };
                match self.small.get_mut(old as usize) {
                    Some(entry) => *entry = 0,
                    None => drop(self.large.remove(&old)),
                }
            }
            slot
        };
        let entry = slot as u16 + 1;
        match self.small.get_mut(id as usize) {
            Some(small) => *small = entry,
            None => drop(self.large.insert(id, entry)),
        }
        Ok(slot)
    }

    fn victim(&mut self) -> Result<usize, Error> {
        for _ in 0..2 * self.slots.len() {
            let slot = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            if let Some(stream) = self.slots.get_mut(slot).filter(|stream| !stream.partial) {
                if !stream.recent {
                    return Ok(slot);
                }
                stream.recent = false;
            }
        }
        let max = self.max as u64;
        Err(Error::Limit { limit: "chunk_streams", value: max + 1, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_use_is_spared_and_a_partial_one_never_taken() {
        let mut streams = Streams::new(3);
        let slots = [5, 70, 6].map(|id| streams.open(id).unwrap());
        streams.get_mut(slots[0]).unwrap().partial = true;
        for id in 100..400 {
            streams.open(id).unwrap();
            assert_eq!(streams.find(5), Some(slots[0]));
        }
        assert_eq!((streams.find(70), streams.find(6)), (None, None));
        for slot in 0..3 {
            streams.get_mut(slot).unwrap().partial = true;
        }
        let full = Error::Limit { limit: "chunk_streams", value: 4, max: 3 };
        assert_eq!(streams.open(7), Err(full));
    }
}
