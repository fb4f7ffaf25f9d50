//! airloom-rtmp: `chunk::Reader`, fed buffers as they come from a socket, and set as an origin sets it.

use airloom_rtmp::chunk::Reader as ChunkReader;
use airloom_rtmp::{Limits, MessageType};
use bytes::BytesMut;

use super::{PIECE, Reader, Receiver, Wire};
use crate::Failure;

pub(super) const READER: Reader<Vec<BytesMut>> =
    Reader { name: "airloom-rtmp `chunk::Reader`", setup: pieces, read };

fn pieces(wire: &Wire) -> Vec<BytesMut> {
    let (preamble, rest) = wire.bytes.split_at(wire.preamble);
    [preamble].into_iter().chain(rest.chunks(PIECE)).map(BytesMut::from).collect()
}

fn read(_: &Wire, pieces: &mut Vec<BytesMut>, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut limits = Limits::default();
    limits.pin = 64;
    let mut reader = ChunkReader::new(limits);
    for mut piece in pieces.drain(..) {
        while let Some(message) = reader.read(&mut piece)? {
            if message.message_type != MessageType::SET_CHUNK_SIZE {
                receiver.message(message.message_type.0, message.timestamp, message.payload.into());
            }
        }
    }
    Ok(())
}
