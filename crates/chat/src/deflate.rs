//! Batches compressed once for everybody. Feature `deflate`.
//!
//! What is made here are pieces of raw deflate (RFC 1951) that end at a byte boundary and can be
//! put one behind the other for as long as a reader stays:
//!
//! - behind [`GZIP`] they are a body of `Content-Encoding: gzip` that does not end, which is how
//!   server-sent events are compressed;
//! - each as a [`message`], they are those of a WebSocket with `permessage-deflate` (RFC 7692),
//!   where the server's context is taken over; where it is not, only [`Deflated::alone`] will do.
//!
//! Each batch comes in two forms. One stands alone and is good for anybody at any time. The other
//! refers to the batch before it, and only to that one, so it is good for all whose last piece that
//! was: nearly everybody, at every tick. A [`Window`] of 16 bytes a reader knows which. At 20 entries
//! a second, two a batch, the first form is about half of what is said and the second a quarter.
//!
//! Everything in a batch is said to everybody, so there is no secret in it whose length would be
//! worth guessing by what others write next to it.
//!
//! ```
//! # use std::time::Duration;
//! # use airloom_chat::{Anchor, Author, Config, Epoch, Input, Output, Room, Submission};
//! # use airloom_chat::moderation::Policies;
//! use airloom_chat::deflate::{Deflater, Window};
//!
//! # let (now, config) = (Duration::ZERO, Config::default());
//! # let mut room = Room::new(now, config, Policies::default(), Epoch::new(1), Anchor::default());
//! # let message = Submission::message(Author::new("ann".parse()?), "hello");
//! # room.handle_input(now, Input::Submit(message)).unwrap();
//! # room.handle_timeout(now);
//! # let Some(Output::Batch(batch)) = room.poll_output() else { panic!() };
//! let mut deflater = Deflater::default();
//! let mut last = None;
//! let mut window = Window::default();
//! let deflated = deflater.deflate(last.as_ref(), &batch);
//! let piece = window.next(&deflated);
//! assert!(piece.len() < batch.events().len());
//! last = Some(deflated);
//! # drop(last);
//! # Ok::<(), airloom_chat::Error>(())
//! ```

use std::fmt;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use crate::Batch;

/// How a gzip body begins (RFC 1952, 2.3): no name, no time.
pub const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// What ends a piece, and a message leaves out (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compresses; one for any number of rooms.
///
/// Holds some 300 KB.
pub struct Deflater {
    stream: Compress,
    number: u64,
}

/// A batch, compressed.
#[derive(Debug, Clone)]
pub struct Deflated {
    number: u64,
    batch: Batch,
    alone: Bytes,
    /// After which it is good, and what is.
    after: Option<(u64, Bytes)>,
}

/// What a reader's decompressor remembers, as far as it matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window(Option<u64>);

impl Default for Deflater {
    /// Level 6: the highest whose time is still in proportion to what it saves.
    fn default() -> Self {
        Self { stream: Compress::new(Compression::new(6), false), number: 0 }
    }
}

impl Deflater {
    /// Compresses a batch that says something; `last` is the one before it in the same room, where
    /// that was compressed too.
    pub fn deflate(&mut self, last: Option<&Deflated>, batch: &Batch) -> Deflated {
        self.number += 1;
        let after = last.map(|last| {
            self.stream.reset();
            let mut out = Vec::new();
            self.push(last.batch.events(), &mut out);
            out.clear();
            self.push(batch.events(), &mut out);
            (last.number, Bytes::from(out))
        });
        let alone = self.alone(batch.events());
        Deflated { number: self.number, batch: batch.clone(), alone, after }
    }

    /// Compresses what only one reader is given, or a few. Tell their [`Window`]s.
    pub fn alone(&mut self, events: &[u8]) -> Bytes {
        self.stream.reset();
        let mut out = Vec::new();
        self.push(events, &mut out);
        out.into()
    }

