//! rtmp-rs 0.6: `ChunkDecoder` over the `BytesMut` its connection reads into.

use bytes::BytesMut;
use rtmp_rs::protocol::chunk::ChunkDecoder;

use super::{Buffers, Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<Buffers> =
    Reader { name: "rtmp-rs 0.6 `ChunkDecoder`", setup: Wire::buffers, read };

fn read(_: &Wire, buffers: &mut Buffers, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut decoder = ChunkDecoder::new();
    let mut buffer = BytesMut::new();
    for piece in buffers.pieces.drain(..) {
        buffer.unsplit(piece);
        loop {
            let before = buffer.len();
            match decoder.decode(&mut buffer)? {
                Some(chunk) if chunk.message_type == 1 => {
                    let size = chunk.payload.first_chunk().ok_or("Set Chunk Size is empty")?;
                    decoder.set_chunk_size(u32::from_be_bytes(*size));
                }
                Some(chunk) => {
                    receiver.message(chunk.message_type, chunk.timestamp, chunk.payload.into());
                }
                // None also means that a chunk was taken but its message goes on.
                None if buffer.len() == before => break,
                None => {}
            }
        }
    }
    Ok(())
}
