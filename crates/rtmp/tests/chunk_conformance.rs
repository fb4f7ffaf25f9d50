//! Chunk streams by the table: bytes in, messages out, whole and one byte at a time.
//!
//! Most cases are those in which existing implementations disagree with the specification or with
//! each other; the source stands beside the name.

use airloom_rtmp::chunk::Reader;
use airloom_rtmp::{Error, Limits, Message, MessageType};
use bytes::{Bytes, BytesMut};

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;

/// Bytes of chunks, written field by field.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u24(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes()[1..])
    }

    /// A type 0 header on a chunk stream below 64.
    fn type0(self, id: u8, time: u32, length: u32, kind: u8, stream: u32) -> Self {
        self.bytes(&[id]).u24(time).u24(length).bytes(&[kind]).bytes(&stream.to_le_bytes())
    }

    fn type1(self, id: u8, delta: u32, length: u32, kind: u8) -> Self {
        self.bytes(&[0x40 | id]).u24(delta).u24(length).bytes(&[kind])
    }

    fn type2(self, id: u8, delta: u32) -> Self {
        self.bytes(&[0x80 | id]).u24(delta)
    }

    fn type3(self, id: u8) -> Self {
        self.bytes(&[0xC0 | id])
    }

    fn extended(self, time: u32) -> Self {
        self.bytes(&time.to_be_bytes())
    }

    fn fill(self, byte: u8, count: usize) -> Self {
        self.bytes(&vec![byte; count])
    }

    fn chunk_size(self, size: u32) -> Self {
        self.type0(2, 0, 4, 1, 0).extended(size)
    }

    fn abort(self, id: u32) -> Self {
        self.type0(2, 0, 4, 2, 0).extended(id)
    }
}

fn message(id: u32, time: u32, kind: u8, stream: u32, payload: &[u8]) -> Message {
    Message {
        chunk_stream: id,
        timestamp: time,
        message_type: MessageType(kind),
        message_stream: stream,
        payload: Bytes::copy_from_slice(payload),
    }
}

fn video(id: u32, time: u32, byte: u8, count: usize) -> Message {
    message(id, time, VIDEO, 1, &vec![byte; count])
}

/// How pieces of a wire lie in memory.
#[derive(Clone, Copy, Debug)]
enum Pieces {
    /// Each in an allocation of its own.
    Apart,
    /// Split off one buffer.
    Together,
    /// The same, but only pairs of them.
    InPairs,
}

fn pieces(wire: &[u8], step: usize, how: Pieces) -> Vec<BytesMut> {
    let block = match how {
        Pieces::Apart => step,
        Pieces::Together => wire.len(),
        Pieces::InPairs => step * 2,
    };
    let mut pieces = Vec::new();
    for block in wire.chunks(block) {
        let mut rest = BytesMut::from(block);
        while !rest.is_empty() {
            pieces.push(rest.split_to(step.min(rest.len())));
        }
    }
    pieces
}

/// What a reader makes of `wire`, given in pieces; protocol control messages, which act on the
/// reader itself, left out.
fn read(pieces: Vec<BytesMut>, pin: usize) -> Result<Vec<Message>, Error> {
    let mut limits = Limits::default();
    limits.pin = pin;
    let mut reader = Reader::new(limits);
    let mut messages = Vec::new();
    let mut bytes = 0;
    for mut input in pieces {
        bytes += input.len() as u64;
        while let Some(message) = reader.read(&mut input)? {
            if message.message_type.0 > 2 {
                messages.push(message);
            }
        }
        assert!(input.is_empty());
        assert_eq!(reader.offset(), bytes);
    }
    Ok(messages)
}

