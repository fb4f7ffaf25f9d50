//! airloom-rtmp: `chunk::Reader`, fed shared bytes.

use airloom_rtmp::chunk::Reader as ChunkReader;
use airloom_rtmp::{Limits, MessageType};
use bytes::Bytes;

use super::{PIECE, Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<Vec<Bytes>> =
    Reader { name: "airloom-rtmp `chunk::Reader`", setup: pieces, read };

fn pieces(wire: &Wire) -> Vec<Bytes> {
    let mut rest = wire.bytes.clone();
    let mut pieces = vec![rest.split_to(wire.preamble)];
    while !rest.is_empty() {
        pieces.push(rest.split_to(PIECE.min(rest.len())));
    }
    pieces
}

fn read(_: &Wire, pieces: &mut Vec<Bytes>, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut reader = ChunkReader::new(Limits::default());
    for mut piece in pieces.drain(..) {
        while let Some(message) = reader.read(&mut piece)? {
            if message.message_type != MessageType::SET_CHUNK_SIZE {
                receiver.message(message.message_type.0, message.timestamp, message.payload.into());
            }
        }
    }
    Ok(())
}
