use std::collections::HashMap;

use super::header::{Basic, LONGEST};
use super::{EXTENDED, INITIAL_SIZE};
use crate::{Error, Message, MessageType};

/// Cuts messages into chunks, with the shortest headers that every reader understands alike.
///
/// Messages are not interleaved. Two readings of the specification are avoided: a type 3 chunk
/// begins a message only after a type 1 or 2 (what it means after type 0 is read differently by
/// different peers), and a timestamp past 24 bits is written whole, never as an extended delta.
#[derive(Debug)]
pub struct Writer {
    chunk_size: u32,
    streams: HashMap<u32, Last>,
}

/// The last header of a chunk stream.
#[derive(Debug, Clone, Copy)]
struct Last {
    timestamp: u32,
    delta: Option<u32>,
    length: usize,
    message_type: MessageType,
    message_stream: u32,
}

impl Writer {
    /// A writer of chunks of `chunk_size` bytes, clamped to 1 to 16,777,215.
    ///
    /// The peer expects [`INITIAL_SIZE`] until it is told otherwise by a Set Chunk Size message;
    /// writing one changes the size here, too.
    pub fn new(chunk_size: u32) -> Self {
        Self { chunk_size: chunk_size.clamp(1, EXTENDED), streams: HashMap::new() }
    }

    /// The size of the chunks it writes.
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// Appends one message to `out`.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a payload over 16,777,215 bytes, [`Error::Malformed`] for a chunk
    /// stream outside 2 to 65,599; nothing is written then.
    pub fn write(&mut self, message: &Message, out: &mut Vec<u8>) -> Result<(), Error> {
        let id = message.chunk_stream;
        if !(2..=65_599).contains(&id) {
            return Err(Error::Malformed { field: "cs id", offset: 0, value: id.into() });
        }
        let length = message.payload.len();
        Error::check_limit("message", length, EXTENDED as usize)?;
        let last = self.streams.get(&id).copied();
        let delta = last.and_then(|last| {
            let delta = message.timestamp.wrapping_sub(last.timestamp);
            (last.message_stream == message.message_stream && delta < EXTENDED).then_some(delta)
        });
        if let (Some(last), Some(delta)) = (last, delta) {
            let same = last.length == length && last.message_type == message.message_type;
            let format = match same {
                true if last.delta == Some(delta) => 3,
                true => 2,
                false => 1,
            };
            let (basic, len) = Basic::encode(format, id);
            out.extend_from_slice(basic.get(..len).unwrap_or_default());
            if format < 3 {
                out.extend_from_slice(&u24(delta));
            }
            if format < 2 {
                out.extend_from_slice(&u24(length as u32));
                out.push(message.message_type.0);
            }
        } else {
            let (header, len) = full_header(message);
            out.extend_from_slice(header.get(..len).unwrap_or_default());
        }
        let extended = if delta.is_none() { extended(message.timestamp) } else { None };
        chunks(&message.payload, id, extended, self.chunk_size, out);
        self.streams.insert(
            id,
            Last {
                timestamp: message.timestamp,
                delta,
                length,
                message_type: message.message_type,
                message_stream: message.message_stream,
            },
        );
        if message.message_type == MessageType::SET_CHUNK_SIZE
            && let Some(bytes) = message.payload.first_chunk()
        {
            self.chunk_size = u32::from_be_bytes(*bytes).clamp(1, EXTENDED);
        }
        Ok(())
    }
}

impl Default for Writer {
    /// A writer at the start of a connection.
    fn default() -> Self {
        Self::new(INITIAL_SIZE)
    }
}

/// The extended timestamp, where `timestamp` needs one.
const fn extended(timestamp: u32) -> Option<u32> {
    if timestamp >= EXTENDED { Some(timestamp) } else { None }
}

const fn u24(value: u32) -> [u8; 3] {
    let [_, a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// A type 0 header, which depends on nothing before it, and its length.
pub(crate) fn full_header(message: &Message) -> ([u8; LONGEST], usize) {
    let mut header = [0; LONGEST];
    let (basic, len) = Basic::encode(0, message.chunk_stream);
    let extended = extended(message.timestamp);
    let [t0, t1, t2] = u24(message.timestamp.min(EXTENDED));
    let [l0, l1, l2] = u24(message.payload.len() as u32);
    let [s0, s1, s2, s3] = message.message_stream.to_le_bytes();
    let fields = [t0, t1, t2, l0, l1, l2, message.message_type.0, s0, s1, s2, s3];
    let bytes = basic.iter().take(len).chain(&fields).copied();
    let bytes = bytes.chain(extended.into_iter().flat_map(u32::to_be_bytes));
    let mut written = 0;
    for (to, from) in header.iter_mut().zip(bytes) {
        *to = from;
        written += 1;
    }
    (header, written)
}

/// Appends `payload` cut into chunks, without the header of the first one.
pub(crate) fn chunks(
    payload: &[u8],
    chunk_stream: u32,
    extended: Option<u32>,
    chunk_size: u32,
    out: &mut Vec<u8>,
) {
    let size = chunk_size.max(1) as usize;
    let (basic, len) = Basic::encode(3, chunk_stream);
    let continuation = basic.get(..len).unwrap_or_default();
    let between = len + extended.map_or(0, |_| 4);
    out.reserve(payload.len() + payload.len() / size * between);
    for (index, chunk) in payload.chunks(size).enumerate() {
        if index > 0 {
            out.extend_from_slice(continuation);
            if let Some(extended) = extended {
                out.extend_from_slice(&extended.to_be_bytes());
            }
        }
        out.extend_from_slice(chunk);
    }
}
