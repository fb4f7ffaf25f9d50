//! librtmp2 0.16: `chunk_read_owned` from a `Buffer`, as its connections call it.

use librtmp2::buffer::Buffer;
use librtmp2::chunk::{ChunkMessage, ChunkRegistry, chunk_read_owned};

use super::{Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<()> =
    Reader { name: "librtmp2 0.16 `chunk_read_owned`", setup: |_| (), read };

fn read(wire: &Wire, _: &mut (), receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let failed = |code| format!("{code:?}");
    let mut registry = ChunkRegistry::new();
    let mut buffer = Buffer::new();
    let mut message = ChunkMessage::default();
    for piece in wire.slices() {
        buffer.write(piece).map_err(failed)?;
        loop {
            let before = buffer.available();
            let (status, payload) =
                chunk_read_owned(&mut buffer, &mut registry, &mut message).map_err(failed)?;
            if status != 1 {
                // Zero also means that a chunk was taken but its message goes on.
                if buffer.available() == before {
                    break;
                }
            } else if message.msg_type_id == 1 {
                let size = payload.first_chunk().ok_or("Set Chunk Size is empty")?;
                registry.set_all_chunk_size(u32::from_be_bytes(*size));
            } else {
                receiver.message(message.msg_type_id, message.timestamp, payload.into());
            }
        }
    }
    Ok(())
}
