//! scuffle-rtmp 0.2: `ChunkReader` over the `BytesMut` its session reads into.

use bytes::BytesMut;
use scuffle_rtmp::chunk::reader::ChunkReader;

use super::{Buffers, Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<Buffers> =
    Reader { name: "scuffle-rtmp 0.2 `ChunkReader`", setup: Wire::buffers, read };

fn read(_: &Wire, buffers: &mut Buffers, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut reader = ChunkReader::default();
    let mut buffer = BytesMut::new();
    for piece in buffers.pieces.drain(..) {
        buffer.unsplit(piece);
        while let Some(chunk) = reader.read_chunk(&mut buffer)? {
            let header = &chunk.message_header;
            if header.msg_type_id.0 == 1 {
                let size = chunk.payload.first_chunk().ok_or("Set Chunk Size is empty")?;
                if !reader.update_max_chunk_size(u32::from_be_bytes(*size) as usize) {
                    return Err("refuses the chunk size".into());
                }
            } else {
                receiver.message(header.msg_type_id.0, header.timestamp, chunk.payload.into());
            }
        }
    }
    Ok(())
}
