//! The chunk stream: messages cut into chunks and put together again (RTMP 1.0, 5.3).
//!
//! ```
//! use airloom_rtmp::{Limits, Message, MessageType, chunk};
//!
//! let message = Message {
//!     chunk_stream: 6,
//!     timestamp: 40,
//!     message_type: MessageType::VIDEO,
//!     message_stream: 1,
//!     payload: vec![0x27; 300].into(),
//! };
//! let mut bytes = Vec::new();
//! chunk::Writer::new(128).write(&message, &mut bytes)?;
//!
//! let mut input = bytes::BytesMut::from(&bytes[..]);
//! let mut reader = chunk::Reader::new(Limits::default());
//! assert_eq!(reader.read(&mut input)?, Some(message));
//! assert_eq!(reader.read(&mut input)?, None);
//! # Ok::<(), airloom_rtmp::Error>(())
//! ```

mod header;
mod in_place;
mod reader;
mod streams;
mod writer;

pub use reader::Reader;
pub use writer::Writer;
pub(crate) use writer::{chunks, full_header};

/// The chunk size both sides begin with, in bytes (5.4.1).
pub const INITIAL_SIZE: u32 = 128;

/// What a 24-bit timestamp field holds when the real one follows in 32 bits (5.3.1.3).
pub(crate) const EXTENDED: u32 = 0xFF_FFFF;
