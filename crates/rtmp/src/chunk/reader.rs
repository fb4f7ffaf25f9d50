use bytes::{Buf, Bytes, BytesMut};

use super::header::{Basic, LONGEST, MESSAGE_HEADER};
use super::in_place::{Cut, InPlace, Reached};
use super::streams::{Stream, Streams};
use super::{EXTENDED, INITIAL_SIZE};
use crate::{Error, Limits, Message, MessageType};

/// Puts messages together from chunks that are split anywhere.
///
/// Set Chunk Size and Abort take effect here and are handed on like any other message.
///
/// A message that lies in the input whole is a slice of it, under the condition that
/// [`Limits::pin`] states: where it comes in several chunks, they are moved together over the
/// headers between them. So is one that begins in one input and ends in another, where these lie
/// next to each other in one allocation, as pieces split off one buffer do. Any other is copied
/// once, into a buffer that grows with what arrives.
///
/// All chunk streams together hold at most the bytes received of unfinished messages and one eighth
/// on top, and [`Limits::reserve`]. An input that ends inside of a message may be kept, and the
/// allocation behind it, until the next one comes.
///
/// Quirks of the field that are understood: type 3 chunks without the extended timestamp that their
/// header had (5.3.1.3 wants it; for each chunk the four bytes are looked at, and once they differ
/// the chunk stream is known to omit it), and a chunk stream that begins with type 1 (librtmp).
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    chunk_size: usize,
    streams: Streams,
    /// A header cut short by the end of an input.
    carry: [u8; LONGEST],
    carried: usize,
    /// Where the chunk under way belongs, and what is missing of it.
    slot: usize,
    left: usize,
    /// The message under way, where it is put together in the input itself.
    in_place: Option<InPlace>,
    /// The same between two inputs.
    cut: Option<Cut>,
    /// Length of the input as it was given first; 0 between inputs.
    given: usize,
    /// The same, and of those before it that the message under way lies in: what a slice may pin.
    whole: usize,
    /// Bytes of unfinished messages, and bytes allocated for them.
    partial: usize,
    allocated: usize,
    offset: u64,
}

/// A chunk header, read and not yet acted upon.
struct Header {
    basic: Basic,
    /// Of all of it.
    len: usize,
    timestamp: u32,
    extended: bool,
    length: usize,
    message_type: u8,
    message_stream: u32,
    /// The extended timestamp was expected and not there.
    omitted: bool,
}

impl Reader {
    /// A reader at the start of the chunk stream, after the handshake.
    pub fn new(limits: Limits) -> Self {
        Self {
            chunk_size: INITIAL_SIZE as usize,
            streams: Streams::new(limits.chunk_streams),
            limits,
            carry: [0; LONGEST],
            carried: 0,
            slot: 0,
            left: 0,
            in_place: None,
            cut: None,
            given: 0,
            whole: 0,
            partial: 0,
            allocated: 0,
            offset: 0,
        }
    }