    fn push(&mut self, mut rest: &[u8], out: &mut Vec<u8>) {
        loop {
            // Deflate never makes more of it than this, so once is mostly enough.
            out.reserve(rest.len() + rest.len() / 1024 + 64);
            let before = self.stream.total_in();
            // The stream is in order and there is room: what it could complain of is neither.
            let _ = self.stream.compress_vec(rest, out, FlushCompress::Sync);
            let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() && out.len() < out.capacity() {
                return;
            }
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Deflated {
    /// The form that is good for anybody.
    pub fn alone(&self) -> &Bytes {
        &self.alone
    }

    /// What was compressed.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }
}

impl Window {
    /// The piece to give the reader next, the shorter of those that are good for it.
    pub fn next<'a>(&mut self, deflated: &'a Deflated) -> &'a Bytes {
        let last = self.0.replace(deflated.number);
        match &deflated.after {
            Some((after, piece)) if last == Some(*after) => piece,
            _ => &deflated.alone,
        }
    }

    /// The reader was given something that was not for everybody.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

/// A piece as the payload of a compressed WebSocket message.
pub fn message(piece: &Bytes) -> Bytes {
    let end = if piece.ends_with(&TAIL) { piece.len() - TAIL.len() } else { piece.len() };
    piece.slice(..end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    use super::*;
    use crate::moderation::Policies;
    use crate::{Anchor, Author, Config, Epoch, Input, Output, Room, Submission};

    /// The other end of the wire.
    struct Inflater(Decompress);

    impl Inflater {
        fn new() -> Self {
            Self(Decompress::new(false))
        }

        fn inflate(&mut self, mut piece: &[u8]) -> Vec<u8> {
            let mut out = Vec::new();
            loop {
                out.reserve(4096);
                let before = self.0.total_in();
                self.0.decompress_vec(piece, &mut out, FlushDecompress::Sync).unwrap();
                piece = &piece[(self.0.total_in() - before) as usize..];
                if piece.is_empty() && out.len() < out.capacity() {
                    return out;
                }
            }
        }
    }

    /// Batches of `texts`, one each.
    fn batches(texts: &[&str]) -> Vec<Batch> {
        let mut now = Duration::ZERO;
        let config = Config { display: None, ..Config::default() };
        let mut room = Room::new(now, config, Policies::none(), Epoch::new(1), Anchor::default());
        let batch = |text: &&str| {
            let message = Submission::message(Author::new("ann".parse().unwrap()), *text);
            room.handle_input(now, Input::Submit(message)).unwrap();
            now += Duration::from_secs(1);
            room.handle_timeout(now);
            let Some(Output::Batch(batch)) = room.poll_output() else { panic!("a tick") };
            batch
        };
        texts.iter().map(batch).collect()
    }

    fn deflated(batches: &[Batch]) -> Vec<Deflated> {
        let mut deflater = Deflater::default();
        let mut all: Vec<Deflated> = Vec::new();
        for batch in batches {
            let next = deflater.deflate(all.last(), batch);
            all.push(next);
        }
        all
    }

    #[test]
    fn who_follows_gets_the_short_form_and_who_joins_or_was_away_the_other() {
        let batches = batches(&["one", "two", "three", "four", "five"]);
        let deflated = deflated(&batches);
        let (mut window, mut inflater) = (Window::default(), Inflater::new());
        let mut long = Vec::new();
        for (index, (deflated, batch)) in deflated.iter().zip(&batches).enumerate() {
            // It was given something of its own before the fourth, and misses the fifth.
            if index == 3 {
                let own = Deflater::default().alone(b"event: gap\n\n");
                assert_eq!(inflater.inflate(&own), b"event: gap\n\n");
                window.forget();
            }
            let piece = window.next(deflated);
            long.push(piece == deflated.alone());
            assert_eq!(inflater.inflate(piece), batch.events()[..]);
        }
        assert_eq!(long, [true, false, false, true, false]);
        assert!(window.next(&deflated[4]) == deflated[4].alone(), "not twice in a row");
        let short = deflated[2].after.as_ref().unwrap().1.len();
        assert!(short * 3 < batches[2].events().len(), "{short}");
        assert!(short * 2 < deflated[2].alone().len());
    }

    #[test]
    fn behind_a_header_it_is_gzip() {
        let batches = batches(&["one", "two"]);
        let mut body = GZIP.to_vec();
        let mut window = Window::default();
        for deflated in &deflated(&batches) {
            body.extend_from_slice(window.next(deflated));
        }
        let mut read = Vec::new();
        // The body of a stream that goes on: what has come so far can be read.
        let mut decoder = flate2::read::GzDecoder::new(&body[..]);
        assert!(std::io::Read::read_to_end(&mut decoder, &mut read).is_err(), "no end");
        assert_eq!(read, [&batches[0].events()[..], &batches[1].events()[..]].concat());
    }

    #[test]
    fn a_message_lacks_the_tail() {
        let batches = batches(&["one"]);
        let deflated = &deflated(&batches)[0];
        let mut payload = message(deflated.alone()).to_vec();
        assert_eq!(payload.len() + 4, deflated.alone().len());
        payload.extend_from_slice(&TAIL);
        assert_eq!(Inflater::new().inflate(&payload), batches[0].events()[..]);
    }

    proptest! {
        #[test]
        fn whatever_is_said_comes_out(
            texts in prop::collection::vec("[a-z\u{1F600}-\u{1F64F} ]{1,400}x", 1..6),
            lost in prop::collection::vec(any::<bool>(), 6),
        ) {
            let texts: Vec<_> = texts.iter().map(String::as_str).collect();
            let batches = batches(&texts);
            let (mut window, mut inflater) = (Window::default(), Inflater::new());
            for ((deflated, batch), lost) in deflated(&batches).iter().zip(&batches).zip(lost) {
                if !lost {
                    prop_assert_eq!(&inflater.inflate(window.next(deflated)), &batch.events()[..]);
                }
            }
        }

        #[test]
        fn any_bytes_of_any_length_come_out(bytes: Vec<u8>, times in 1_usize..2000) {
            let bytes = bytes.repeat(times);
            let piece = Deflater::default().alone(&bytes);
            prop_assert_eq!(Inflater::new().inflate(&piece), bytes);
        }
    }
}
