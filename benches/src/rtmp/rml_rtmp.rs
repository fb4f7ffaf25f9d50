//! rml_rtmp 0.8: `ChunkDeserializer`, fed slices, as the crate's sessions feed it.

use rml_rtmp::chunk_io::ChunkDeserializer;
use rml_rtmp::messages::RtmpMessage;

use super::{Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<()> =
    Reader { name: "rml_rtmp 0.8 `ChunkDeserializer`", setup: |_| (), read };

fn read(wire: &Wire, _: &mut (), receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut deserializer = ChunkDeserializer::new();
    for piece in wire.slices() {
        let mut next = deserializer.get_next_message(piece)?;
        while let Some(payload) = next {
            if payload.type_id == 1 {
                if let RtmpMessage::SetChunkSize { size } = payload.to_rtmp_message()? {
                    deserializer.set_max_chunk_size(size as usize)?;
                }
            } else {
                receiver.message(payload.type_id, payload.timestamp.value, payload.data.into());
            }
            next = deserializer.get_next_message(&[])?;
        }
    }
    Ok(())
}
