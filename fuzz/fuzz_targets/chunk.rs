//! The chunk stream, split anywhere: the same messages and the same error however it is split and
//! wherever the pieces lie, memory that follows what arrived, and messages that survive being
//! written and read again.
//!
//! Input: a step and a chunk size to write with, then the stream.

#![no_main]

use airloom_rtmp::chunk::{Reader, Writer};
use airloom_rtmp::{Error, Limits, Message, MessageType};
use bytes::Bytes;
use fuzz::{head, reads};
use libfuzzer_sys::fuzz_target;

fn read(stream: &[u8], step: u8, together: bool) -> (Vec<Message>, Option<Error>) {
    let limits = Limits::default();
    let reserve = limits.reserve;
    let mut reader = Reader::new(limits);
    let mut messages = Vec::new();
    let mut received = 0;
    for mut piece in reads(stream, step, together) {
        received += piece.len();
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(piece.is_empty());
        assert!(reader.held_bytes() <= received + received / 8 + reserve);
    }
    (messages, None)
}

fuzz_target!(|data: &[u8]| {
    let Some(([step, size], stream)) = head(data) else { return };
    let whole = read(stream, 0, false);
    for together in [false, true] {
        assert_eq!(whole, read(stream, step.max(1), together));
        assert_eq!(whole, read(stream, 1, together));
    }

    let mut writer = Writer::new(128);
    let mut written = Vec::new();
    let chunk_size = Message {
        chunk_stream: 2,
        timestamp: 0,
        message_type: MessageType::SET_CHUNK_SIZE,
        message_stream: 0,
        payload: Bytes::from(vec![0, 0, 0, size.max(1)]),
    };
    writer.write(&chunk_size, &mut written).expect("a legal message");
    let mut messages = vec![chunk_size];
    for message in whole.0 {
        // These change how the rest is written and read.
        if !matches!(message.message_type, MessageType::SET_CHUNK_SIZE | MessageType::ABORT) {
            writer.write(&message, &mut written).expect("what was read can be written");
            messages.push(message);
        }
    }
    assert_eq!(read(&written, step, true), (messages, None));
});
