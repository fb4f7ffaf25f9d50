//! rtmp-runtime 0.8: `ChunkAssembler`, fed slices.

use rtmp_runtime::chunk::ChunkAssembler;

use super::{Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<()> =
    Reader { name: "rtmp-runtime 0.8 `ChunkAssembler`", setup: |_| (), read };

fn read(wire: &Wire, _: &mut (), receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut assembler = ChunkAssembler::new();
    for piece in wire.slices() {
        for message in assembler.push(piece)? {
            if message.message_type_id == 1 {
                let size = message.payload.first_chunk().ok_or("Set Chunk Size is empty")?;
                assembler.set_chunk_size(u32::from_be_bytes(*size));
            } else {
                receiver.message(
                    message.message_type_id,
                    message.timestamp,
                    message.payload.into(),
                );
            }
        }
    }
    Ok(())
}