    /// Takes bytes from the front of `input` up to the end of the next message; `None` when all
    /// was taken and no message is complete.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a chunk that continues a chunk stream which never began, a bad Set
    /// Chunk Size or Abort; [`Error::Limit`] past [`Limits::message`], [`Limits::partial_bytes`],
    /// [`Limits::chunk_size`] or [`Limits::chunk_streams`]. Nothing can be read after an error.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Error> {
        if self.given == 0 && !input.is_empty() {
            self.take_up(input);
        }
        let message = self.next(input)?;
        if input.is_empty() {
            self.given = 0;
        }
        Ok(message)
    }

    /// Begins with an input: goes on in place with a message that the last one cut in two, or
    /// copies what there is of it.
    fn take_up(&mut self, input: &mut BytesMut) {
        self.given = input.len();
        self.whole = input.len();
        let Some(cut) = self.cut.take() else { return };
        let whole = cut.whole;
        match cut.join(input) {
            Ok(in_place) => {
                self.in_place = Some(in_place);
                self.whole += whole;
            }
            Err(cut) => {
                self.left = cut.at.left;
                self.keep(cut.payload(), self.left.min(input.len()));
            }
        }
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Error> {
        while !input.is_empty() {
            if let Some(in_place) = self.in_place.take() {
                if let Some(message) = self.gather(in_place, input)? {
                    return Ok(Some(message));
                }
            } else if self.left > 0 {
                if let Some(message) = self.payload(input)? {
                    return Ok(Some(message));
                }
            } else if self.header(input)? == Some(true) {
                // A message without payload is complete with its header.
                return self.complete(Bytes::new()).map(Some);
            }
        }
        Ok(None)
    }

    /// Bytes allocated for unfinished messages, and those of an input that is kept.
    pub fn held_bytes(&self) -> usize {
        self.allocated + self.cut.as_ref().map_or(0, Cut::len)
    }

    /// Bytes read since the start.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The size of the chunks that the peer sends now.
    pub const fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    fn advance(&mut self, input: &mut BytesMut, bytes: usize) {
        input.advance(bytes);
        self.offset += bytes as u64;
    }

    /// Reads a header, maybe from pieces; `None` where more is needed, else whether the message is
    /// one without payload.
    fn header(&mut self, input: &mut BytesMut) -> Result<Option<bool>, Error> {
        if self.carried == 0 {
            if let Some(header) = self.decode(input)? {
                self.advance(input, header.len);
                return self.begin(&header).map(Some);
            }
            self.carried = input.len();
            if let Some(carry) = self.carry.get_mut(..input.len()) {
                carry.copy_from_slice(input);
            }
            self.advance(input, input.len());
            return Ok(None);
        }
        let before = self.carried;
        let take = input.len().min(LONGEST - before);
        let mut carry = self.carry;
        if let (Some(to), Some(from)) = (carry.get_mut(before..before + take), input.get(..take)) {
            to.copy_from_slice(from);
        }
        let whole = carry.get(..before + take).unwrap_or_default();
        let Some(header) = self.decode(whole)? else {
            self.carry = carry;
            self.carried = before + take;
            self.advance(input, take);
            return Ok(None);
        };
        self.carried = 0;
        // Where the extended timestamp is found to be omitted, the header can end inside what was
        // carried: those bytes are payload.
        let begun = if header.len >= before {
            self.advance(input, header.len - before);
            self.begin(&header)?
        } else {
            let begun = self.begin(&header)?;
            let payload = carry.get(header.len..before).unwrap_or_default();
            // At most three bytes, and at most once a chunk stream.
            self.offset -= payload.len() as u64;
            *input = BytesMut::from(&[payload, input].concat()[..]);
            begun
        };
        Ok(Some(begun))
    }

    /// Reads a chunk header at the front of `bytes`, or `None` where it is cut short.
    fn decode(&self, bytes: &[u8]) -> Result<Option<Header>, Error> {
        let Some(basic) = Basic::decode(bytes) else { return Ok(None) };
        let stream = self.streams.find(basic.chunk_stream).and_then(|slot| self.streams.get(slot));
        let rest = bytes.get(basic.len..).unwrap_or_default();
        let known = MESSAGE_HEADER.get(usize::from(basic.format)).copied().unwrap_or(0);
        let Some(fields) = rest.get(..known) else { return Ok(None) };
        let mut header = match (stream, basic.format) {
            (Some(stream), _) => Header {
                basic,
                len: basic.len + known,
                timestamp: stream.delta,
                extended: false,
                length: stream.length,
                message_type: stream.message_type,
                message_stream: stream.message_stream_id,
                omitted: false,
            },
            (None, 0 | 1) => Header {
                basic,
                len: basic.len + known,
                timestamp: 0,
                extended: false,
                length: 0,
                message_type: 0,
                message_stream: 0,
                omitted: false,
            },
            (None, _) => {
                let offset = self.offset - self.carried as u64;
                return Err(Error::Malformed { field: "fmt", offset, value: basic.format.into() });
            }
        };
        if let &[a, b, c, ..] = fields {
            header.timestamp = u32::from_be_bytes([0, a, b, c]);
            header.extended = header.timestamp == EXTENDED;
        }
        if let &[_, _, _, a, b, c, message_type, ..] = fields {
            header.length = u32::from_be_bytes([0, a, b, c]) as usize;
            header.message_type = message_type;
        }
        if let &[_, _, _, _, _, _, _, a, b, c, d] = fields {
            header.message_stream = u32::from_le_bytes([a, b, c, d]);
        }
        let after = rest.get(known..).unwrap_or_default();
        if header.extended {
            let Some(&field) = after.first_chunk::<4>() else { return Ok(None) };
            header.timestamp = u32::from_be_bytes(field);
            header.len += 4;
        } else if let (3, Some(stream)) = (basic.format, stream) {
            return Ok(continuation(header, stream, after));
        }
        Ok(Some(header))
    }

    /// Acts upon a header; answers whether the message has no payload.
    fn begin(&mut self, header: &Header) -> Result<bool, Error> {
        let slot = match self.streams.find(header.basic.chunk_stream) {
            Some(slot) => slot,
            None => self.streams.open(header.basic.chunk_stream)?,
        };
        self.slot = slot;
        let Some(stream) = self.streams.get_mut(slot) else { return Ok(false) };
        if header.omitted {
            stream.omits_extended = true;
        }
        if header.basic.format == 3 && stream.partial {
            self.left = self.chunk_size.min(stream.length - stream.payload.len());
            return Ok(false);
        }
        Error::check_limit("message", header.length, self.limits.message)?;
        // A message begins. One that was under way is given up: its sender began anew.
        if !stream.payload.is_empty() {
            self.take_payload(slot);
        }
        let Some(stream) = self.streams.get_mut(slot) else { return Ok(false) };
        stream.partial = true;
        stream.length = header.length;
        stream.message_type = header.message_type;
        stream.message_stream_id = header.message_stream;
        if header.basic.format != 3 {
            stream.delta = header.timestamp;
            stream.extended = header.extended.then_some(header.timestamp);
        }
        stream.timestamp = if header.basic.format == 0 {
            header.timestamp
        } else {
            stream.timestamp.wrapping_add(stream.delta)
        };
        self.left = self.chunk_size.min(stream.length);
        Ok(stream.length == 0)
    }

    /// Reads payload of the chunk under way, and of the chunks that follow as long as they continue
    /// the same message in the plainest way; answers the message if that completes it.
    fn payload(&mut self, input: &mut BytesMut) -> Result<Option<Message>, Error> {
        let Some(stream) = self.streams.get_mut(self.slot) else { return Ok(None) };
        let begins = stream.payload.is_empty() && self.left == stream.length.min(self.chunk_size);
        if begins && may_pin(stream, &self.limits, self.whole) {
            let goes_on = self.left < stream.length;
            if !goes_on || stream.is_plain() {
                return self.gather(InPlace::new(self.left), input);
            }
        } else if self.left == stream.length && self.left <= input.len() {
            let payload = Bytes::copy_from_slice(&input.split_to(self.left));
            self.offset += payload.len() as u64;
            self.left = 0;
            return self.complete(payload).map(Some);
        }
        if stream.payload.capacity() == stream.payload.len() {
            self.keep(&[], self.left.min(input.len()));
        }
        let Some(stream) = self.streams.get_mut(self.slot) else { return Ok(None) };
        let before = stream.payload.len();
        let (read, left) = append(stream, input, self.left, self.chunk_size);
        self.left = left;
        self.partial += stream.payload.len() - before;
        let complete = stream.payload.len() == stream.length;
        self.advance(input, read);
        self.check_partial(0)?;
        if !complete {
            return Ok(None);
        }
        let payload = self.take_payload(self.slot);
        self.complete(payload.freeze()).map(Some)
    }

    /// Goes on with the message whose payload begins at the front of `input`, all that came of it;
    /// answers it if that completes it.
    fn gather(
        &mut self,
        mut in_place: InPlace,
        input: &mut BytesMut,
    ) -> Result<Option<Message>, Error> {
        let Some(stream) = self.streams.get_mut(self.slot) else { return Ok(None) };
        let before = in_place.read;
        let mark = stream.is_plain().then_some(0xC0 | stream.id as u8);
        let reached = in_place.gather(input, stream.length, self.chunk_size, mark);
        self.offset += (in_place.read - before) as u64;
        match reached {
            Reached::Whole => {
                let payload = input.split_to(in_place.payload);
                let pinned = may_pin(stream, &self.limits, self.whole);
                let payload =
                    if pinned { payload.freeze() } else { Bytes::copy_from_slice(&payload) };
                input.advance(in_place.read - in_place.payload);
                self.left = 0;
                self.whole = self.given;
                self.complete(payload).map(Some)
            }
            Reached::End => {
                self.check_partial(in_place.payload)?;
                self.cut = Some(Cut::new(input, in_place, self.whole));
                Ok(None)
            }
            Reached::Header => {
                let payload = input.split_to(in_place.payload);
                input.advance(in_place.read - in_place.payload);
                self.left = 0;
                self.whole = self.given;
                self.keep(&payload, 0);
                self.check_partial(0)?;
                Ok(None)
            }
        }
    }

    /// Moves the message under way to a buffer with room for `coming` bytes more at least, and adds
    /// `bytes` to it.
    fn keep(&mut self, bytes: &[u8], coming: usize) {
        let Some(stream) = self.streams.get_mut(self.slot) else { return };
        let filled = stream.payload.len() + bytes.len();
        let free = self.limits.reserve.saturating_sub(self.allocated - self.partial);
        let grown = (filled + coming).max(filled + filled / 8).max(filled + free);
        let mut payload = BytesMut::with_capacity(grown.min(stream.length));
        payload.extend_from_slice(&stream.payload);
        payload.extend_from_slice(bytes);
        self.partial += bytes.len();
        self.allocated = self.allocated - stream.payload.capacity() + payload.capacity();
        stream.payload = payload;
    }

    /// Whether more is partial than may be, with `more` in the input.
    fn check_partial(&self, more: usize) -> Result<(), Error> {
        Error::check_limit("partial_bytes", self.partial + more, self.limits.partial_bytes)
    }

    /// Takes what there is of the message under way.
    fn take_payload(&mut self, slot: usize) -> BytesMut {
        let Some(stream) = self.streams.get_mut(slot) else { return BytesMut::new() };
        let payload = std::mem::take(&mut stream.payload);
        self.partial -= payload.len();
        self.allocated -= payload.capacity();
        payload
    }

    /// Ends the message under way, which is whole in `payload`.
    fn complete(&mut self, payload: Bytes) -> Result<Message, Error> {
        let Some(stream) = self.streams.get_mut(self.slot) else { return Err(Error::Closed) };
        stream.partial = false;
        let message = Message {
            chunk_stream: stream.id,
            timestamp: stream.timestamp,
            message_type: MessageType(stream.message_type),
            message_stream: stream.message_stream_id,
            payload,
        };
        match message.message_type {
            MessageType::SET_CHUNK_SIZE => self.set_chunk_size(&message.payload)?,
            MessageType::ABORT => self.abort(&message.payload)?,
            _ => {}
        }
        Ok(message)
    }

    fn control(&self, payload: &[u8], field: &'static str) -> Result<u32, Error> {
        payload
            .first_chunk()
            .map(|bytes| u32::from_be_bytes(*bytes))
            .ok_or(Error::Truncated { field, offset: self.offset - payload.len() as u64 })
    }

    /// 5.4.1: 31 bits, at least 1.
    fn set_chunk_size(&mut self, payload: &[u8]) -> Result<(), Error> {
        let size = self.control(payload, "chunk size")?;
        if size == 0 || size > 0x7FFF_FFFF {
            return Err(Error::Malformed {
                field: "chunk size",
                offset: self.offset - payload.len() as u64,
                value: size.into(),
            });
        }
        Error::check_limit("chunk_size", size as usize, self.limits.chunk_size as usize)?;
        self.chunk_size = size as usize;
        Ok(())
    }

    /// 5.4.2: what arrived of a message is thrown away.
    fn abort(&mut self, payload: &[u8]) -> Result<(), Error> {
        let id = self.control(payload, "chunk stream id")?;
        let Some(slot) = self.streams.find(id) else { return Ok(()) };
        if let Some(stream) = self.streams.get_mut(slot) {
            stream.partial = false;
        }
        self.take_payload(slot);
        Ok(())
    }
}

