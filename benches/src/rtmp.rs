//! Reading RTMP chunk streams into messages.
//!
//! Every contender gets the same bytes in pieces of 64 KiB, as a socket delivers them, each piece
//! in the form its own documentation reads from; making that form is not measured. What it costs
//! to hand over a piece is: a library that copies what it is fed is measured with that copy, since
//! its users cannot avoid it.

mod airloom;
mod librtmp2;
mod play;
mod rml_rtmp;
mod rtmp_rs;
mod rtmp_runtime;
mod scuffle;
mod session;

use std::collections::VecDeque;
use std::hint::black_box;

use bytes::{Bytes, BytesMut};

use crate::Failure;
use crate::input::{ChunkWriter, Input, set_chunk_size};
use crate::measure::{Contender, Tally};
use crate::{Heat, named};

/// Bytes a read delivers at most.
const PIECE: usize = 64 * 1024;

/// The stream as chunks of one size.
#[derive(Debug)]
pub struct Wire {
    pub chunk_size: usize,
    /// Set Chunk Size, and after it every tag as a message.
    pub bytes: Bytes,
    /// Length of the first message, after which the chunk size holds.
    pub preamble: usize,
    /// Length of every message after it.
    pub lengths: Vec<usize>,
    /// What a reader must deliver: media and data messages, with their bodies.
    pub expected: Tally,
    /// [`digest`] of them.
    pub digest: u64,
}

impl Wire {
    pub fn new(input: &Input, chunk_size: usize) -> Self {
        let control = set_chunk_size(chunk_size);
        let mut bytes = BytesMut::with_capacity(input.file.len() + input.file.len() / 64);
        bytes.extend_from_slice(&control);
        let mut writer = ChunkWriter::new(chunk_size);
        let mut expected = Tally::default();
        let mut digest = Digest::default();
        for tag in &input.tags {
            writer.write(tag, &mut bytes);
            expected.add(tag.body.len());
            digest.message(tag.kind.id(), tag.timestamp, tag.body.clone().into());
        }
        Self {
            chunk_size,
            bytes: bytes.freeze(),
            preamble: control.len(),
            lengths: input.tags.iter().map(|tag| tag.body.len()).collect(),
            expected,
            digest: digest.0,
        }
    }

    /// The bytes as borrowed pieces, the first one holding Set Chunk Size alone.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (preamble, rest) = self.bytes.split_at(self.preamble);
        std::iter::once(preamble).chain(rest.chunks(PIECE))
    }

    /// The same pieces, owned and lying next to each other in one fresh buffer: `unsplit` gives
    /// them to a `BytesMut` without a copy, as `read_buf` would.
    pub fn buffers(&self) -> Buffers {
        self.blocks(self.bytes.len())
    }

    /// The same, in buffers of `size`, each filled to its end.
    pub fn blocks(&self, size: usize) -> Buffers {
        let (preamble, rest) = self.bytes.split_at(self.preamble);
        let (mut pieces, mut keep) = (vec![BytesMut::from(preamble)], Vec::new());
        for block in rest.chunks(size) {
            let mut block = BytesMut::from(block);
            keep.push(block.split_off(block.len()));
            while !block.is_empty() {
                pieces.push(block.split_to(PIECE.min(block.len())));
            }
        }
        Buffers { pieces, _keep: keep }
    }
}

/// Owned pieces of buffers.
#[derive(Debug)]
pub struct Buffers {
    pub pieces: Vec<BytesMut>,
    /// Holds the buffers, so that no reader pays for unmapping them.
    _keep: Vec<BytesMut>,
}

/// A message's body, as its reader gives it away.
#[derive(Debug)]
pub enum Body {
    Shared(Bytes),
    Owned(Vec<u8>),
}

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

/// Takes what a reader delivers.
pub trait Receiver {
    fn message(&mut self, type_id: u8, timestamp: u32, body: Body);
}

/// Drops each message as it comes.
impl Receiver for Tally {
    fn message(&mut self, type_id: u8, timestamp: u32, body: Body) {
        self.add(black_box(body).len());
        black_box((type_id, timestamp));
    }
}

/// Keeps the last messages, so that a reader cannot have its buffer back at once.
#[derive(Debug, Default)]
struct Keeper {
    tally: Tally,
    kept: VecDeque<Body>,
    bytes: usize,
}

/// What a packager holds at the least: a segment of 2 s at 6 Mbit/s.
const KEPT: usize = 1_500_000;

