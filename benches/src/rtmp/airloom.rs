//! airloom-rtmp: `chunk::Reader`, fed buffers as they come from a socket, and set as an origin sets it.

use airloom_rtmp::chunk::Reader as ChunkReader;
use airloom_rtmp::{Limits, MessageType};

use super::{Buffers, PIECE, Reader, Receiver, Wire};
use crate::Failure;

/// What the runtime's listener reads into.
const BLOCK: usize = 256 << 10;

pub(super) const READER: Reader<Buffers> =
    Reader { name: "airloom-rtmp `chunk::Reader`", setup: Wire::buffers, read };

/// Every fourth piece begins in another allocation, and cuts a message that has to be copied.
pub(super) const IN_BLOCKS: Reader<Buffers> = Reader {
    name: "airloom-rtmp `chunk::Reader`, blocks of 256 KiB as its listener's",
    setup: |wire| wire.blocks(BLOCK),
    read,
};

/// Every piece is an allocation of its own.
pub(super) const APART: Reader<Buffers> = Reader {
    name: "airloom-rtmp `chunk::Reader`, pieces apart",
    setup: |wire| wire.blocks(PIECE),
    read,
};

fn read(_: &Wire, buffers: &mut Buffers, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut limits = Limits::default();
    limits.pin = 64;
    let mut reader = ChunkReader::new(limits);
    for mut piece in buffers.pieces.drain(..) {
        while let Some(message) = reader.read(&mut piece)? {
            if message.message_type != MessageType::SET_CHUNK_SIZE {
                receiver.message(message.message_type.0, message.timestamp, message.payload.into());
            }
        }
    }
    Ok(())
}
