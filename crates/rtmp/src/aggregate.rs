use bytes::{Buf, Bytes};

use crate::cursor::Cursor;
use crate::{Error, Message, MessageType};

/// The messages inside an aggregate message (RTMP 1.0, 7.1.6), one by one.
///
/// Their timestamps are relative to each other; the first one stands for the aggregate's own.
#[derive(Debug)]
pub(crate) struct Parts {
    aggregate: Message,
    first: Option<u32>,
}

impl Parts {
    pub(crate) const fn new(aggregate: Message) -> Self {
        Self { aggregate, first: None }
    }

    /// Bytes not read yet.
    pub(crate) const fn len(&self) -> usize {
        self.aggregate.payload.len()
    }

    fn part(&mut self) -> Result<Message, Error> {
        let mut cursor = Cursor::new(&self.aggregate.payload);
        let message_type = MessageType(cursor.u8("message type")?);
        let length = cursor.u24("payload length")? as usize;
        // As in FLV, the top eight bits come last.
        let low = cursor.u24("timestamp")?;
        let timestamp = u32::from(cursor.u8("timestamp")?) << 24 | low;
        cursor.u24("stream id")?;
        let payload = cursor.bytes(length, "aggregate part")?;
        // The last part may lack the back pointer.
        let taken = (cursor.offset() as usize + 4).min(self.aggregate.payload.len());
        self.aggregate.payload.advance(taken);
        let first = *self.first.get_or_insert(timestamp);
        Ok(Message {
            chunk_stream: self.aggregate.chunk_stream,
            timestamp: self.aggregate.timestamp.wrapping_add(timestamp.wrapping_sub(first)),
            message_type,
            message_stream: self.aggregate.message_stream,
            payload,
        })
    }
}

impl Iterator for Parts {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.aggregate.payload.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_err() {
            self.aggregate.payload = Bytes::new();
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_timed_from_the_aggregate() {
        let mut payload = Vec::new();
        for (kind, time, body) in [(8, 0x0100_0005u32, &b"aa"[..]), (9, 0x0100_0015, b"v")] {
            let [t3, t0, t1, t2] = time.to_be_bytes();
            payload.extend([kind, 0, 0, body.len() as u8, t0, t1, t2, t3, 0, 0, 0]);
            payload.extend_from_slice(body);
            payload.extend([0, 0, 0, 11 + body.len() as u8]);
        }
        payload.truncate(payload.len() - 4);
        payload.extend([8, 0, 0]);
        let aggregate = Message {
            chunk_stream: 4,
            timestamp: 1000,
            message_type: MessageType::AGGREGATE,
            message_stream: 1,
            payload: payload.into(),
        };
        let mut parts = Parts::new(aggregate);
        let first = parts.next().unwrap().unwrap();
        assert_eq!((first.timestamp, &first.payload[..]), (1000, &b"aa"[..]));
        let second = parts.next().unwrap().unwrap();
        assert_eq!((second.timestamp, second.message_type), (1016, MessageType::VIDEO));
        assert_eq!(parts.next(), None);
    }
}