impl Receiver for Keeper {
    fn message(&mut self, _: u8, _: u32, body: Body) {
        self.tally.add(body.len());
        self.bytes += body.len();
        self.kept.push_back(body);
        while self.bytes > KEPT {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }
}

/// Reads every byte and timestamp delivered: for the pass that checks, which is not timed.
#[derive(Debug, Default)]
struct Digest(u64);

impl Receiver for Digest {
    fn message(&mut self, type_id: u8, timestamp: u32, body: Body) {
        // FNV-1a over words: it has to tell streams apart, not to resist anyone.
        let mut hash = self.0 ^ 0xCBF2_9CE4_8422_2325;
        let mut eat = |word: u64| hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        eat(u64::from(type_id) << 32 | u64::from(timestamp));
        let (words, rest) = body.as_chunks::<8>();
        for word in words {
            eat(u64::from_le_bytes(*word));
        }
        for byte in rest {
            eat(u64::from(*byte));
        }
        self.0 = hash;
    }
}

/// A reader of chunk streams: what it reads from, and how.
struct Reader<S> {
    name: &'static str,
    /// Makes its input; not measured.
    setup: fn(&Wire) -> S,
    read: fn(&Wire, &mut S, &mut dyn Receiver) -> Result<(), Failure>,
}

/// What `read` delivers, to someone who drops it or to someone who keeps it for a while.
fn received(
    keep: bool,
    read: impl FnOnce(&mut dyn Receiver) -> Result<(), Failure>,
) -> Result<Tally, Failure> {
    if keep {
        let mut keeper = Keeper::default();
        read(&mut keeper)?;
        Ok(keeper.tally)
    } else {
        let mut tally = Tally::default();
        read(&mut tally)?;
        Ok(tally)
    }
}

/// Puts a reader among the contenders; its check is that it delivers every message with its bytes
/// and its timestamp.
fn enter<'a, S: 'a>(
    contenders: &mut Vec<Contender<'a>>,
    wire: &'a Wire,
    (keep, times): (bool, u64),
    reader: &Reader<S>,
) {
    let &Reader { name, setup, read } = reader;
    let mut contender = Contender::again_and_again(
        name,
        times,
        move || setup(wire),
        move |state| {
            let tally = received(keep, |receiver| read(wire, state, receiver))?;
            if tally == wire.expected { Ok(tally) } else { Err("loses messages".into()) }
        },
    );
    contender.check = Box::new(move || {
        let mut digest = Digest::default();
        read(wire, &mut setup(wire), &mut digest)?;
        if digest.0 == wire.digest {
            Ok("every byte and time".to_owned())
        } else {
            Err("delivers other messages than were sent".into())
        }
    });
    contenders.push(contender);
}

/// What any reader has to do that gives whole messages away: a buffer a message, and into it one
/// copy a chunk. Where the chunks lie is known here, not read.
fn floor(wire: &Wire, receiver: &mut dyn Receiver) {
    let mut at = wire.preamble;
    for length in &wire.lengths {
        let mut message = Vec::with_capacity(*length);
        // The basic header and most often a type 1 header.
        at += 8;
        while message.len() < *length {
            let chunk = wire.chunk_size.min(length - message.len());
            message.extend_from_slice(&wire.bytes[at..at + chunk]);
            at += chunk + 1;
        }
        at -= 1;
        receiver.message(0, 0, message.into());
    }
}

/// Everyone who reads chunk streams, memcpy first; they read it so many times a pass.
fn contenders(wire: &Wire, keep: bool, times: u64) -> Vec<Contender<'_>> {
    let mut copy = vec![1; wire.bytes.len()];
    let mut contenders = vec![
        Contender::again_and_again(
            "memcpy",
            times,
            || (),
            move |()| {
                copy.copy_from_slice(black_box(&wire.bytes));
                Ok(Tally { items: 1, bytes: black_box(&copy).len() as u64 })
            },
        ),
        Contender::again_and_again(
            "floor: one copy of each chunk, nothing read",
            times,
            || (),
            move |()| {
                received(keep, |receiver| {
                    floor(wire, receiver);
                    Ok(())
                })
            },
        ),
    ];
    let keep = (keep, times);
    enter(&mut contenders, wire, keep, &airloom::READER);
    enter(&mut contenders, wire, keep, &airloom::IN_BLOCKS);
    enter(&mut contenders, wire, keep, &airloom::APART);
    enter(&mut contenders, wire, keep, &rml_rtmp::READER);
    enter(&mut contenders, wire, keep, &scuffle::READER);
    enter(&mut contenders, wire, keep, &librtmp2::READER);
    enter(&mut contenders, wire, keep, &rtmp_rs::READER);
    enter(&mut contenders, wire, keep, &rtmp_runtime::READER);
    contenders
}

/// What is read, and what becomes of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The whole stream, which no cache holds; messages are dropped.
    Memory,
    /// The same, messages kept.
    Kept,
    /// Its beginning, as a socket has just delivered it; messages are dropped.
    Received,
}

impl Form {
    /// What the key ends in, what the title ends in, and the method.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Memory => ("", "", DROPPING),
            Self::Kept => ("/kept", ", messages kept", KEEPING),
            Self::Received => ("/received", ", bytes just received", RECEIVING),
        }
    }
}

/// Bytes of the stream that stay in the cache, and how often a pass goes over them.
const PART: usize = 3 << 20;
const TIMES: u64 = 16;

/// Heats for each chunk size, and one of whole sessions.
pub fn heats(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    for (chunk_size, form) in [
        (128, Form::Memory),
        (128, Form::Received),
        (4096, Form::Memory),
        (4096, Form::Kept),
        (4096, Form::Received),
        (60_000, Form::Memory),
    ] {
        let (suffix, how, method) = form.words();
        let key = format!("rtmp/{chunk_size}{suffix}");
        if !named(word, &key) {
            continue;
        }
        let (wire, times) = if form == Form::Received {
            match input.beginning(PART, None) {
                Ok(part) => (Wire::new(&part, chunk_size), TIMES),
                Err(error) => {
                    eprintln!("{key}: {error}");
                    continue;
                }
            }
        } else {
            (Wire::new(input, chunk_size), 1)
        };
        run(Heat {
            title: format!("RTMP, chunks of {chunk_size} B: bytes to messages{how}"),
            key,
            method,
            bytes: wire.bytes.len() as u64 * times,
            items: wire.expected.items * times,
            item: "message",
            contenders: contenders(&wire, form == Form::Kept, times),
        });
    }
    session::heat(word, input, run);
    play::heats(word, input, run);
}

const DROPPING: &str = "Fed in pieces of 64 KiB that are in memory already; messages are dropped \
                        as they come, so a reader may use the same memory again and again.";

const RECEIVING: &str = "The first 3 MB of the stream, 16 times a pass, each time written anew before \
                         the clock runs: the bytes lie in the cache, as those do that a socket has \
                         just delivered. Messages are dropped as they come.";

const KEEPING: &str = "The same, but the last 1.5 MB of messages are kept, as a packager keeps the \
                       segment it is in.";