/// Whether the message under way may be a slice of an input of `whole` bytes. Sound and pictures
/// may as the limit says; other messages may be kept for ever.
fn may_pin(stream: &Stream, limits: &Limits, whole: usize) -> bool {
    let kind = MessageType(stream.message_type);
    let media = kind == MessageType::AUDIO || kind == MessageType::VIDEO;
    let pin = if media { limits.pin } else { limits.pin.min(1) };
    stream.length.saturating_mul(pin) >= whole
}

/// A type 3 header: decides whether the extended timestamp of the chunk stream is repeated in it.
/// `None` where more bytes are needed to tell.
fn continuation(mut header: Header, stream: &Stream, after: &[u8]) -> Option<Header> {
    let Some(expected) = stream.extended.filter(|_| !stream.omits_extended) else {
        return Some(header);
    };
    // At the start of a message some repeat the field, which may be a delta, and some write the
    // timestamp that comes out.
    let begins = stream.timestamp.wrapping_add(stream.delta);
    let absolute = if stream.partial { stream.timestamp } else { begins };
    let bytes = after.get(..after.len().min(4)).unwrap_or_default();
    let matches = |value: u32| value.to_be_bytes().starts_with(bytes);
    if !matches(expected) && !matches(absolute) {
        header.omitted = true;
        return Some(header);
    }
    if bytes.len() < 4 {
        return None;
    }
    header.len += 4;
    Some(header)
}

