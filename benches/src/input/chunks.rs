//! RTMP chunk streams as ffmpeg and OBS write them.

use bytes::BytesMut;

use super::{Kind, Tag};

/// Writes messages as chunks: type 0 for the first message of a chunk stream, type 1 for each one
/// after it, type 3 within a message; audio on chunk stream 4, video on 6, data on 5.
#[derive(Debug)]
pub struct ChunkWriter {
    chunk_size: usize,
    /// Timestamp of the last message on each chunk stream.
    last: [Option<u32>; 8],
}

impl ChunkWriter {
    /// A writer of such chunks; the peer must have been told with [`set_chunk_size`].
    pub const fn new(chunk_size: usize) -> Self {
        Self { chunk_size, last: [None; 8] }
    }

    /// Appends one FLV tag as a message of message stream 1.
    pub fn write(&mut self, tag: &Tag, out: &mut BytesMut) {
        let stream = match tag.kind {
            Kind::Audio => 4u8,
            Kind::Script => 5,
            Kind::Video => 6,
        };
        let length = (tag.body.len() as u32).to_be_bytes();
        match self.last[usize::from(stream)].replace(tag.timestamp) {
            None => {
                out.extend_from_slice(&[stream]);
                out.extend_from_slice(&tag.timestamp.to_be_bytes()[1..]);
                out.extend_from_slice(&length[1..]);
                out.extend_from_slice(&[tag.kind.id(), 1, 0, 0, 0]);
            }
            Some(last) => {
                out.extend_from_slice(&[0x40 | stream]);
                out.extend_from_slice(&(tag.timestamp - last).to_be_bytes()[1..]);
                out.extend_from_slice(&length[1..]);
                out.extend_from_slice(&[tag.kind.id()]);
            }
        }
        for (index, chunk) in tag.body.chunks(self.chunk_size).enumerate() {
            if index > 0 {
                out.extend_from_slice(&[0xC0 | stream]);
            }
            out.extend_from_slice(chunk);
        }
    }
}

/// The Set Chunk Size message.
pub fn set_chunk_size(chunk_size: usize) -> Vec<u8> {
    let mut message = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
    message.extend_from_slice(&(chunk_size as u32).to_be_bytes());
    message
}
