use bytes::{Bytes, BytesMut};

use crate::chunk;
use crate::flv::{Kind, Tag};
use crate::{Message, MessageType};

/// A tag as the wire carries it, encoded once and shared by every session that sends it.
///
/// It starts with a full chunk header, so it makes sense wherever a player joins. A payload that
/// fits one chunk is shared with the tag; a larger one is copied once, chunk headers in between.
/// Cloning shares everything.
///
/// ```
/// use airloom_rtmp::flv::{Kind, Tag};
/// use airloom_rtmp::{Config, EncodedTag};
///
/// let tag = Tag::new(Kind::Audio, 23, vec![0xAF, 1, 0x21].into());
/// let encoded = EncodedTag::new(&tag, Config::default().chunk_size);
/// assert_eq!(encoded.len(), 12 + 3);
/// ```
#[derive(Debug, Clone)]
pub struct EncodedTag {
    chunk_size: u32,
    kind: Kind,
    /// The header for message stream 1, and the payload where it is small.
    head: Bytes,
    /// The payload where it is not, cut into chunks.
    body: Bytes,
}

/// Payloads up to this size are copied behind their header: one piece to write instead of two.
const SMALL: usize = 512;

/// Where the message stream stands in a full header with a one-byte chunk stream id.
const MESSAGE_STREAM: std::ops::Range<usize> = 8..12;

impl EncodedTag {
    /// Encodes `tag` for players, whose sessions send chunks of `chunk_size` bytes
    /// ([`Config::chunk_size`](crate::Config)). The timestamp is cut to 32 bits.
    pub fn new(tag: &Tag, chunk_size: u32) -> Self {
        let (chunk_stream, message_type) = match tag.kind {
            Kind::Audio => (4, MessageType::AUDIO),
            Kind::Video => (6, MessageType::VIDEO),
            Kind::Script => (5, MessageType::DATA_AMF0),
        };
        let timestamp = tag.timestamp as u32;
        let payload = &tag.data;
        let message = Message {
            chunk_stream,
            timestamp,
            message_type,
            message_stream: 1,
            payload: payload.clone(),
        };
        let (header, len) = chunk::full_header(&message);
        let header = header.get(..len).unwrap_or_default();
        let single = payload.len() <= chunk_size as usize;
        let (head, body) = if single && payload.len() > SMALL {
            (Bytes::copy_from_slice(header), payload.clone())
        } else if single {
            ([header, payload].concat().into(), Bytes::new())
        } else {
            let mut body = Vec::new();
            let extended = (timestamp >= chunk::EXTENDED).then_some(timestamp);
            chunk::chunks(payload, chunk_stream, extended, chunk_size, &mut body);
            (Bytes::copy_from_slice(header), body.into())
        };
        Self { chunk_size, kind: tag.kind, head, body }
    }

    /// Encodes `tag` for servers that are published to: as [`new`](Self::new), but metadata is
    /// marked to be kept for those who come later (`@setDataFrame`).
    pub fn for_server(tag: &Tag, chunk_size: u32) -> Self {
        const SET_DATA_FRAME: &[u8] = b"\x02\0\x0d@setDataFrame";
        const ON_META_DATA: &[u8] = b"\x02\0\x0aonMetaData";
        if tag.kind == Kind::Script && tag.data.starts_with(ON_META_DATA) {
            let data = [SET_DATA_FRAME, &tag.data].concat().into();
            return Self::new(&Tag { data, ..*tag }, chunk_size);
        }
        Self::new(tag, chunk_size)
    }

    /// The chunk size it was encoded for.
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// What the tag is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes on the wire.
    pub const fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Never: even an empty tag has a header.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces to send on `message_stream`, the second one maybe empty. All but everybody plays
    /// on stream 1 and shares both; for another stream the first piece, the header, is copied.
    pub(crate) fn pieces(&self, message_stream: u32) -> [Bytes; 2] {
        if message_stream == 1 {
            return [self.head.clone(), self.body.clone()];
        }
        let mut head = BytesMut::from(&self.head[..]);
        if let Some(place) = head.get_mut(MESSAGE_STREAM) {
            place.copy_from_slice(&message_stream.to_le_bytes());
        }
        [head.freeze(), self.body.clone()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Limits, MessageType};

    proptest! {
        #[test]
        fn readers_get_the_tag_back(
            size in 0..3000usize,
            chunk_size in 128..2000u32,
            timestamp in prop_oneof![0..100i64, 0xFF_FFF0..0x100_0010i64, 0xFFFF_FFF0..0x1_0000_0010i64],
            message_stream in 1..300u32,
        ) {
            let tag = Tag::new(Kind::Video, timestamp, vec![7; size].into());
            let encoded = EncodedTag::new(&tag, chunk_size);
            let [head, body] = encoded.pieces(message_stream);
            prop_assert_eq!(head.len() + body.len(), encoded.len());
            let mut reader = chunk::Reader::new(Limits::default());
            let mut announce = BytesMut::from(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0][..]);
            announce.extend_from_slice(&chunk_size.to_be_bytes());
            reader.read(&mut announce).unwrap();
            let mut input = BytesMut::from(&[head, body].concat()[..]);
            let message = reader.read(&mut input).unwrap().unwrap();
            prop_assert_eq!(message, Message {
                chunk_stream: 6,
                timestamp: timestamp as u32,
                message_type: MessageType::VIDEO,
                message_stream,
                payload: tag.data,
            });
            prop_assert!(input.is_empty());
        }
    }
}