/// Appends payload to the message under way: what is `left` of this chunk, and whole type 3 chunks
/// after it while there is room. Answers the bytes read, and what is left of the last chunk.
fn append(stream: &mut Stream, input: &[u8], left: usize, chunk_size: usize) -> (usize, usize) {
    let room = stream.payload.capacity();
    let first = left.min(input.len()).min(room - stream.payload.len());
    let Some((bytes, mut rest)) = input.split_at_checked(first) else { return (0, left) };
    stream.payload.extend_from_slice(bytes);
    if first < left || !stream.is_plain() {
        return (first, left - first);
    }
    let expected = 0xC0 | stream.id as u8;
    let end = stream.length.min(room);
    // The usual size is its own loop, since copies of a known length need no call.
    if chunk_size == 128 {
        while let Some((&[mark], after)) = rest.split_first_chunk::<1>()
            && mark == expected
            && end - stream.payload.len() >= 128
            && let Some((chunk, after)) = after.split_first_chunk::<128>()
        {
            stream.payload.extend_from_slice(chunk);
            rest = after;
        }
    }
    while let Some((&mark, after)) = rest.split_first()
        && mark == expected
    {
        let missing = (stream.length - stream.payload.len()).min(chunk_size);
        if missing == 0 || missing > end - stream.payload.len() {
            break;
        }
        let Some((chunk, after)) = after.split_at_checked(missing) else { break };
        stream.payload.extend_from_slice(chunk);
        rest = after;
    }
    (input.len() - rest.len(), 0)
}