#[track_caller]
fn in_pieces(wire: &Wire, step: usize, expected: &Result<Vec<Message>, Error>) {
    for how in [Pieces::Apart, Pieces::Together, Pieces::InPairs] {
        for pin in [0, 4, usize::MAX] {
            let messages = read(pieces(&wire.0, step, how), pin);
            assert_eq!(messages, *expected, "{step} bytes at a time, {how:?}, pinned by {pin}");
        }
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases read better without a reference each")]
fn case(wire: Wire, expected: &[Message]) {
    for step in [wire.0.len(), 1, 2, 3, 5, 64, 200] {
        in_pieces(&wire, step, &Ok(expected.to_vec()));
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases read better without a reference each")]
fn refused(wire: Wire, error: Error) {
    for step in [wire.0.len(), 1] {
        in_pieces(&wire, step, &Err(error));
    }
}

#[test]
fn one_message_in_one_chunk() {
    case(Wire::default().type0(6, 40, 5, VIDEO, 1).fill(7, 5), &[video(6, 40, 7, 5)]);
}

#[test]
fn a_message_of_several_chunks() {
    let wire = Wire::default().type0(6, 40, 300, VIDEO, 1).fill(7, 128);
    let wire = wire.type3(6).fill(7, 128).type3(6).fill(7, 44);
    case(wire, &[video(6, 40, 7, 300)]);
}

#[test]
fn a_message_that_ends_with_its_chunk() {
    let wire = Wire::default().type0(6, 40, 256, VIDEO, 1).fill(7, 128).type3(6).fill(7, 128);
    // No empty chunk follows: the next one begins a message.
    case(wire.type1(6, 3, 1, VIDEO).fill(8, 1), &[video(6, 40, 7, 256), video(6, 43, 8, 1)]);
}

// 5.3.1.2: types 1 to 3 begin messages, too. scuffle-rtmp drops the delta of type 3.
#[test]
fn type_1_2_and_3_begin_messages() {
    let wire = Wire::default().type0(6, 1000, 2, VIDEO, 1).fill(1, 2);
    let wire = wire.type1(6, 20, 3, AUDIO).fill(2, 3);
    let wire = wire.type2(6, 30).fill(3, 3).type3(6).fill(4, 3).type3(6).fill(5, 3);
    let audio = |time, byte| message(6, time, AUDIO, 1, &[byte; 3]);
    case(
        wire,
        &[video(6, 1000, 1, 2), audio(1020, 2), audio(1050, 3), audio(1080, 4), audio(1110, 5)],
    );
}

// 5.3.1.2.4: "If a Type 3 chunk follows a Type 0 chunk, then the timestamp delta for this Type 3
// chunk is the same as the timestamp of the Type 0 chunk."
#[test]
fn type_3_after_type_0_adds_the_timestamp() {
    let wire = Wire::default().type0(6, 1000, 2, VIDEO, 1).fill(1, 2).type3(6).fill(2, 2);
    case(wire, &[video(6, 1000, 1, 2), video(6, 2000, 2, 2)]);
}

// Measured: rml_rtmp and xiu panic, scuffle-rtmp loses the message.
#[test]
fn a_small_message_inside_a_large_one() {
    let wire = Wire::default().type0(6, 40, 300, VIDEO, 1).fill(7, 128);
    let wire = wire.type0(4, 41, 3, AUDIO, 1).fill(9, 3).type3(6).fill(7, 128);
    let wire = wire.type2(4, 23).fill(8, 3).type3(6).fill(7, 44);
    let audio = |time, byte| message(4, time, AUDIO, 1, &[byte; 3]);
    case(wire, &[audio(41, 9), audio(64, 8), video(6, 40, 7, 300)]);
}

#[test]
fn two_large_messages_chunk_by_chunk() {
    let wire = Wire::default().type0(6, 40, 256, VIDEO, 1).fill(7, 128);
    let wire = wire.type0(4, 41, 257, AUDIO, 1).fill(9, 128).type3(6).fill(7, 128);
    let wire = wire.type3(4).fill(9, 128).type3(4).fill(9, 1);
    case(wire, &[video(6, 40, 7, 256), message(4, 41, AUDIO, 1, &[9; 257])]);
}

// 5.4.2. Measured: rml_rtmp panics.
#[test]
fn abort_then_a_new_message() {
    let wire = Wire::default().type0(6, 40, 300, VIDEO, 1).fill(7, 128).abort(6);
    // The header is remembered, the payload is not: type 3 begins anew.
    let wire = wire.type2(6, 5).fill(8, 128).type3(6).fill(8, 128).type3(6).fill(8, 44);
    case(wire, &[video(6, 45, 8, 300)]);
}

#[test]
fn abort_of_a_chunk_stream_with_nothing_to_abort() {
    let wire = Wire::default().type0(6, 40, 2, VIDEO, 1).fill(7, 2).abort(6).abort(600);
    case(wire.type3(6).fill(8, 2), &[video(6, 40, 7, 2), video(6, 80, 8, 2)]);
}

#[test]
fn abort_of_one_leaves_the_other() {
    let wire = Wire::default().type0(6, 40, 130, VIDEO, 1).fill(7, 128);
    let wire = wire.type0(4, 41, 130, AUDIO, 1).fill(9, 128).abort(4);
    case(wire.type3(6).fill(7, 2), &[video(6, 40, 7, 130)]);
}

#[test]
fn a_message_restarted_while_partial() {
    for restart in [0, 1, 2] {
        let wire = Wire::default().type0(6, 40, 130, VIDEO, 1).fill(7, 128);
        let (wire, time) = match restart {
            0 => (wire.type0(6, 50, 130, VIDEO, 1), 50),
            1 => (wire.type1(6, 50, 130, VIDEO), 90),
            _ => (wire.type2(6, 50), 90),
        };
        case(wire.fill(8, 128).type3(6).fill(8, 2), &[video(6, time, 8, 130)]);
    }
}

// ARUT#1042, #246: ids of two and three bytes.
#[test]
fn ids_in_two_and_three_bytes() {
    let header = |wire: Wire| wire.u24(40).u24(130).bytes(&[VIDEO, 1, 0, 0, 0]).fill(7, 128);
    for (first, id) in [
        (&[0x00, 0][..], 64),
        (&[0x00, 255], 319),
        (&[0x01, 0, 1], 320),
        (&[0x01, 255, 255], 65_599),
        // The long form of an id that has a short one.
        (&[0x01, 6, 0], 70),
    ] {
        let mut next = first.to_vec();
        next[0] |= 0xC0;
        let wire = header(Wire::default().bytes(first)).bytes(&next).fill(7, 2);
        case(
            wire.bytes(&next).fill(8, 128).bytes(&next).fill(8, 2),
            &[video(id, 40, 7, 130), video(id, 80, 8, 130)],
        );
    }
}

// 5.3.1.3; SRS#4680, rust-media-libs#15, #23, veovera#42, obs-studio#10097.
#[test]
fn the_extended_timestamp_repeated_on_type_3() {
    for time in [0xFF_FFFF, 0x0100_0000, 0xFFFF_FFFF] {
        let wire = Wire::default().type0(6, 0xFF_FFFF, 300, VIDEO, 1).extended(time).fill(7, 128);
        let wire = wire.type3(6).extended(time).fill(7, 128).type3(6).extended(time).fill(7, 44);
        case(wire, &[video(6, time, 7, 300)]);
    }
}

#[test]
fn the_extended_timestamp_left_out_on_type_3() {
    for time in [0xFF_FFFF, 0x0100_0000, 0xFFFF_FFFF] {
        let wire = Wire::default().type0(6, 0xFF_FFFF, 300, VIDEO, 1).extended(time).fill(7, 128);
        let wire = wire.type3(6).fill(7, 128).type3(6).fill(7, 44).type2(6, 9).fill(8, 128);
        case(
            wire.type3(6).fill(8, 128).type3(6).fill(8, 44),
            &[video(6, time, 7, 300), video(6, time.wrapping_add(9), 8, 300)],
        );
    }
}

#[test]
fn a_payload_that_begins_like_the_extended_timestamp_left_out() {
    // One, two, three bytes alike, then the end of the message or something else.
    for alike in 1..4 {
        let time = 0x0102_0304u32;
        let start = &time.to_be_bytes()[..alike];
        let wire = Wire::default().type0(6, 0xFF_FFFF, 228, VIDEO, 1).extended(time).fill(7, 128);
        let wire = wire.type3(6).bytes(start).fill(7, 100 - alike).type1(6, 1, 1, VIDEO).fill(8, 1);
        let payload = [&[7; 128], start, &vec![7; 100 - alike]].concat();
        case(wire, &[message(6, time, VIDEO, 1, &payload), video(6, time + 1, 8, 1)]);
    }
}

#[test]
fn a_last_chunk_shorter_than_the_extended_timestamp_left_out() {
    let time = 0x0102_0304u32;
    let wire = Wire::default().type0(6, 0xFF_FFFF, 130, VIDEO, 1).extended(time).fill(7, 128);
    case(
        wire.type3(6).fill(9, 2).type1(6, 1, 1, VIDEO).fill(8, 1),
        &[message(6, time, VIDEO, 1, &[&[7; 128][..], &[9; 2]].concat()), video(6, time + 1, 8, 1)],
    );
}

#[test]
fn an_extended_delta() {
    let delta = 0x0100_0000;
    let wire = Wire::default().type0(6, 10, 1, VIDEO, 1).fill(1, 1);
    let wire = wire.type1(6, 0xFF_FFFF, 130, VIDEO).extended(delta).fill(2, 128);
    let wire = wire.type3(6).extended(delta).fill(2, 2);
    let wire =
        wire.type2(6, 0xFF_FFFF).extended(delta).fill(3, 128).type3(6).extended(delta).fill(3, 2);
    case(
        wire,
        &[video(6, 10, 1, 1), video(6, 10 + delta, 2, 130), video(6, 10 + 2 * delta, 3, 130)],
    );
}

#[test]
fn a_type_3_message_with_the_extended_delta_or_the_whole_time() {
    let delta = 0x0100_0000;
    for repeated in [delta, 10 + 2 * delta] {
        let wire = Wire::default().type0(6, 10, 5, VIDEO, 1).fill(1, 5);
        let wire = wire.type2(6, 0xFF_FFFF).extended(delta).fill(2, 5);
        let wire = wire.type3(6).extended(repeated).fill(3, 5);
        case(
            wire,
            &[video(6, 10, 1, 5), video(6, 10 + delta, 2, 5), video(6, 10 + 2 * delta, 3, 5)],
        );
    }
}

// Measured: scuffle-rtmp sticks at the wrap. OME#1686, #1388.
#[test]
fn the_timestamp_wraps() {
    let wire = Wire::default().type0(6, 0xFF_FFFF, 1, VIDEO, 1).extended(0xFFFF_FFF0).fill(1, 1);
    let wire = wire.type2(6, 0x20).fill(2, 1).type3(6).fill(3, 1);
    case(wire, &[video(6, 0xFFFF_FFF0, 1, 1), video(6, 0x10, 2, 1), video(6, 0x30, 3, 1)]);
}

#[test]
fn chunks_of_256_kib() {
    let wire = Wire::default().chunk_size(256 << 10).type0(6, 40, 300_000, VIDEO, 1);
    let wire = wire.fill(7, 256 << 10).type3(6).fill(7, 300_000 - (256 << 10));
    for step in [wire.0.len(), 1, 1000] {
        in_pieces(&wire, step, &Ok(vec![video(6, 40, 7, 300_000)]));
    }
}

// ARUT#1042: announced by several encoders, and all the protocol allows.
#[test]
fn chunks_of_2_to_the_31_minus_1() {
    let wire = Wire::default().chunk_size(0x7FFF_FFFF).type0(6, 40, 70_000, VIDEO, 1);
    case(wire.fill(7, 70_000), &[video(6, 40, 7, 70_000)]);
}

#[test]
fn chunks_of_one_byte() {
    let wire = Wire::default().chunk_size(1).type0(6, 40, 3, VIDEO, 1).fill(7, 1);
    case(wire.type3(6).fill(8, 1).type3(6).fill(9, 1), &[message(6, 40, VIDEO, 1, &[7, 8, 9])]);
}

#[test]
fn the_chunk_size_changes_inside_a_message() {
    let wire = Wire::default().type0(6, 40, 300, VIDEO, 1).fill(7, 128).chunk_size(10);
    let wire = wire.type3(6).fill(7, 10).chunk_size(1000).type3(6).fill(7, 162);
    case(wire, &[video(6, 40, 7, 300)]);
}

#[test]
fn messages_without_payload() {
    let wire = Wire::default().type0(6, 40, 0, VIDEO, 1).type3(6).type1(6, 5, 1, VIDEO).fill(1, 1);
    case(wire, &[video(6, 40, 0, 0), video(6, 80, 0, 0), video(6, 85, 1, 1)]);
}

// librtmp begins chunk stream 2 with type 1, as SRS found.
#[test]
fn a_chunk_stream_that_begins_with_type_1() {
    let wire = Wire::default().type1(2, 5, 6, 4).bytes(&[0, 3, 0, 0, 0, 1]);
    case(wire, &[message(2, 5, 4, 0, &[0, 3, 0, 0, 0, 1])]);
}

#[test]
fn message_streams_are_little_endian() {
    let wire = Wire::default().type0(6, 40, 1, VIDEO, 0x0102_0304).fill(7, 1);
    case(wire, &[message(6, 40, VIDEO, 0x0102_0304, &[7])]);
}

#[test]
fn a_continuation_of_nothing_is_refused() {
    let wire = || Wire::default().type0(6, 40, 1, VIDEO, 1).fill(7, 1);
    let error = |value| Error::Malformed { field: "fmt", offset: 13, value };
    refused(wire().type3(5), error(3));
    refused(wire().type2(5, 0), error(2));
}

#[test]
fn bad_chunk_sizes_are_refused() {
    let error = |value| Error::Malformed { field: "chunk size", offset: 12, value };
    refused(Wire::default().chunk_size(0), error(0));
    refused(Wire::default().chunk_size(0x8000_0000), error(0x8000_0000));
    let short = Wire::default().type0(2, 0, 3, 1, 0).fill(0, 3);
    refused(short, Error::Truncated { field: "chunk size", offset: 12 });
}

#[test]
fn limits_are_kept() {
    let mut limits = Limits::default();
    limits.message = 1000;
    limits.chunk_size = 5000;
    limits.partial_bytes = 1500;
    limits.chunk_streams = 2;
    let read = |wire: Wire| Reader::new(limits.clone()).read(&mut wire.0[..].into());
    let limit = |limit, value, max| Err(Error::Limit { limit, value, max });
    let wire = Wire::default().type0(6, 0, 1001, VIDEO, 1);
    assert_eq!(read(wire), limit("message", 1001, 1000));
    assert_eq!(read(Wire::default().chunk_size(5001)), limit("chunk_size", 5001, 5000));
    let mut wire = Wire::default();
    for id in 3..6 {
        wire = wire.type0(id, 0, 200, VIDEO, 1).fill(7, 128);
    }
    assert_eq!(read(wire), limit("chunk_streams", 3, 2));
    let mut limits = limits.clone();
    limits.chunk_streams = 100;
    let mut wire = Wire::default();
    for id in 3..23 {
        wire = wire.type0(id, 0, 200, VIDEO, 1).fill(7, 128);
    }
    let read = Reader::new(limits).read(&mut wire.0[..].into());
    assert_eq!(read, limit("partial_bytes", 12 * 128, 1500));
}

// Measured: rtmp-rs reserves 5 GB from 43 KB.
#[test]
fn sixty_thousand_chunk_streams_cost_nothing() {
    let mut reader = Reader::new(Limits::default());
    for id in 0..60_000u32 {
        let [_, _, high, low] = id.to_be_bytes();
        let wire = Wire::default().bytes(&[0x01, low, high]).u24(id).u24(1);
        let mut input = BytesMut::from(&wire.bytes(&[VIDEO, 1, 0, 0, 0, 7]).0[..]);
        assert_eq!(reader.read(&mut input), Ok(Some(video(id + 64, id, 7, 1))));
        assert_eq!(reader.held_bytes(), 0);
    }
}

#[test]
fn a_length_announced_reserves_little() {
    let limits = Limits::default();
    let mut reader = Reader::new(limits.clone());
    for id in 3..60 {
        let wire = Wire::default().type0(id, 0, 0xFF_FFFF, VIDEO, 1).fill(7, 128);
        assert_eq!(reader.read(&mut wire.0[..].into()), Ok(None));
    }
    let received = 57 * 128;
    assert!(reader.held_bytes() <= received + received / 8 + limits.reserve);
}

#[test]
fn slices_are_taken_only_where_they_do_not_pin_much() {
    let read = |wire: Wire| shared(&wire, wire.0.len(), Pieces::Apart, Limits::default());
    let small = |wire: Wire| wire.type0(4, 0, 10, AUDIO, 1).fill(7, 10);
    let large = |wire: Wire| wire.type0(6, 0, 100, VIDEO, 1).fill(7, 100);
    assert_eq!(read(large(small(Wire::default()))), [false, true]);
    // What counts is the input as it was given, not what is left of it.
    assert_eq!(read(small(large(Wire::default()))), [true, false]);
}

/// Where the payloads lie that come of pieces of `step`, and whether inside of the pieces.
fn shared(wire: &Wire, step: usize, how: Pieces, limits: Limits) -> Vec<bool> {
    let mut pieces = pieces(&wire.0, step, how);
    let ranges: Vec<_> = pieces.iter().map(|piece| piece.as_ptr_range()).collect();
    // So that nothing is allocated where they were.
    let kept: Vec<_> = pieces.iter_mut().map(|piece| piece.split_to(0)).collect();
    let mut reader = Reader::new(limits);
    let mut shared = Vec::new();
    for mut piece in pieces {
        while let Some(message) = reader.read(&mut piece).unwrap() {
            let place = message.payload.as_ptr();
            shared.push(ranges.iter().any(|range| range.contains(&place)));
        }
    }
    drop(kept);
    shared
}

#[test]
fn a_message_cut_in_two_stays_in_place_where_the_next_input_follows_in_memory() {
    let mut wire = Wire::default();
    for time in [1, 2] {
        wire = wire.type0(6, time, 1000, VIDEO, 1).fill(7, 128);
        for left in [128, 128, 128, 128, 128, 128, 104] {
            wire = wire.type3(6).fill(7, left);
        }
    }
    let shared = |step, how, wire: &Wire| shared(wire, step, how, Limits::default());
    for step in [1, 100, 500, 1018, 1019, 1020] {
        assert_eq!(shared(step, Pieces::Together, &wire), [true, true], "{step}");
    }
    assert_eq!(shared(700, Pieces::Apart, &wire), [false, false]);
    // The second one is cut by the end of a pair.
    assert_eq!(shared(900, Pieces::InPairs, &wire), [true, false]);
    // Something comes between the chunks of the first one.
    let wire = Wire::default().type0(6, 40, 300, VIDEO, 1).fill(7, 128);
    let wire = wire.type0(4, 41, 128, AUDIO, 1).fill(9, 128).type3(6).fill(7, 128);
    let wire = wire.type3(6).fill(7, 44);
    assert_eq!(shared(100, Pieces::Together, &wire), [true, false]);
}

#[test]
fn what_a_message_in_place_pins_are_all_the_inputs_it_lies_in() {
    let mut limits = Limits::default();
    limits.pin = 2;
    let shared = |wire: &Wire| shared(wire, 200, Pieces::Together, limits.clone());
    // Of 400 bytes in two inputs; of 200 when it began.
    let wire = Wire::default().type0(4, 0, 50, AUDIO, 1).fill(7, 50);
    let wire = wire.type0(6, 0, 128, VIDEO, 1).fill(7, 128).type0(6, 0, 110, VIDEO, 1).fill(7, 110);
    assert_eq!(shared(&wire), [false, false, true]);
}

#[test]
fn a_buffer_read_into_again_and_again_keeps_its_room() {
    let mut wire = Wire::default().chunk_size(500);
    for time in 0..100 {
        wire = wire.type0(6, time, 1000, VIDEO, 1).fill(7, 500).type3(6).fill(7, 500);
    }
    let mut reader = Reader::new(Limits::default());
    let mut buffer = BytesMut::with_capacity(wire.0.len());
    let block = buffer.as_ptr();
    let mut messages = 0;
    for piece in wire.0.chunks(300) {
        buffer.extend_from_slice(piece);
        while let Some(message) = reader.read(&mut buffer).unwrap() {
            if message.message_type == MessageType::VIDEO {
                let place = message.payload.as_ptr();
                assert!(place >= block && place < block.wrapping_add(wire.0.len()));
                messages += 1;
            }
        }
    }
    assert_eq!(messages, 100);
}
