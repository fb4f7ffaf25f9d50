use std::fmt;

use bytes::Bytes;

/// What an RTMP message is (RTMP 1.0, 5.4, 6.2, 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// Set Chunk Size (5.4.1).
    pub const SET_CHUNK_SIZE: Self = Self(1);
    /// Abort Message (5.4.2).
    pub const ABORT: Self = Self(2);
    /// Acknowledgement (5.4.3).
    pub const ACKNOWLEDGEMENT: Self = Self(3);
    /// User Control Message (6.2).
    pub const USER_CONTROL: Self = Self(4);
    /// Window Acknowledgement Size (5.4.4).
    pub const WINDOW_ACKNOWLEDGEMENT_SIZE: Self = Self(5);
    /// Set Peer Bandwidth (5.4.5).
    pub const SET_PEER_BANDWIDTH: Self = Self(6);
    /// Audio (7.1.4).
    pub const AUDIO: Self = Self(8);
    /// Video (7.1.5).
    pub const VIDEO: Self = Self(9);
    /// Data in AMF3 (7.1.2).
    pub const DATA_AMF3: Self = Self(15);
    /// Shared object in AMF3 (7.1.3).
    pub const SHARED_OBJECT_AMF3: Self = Self(16);
    /// Command in AMF3 (7.1.1).
    pub const COMMAND_AMF3: Self = Self(17);
    /// Data in AMF0 (7.1.2).
    pub const DATA_AMF0: Self = Self(18);
    /// Shared object in AMF0 (7.1.3).
    pub const SHARED_OBJECT_AMF0: Self = Self(19);
    /// Command in AMF0 (7.1.1).
    pub const COMMAND_AMF0: Self = Self(20);
    /// Aggregate (7.1.6).
    pub const AGGREGATE: Self = Self(22);

    /// Whether it is of a stream: audio, video or data.
    pub(crate) const fn is_media(self) -> bool {
        matches!(self, Self::AUDIO | Self::VIDEO | Self::DATA_AMF0 | Self::DATA_AMF3)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One whole RTMP message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The chunk stream it travels on: 2 to 65,599.
    pub chunk_stream: u32,
    /// Milliseconds modulo 2^32.
    pub timestamp: u32,
    /// What it is.
    pub message_type: MessageType,
    /// The message stream it belongs to; 0 is the connection itself.
    pub message_stream: u32,
    /// The body.
    pub payload: Bytes,
}

/// The payload by its length and first bytes.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.payload.get(..self.payload.len().min(16)).unwrap_or_default();
        let payload = format_args!("{} bytes: {start:02x?}", self.payload.len());
        f.debug_struct("Message")
            .field("chunk_stream", &self.chunk_stream)
            .field("timestamp", &self.timestamp)
            .field("message_type", &self.message_type)
            .field("message_stream", &self.message_stream)
            .field("payload", &payload)
            .finish()
    }
}
