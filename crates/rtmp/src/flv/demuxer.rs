use airloom_media::Unwrapper;
use bytes::{Buf, Bytes, BytesMut};

use super::{Kind, TAG_HEADER, Tag};
use crate::{Error, Limits};

/// Reads an FLV file from pieces of any size (FLV 10.1, annex E).
///
/// ```
/// use airloom_rtmp::Limits;
/// use airloom_rtmp::flv::{Demuxer, Kind, Muxer, Tag};
///
/// let tag = Tag::new(Kind::Audio, 0, vec![0xAF, 0, 0x11, 0x90].into());
/// let mut file = vec![Muxer::header(true, false)];
/// file.extend(Muxer::tag(&tag)?);
///
/// let mut demuxer = Demuxer::new(Limits::default());
/// let mut tags = Vec::new();
/// for mut piece in file {
///     while let Some(tag) = demuxer.read(&mut piece)? {
///         tags.push(tag);
///     }
/// }
/// assert_eq!(tags, [tag]);
/// # Ok::<(), airloom_rtmp::Error>(())
/// ```
///
/// Timestamps are unwrapped from 32 bits. Script data of both types, 18 and 15 (which may hold AMF3),
/// comes out alike. Tags of unknown types are passed over. A body that lies
/// in one piece is a slice of it where [`Limits::pin`] allows, otherwise a copy.
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    state: State,
    /// Bytes of a header or body cut short by the end of a piece.
    buffer: BytesMut,
    whole: usize,
    clock: Unwrapper,
    flags: u8,
    offset: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    FileHeader,
    /// Bytes to pass over: a longer header, the size of the tag before, a tag of unknown type.
    Skip(usize),
    TagHeader,
    Body {
        kind: Kind,
        timestamp: u32,
        size: usize,
        /// Script data with a byte in front that says how it goes on (Enhanced RTMP v2, "Enabling
        /// AMF3 in FLV").
        selector: bool,
    },
}

const FILE_HEADER: usize = 9;
/// The type of script data that may hold AMF3; the same number is RTMP's message type.
const SCRIPT_AMF3: u8 = 15;

/// Behind every tag stands its size.
const TAG_SIZE: usize = 4;

impl Demuxer {
    /// A demuxer at the start of a file.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::FileHeader,
            buffer: BytesMut::new(),
            whole: 0,
            clock: Unwrapper::new(32),
            flags: 0,
            offset: 0,
        }
    }

    /// Whether the file's header announces sound. Headers are often wrong.
    pub const fn has_audio(&self) -> bool {
        self.flags & 4 != 0
    }

    /// Whether the file's header announces pictures. Headers are often wrong.
    pub const fn has_video(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Takes bytes from the front of `input` up to the end of the next tag; `None` when all was
    /// taken and no tag is complete.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] where the file does not begin as FLV does; [`Error::Unsupported`] for
    /// an encrypted tag; [`Error::Limit`] past [`Limits::message`]. Nothing can be read after an
    /// error.
    #[inline]
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Tag>, Error> {
        if input.is_empty() {
            return Ok(None);
        }
        match self.whole_tag(input) {
            Some(tag) => Ok(Some(tag)),
            None => self.next(input),
        }
    }

    /// A tag that lies in the piece from its header to the size behind it: nearly every tag, read
    /// where it lies. Whatever is unusual about it is left to [`next`](Self::next).
    #[expect(
        clippy::inline_always,
        reason = "moving the tag through memory costs as much as reading it"
    )]
    #[inline(always)]
    fn whole_tag(&mut self, input: &mut Bytes) -> Option<Tag> {
        if !matches!(self.state, State::TagHeader) || !self.buffer.is_empty() {
            return None;
        }
        let piece = if self.whole == 0 { input.len() } else { self.whole };
        let &[flags, s0, s1, s2, t0, t1, t2, t3, _, _, _, first, second] = input.first_chunk()?;
        let kind = kind(flags).filter(|_| flags != SCRIPT_AMF3)?;
        let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
        let end = TAG_HEADER + size + TAG_SIZE;
        let shared = size.saturating_mul(self.limits.pin) >= piece;
        if size > self.limits.message || end > input.len() || !shared {
            return None;
        }
        let last = end == input.len();
        self.whole = if last { 0 } else { piece };
        let mut data = if last { std::mem::take(input) } else { input.split_to(end) };
        data.advance(TAG_HEADER);
        data.truncate(size);
        self.offset += end as u64;
        let timestamp = u32::from_be_bytes([t3, t0, t1, t2]);
        Some(if size >= 2 && is_plain_frame(kind, first, second) {
            Tag::new(kind, self.clock.unwrap(timestamp.into()), data)
        } else {
            Tag::unwrapped(kind, timestamp, data, &mut self.clock)
        })
    }

    fn next(&mut self, input: &mut Bytes) -> Result<Option<Tag>, Error> {
        if self.whole == 0 {
            self.whole = input.len();
        }
        let tag = self.advance(input)?;
        if input.is_empty() {
            self.whole = 0;
        }
        Ok(tag)
    }

    fn advance(&mut self, input: &mut Bytes) -> Result<Option<Tag>, Error> {
        loop {
            match self.state {
                State::FileHeader => {
                    let Some(header) = self.take(FILE_HEADER, input) else { return Ok(None) };
                    self.file_header(&header)?;
                }
                State::Skip(0) => self.state = State::TagHeader,
                State::Skip(left) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let skipped = left.min(input.len());
                    input.advance(skipped);
                    self.offset += skipped as u64;
                    self.state = State::Skip(left - skipped);
                }
                State::TagHeader => {
                    let Some(header) = self.take(TAG_HEADER, input) else { return Ok(None) };
                    if let Some(header) = header.first_chunk() {
                        self.tag_header(header)?;
                    }
                }
                State::Body { kind, timestamp, size, selector } => {
                    let Some(mut data) = self.take(size, input) else { return Ok(None) };
                    if selector && data.first() == Some(&0) {
                        // AMF0, with AMF3 behind markers of its own.
                        data.advance(1);
                    }
                    self.state = State::Skip(TAG_SIZE);
                    let tag = Tag::unwrapped(kind, timestamp, data, &mut self.clock);
                    return Ok(Some(tag));
                }
            }
        }
    }

    /// The next `size` bytes, once they are all here.
    fn take(&mut self, size: usize, input: &mut Bytes) -> Option<Bytes> {
        if self.buffer.is_empty() && size <= input.len() {
            self.offset += size as u64;
            return Some(if size.saturating_mul(self.limits.pin) >= self.whole {
                input.split_to(size)
            } else {
                let copy = Bytes::copy_from_slice(input.get(..size).unwrap_or_default());
                input.advance(size);
                copy
            });
        }
        let missing = (size - self.buffer.len()).min(input.len());
        // Grows with what arrives; the first step is bounded by what may be set aside.
        if self.buffer.is_empty() {
            self.buffer.reserve(size.min(self.limits.reserve).max(missing));
        }
        self.buffer.extend_from_slice(input.get(..missing).unwrap_or_default());
        input.advance(missing);
        self.offset += missing as u64;
        (self.buffer.len() == size).then(|| std::mem::take(&mut self.buffer).freeze())
    }

    fn file_header(&mut self, header: &[u8]) -> Result<(), Error> {
        let &[b'F', b'L', b'V', version, flags, a, b, c, d] = header else {
            let value = header.first().copied().map_or(0, u64::from);
            return Err(Error::Malformed { field: "Signature", offset: 0, value });
        };
        if version != 1 {
            return Err(Error::Malformed { field: "Version", offset: 3, value: version.into() });
        }
        let size = u32::from_be_bytes([a, b, c, d]);
        let extra = (size as usize).checked_sub(FILE_HEADER).ok_or(Error::Malformed {
            field: "DataOffset",
            offset: 5,
            value: size.into(),
        })?;
        self.flags = flags;
        // The header is followed by the size of the tag before the first: four bytes of zero.
        self.state = State::Skip(extra + TAG_SIZE);
        Ok(())
    }

    fn tag_header(&mut self, header: &[u8; TAG_HEADER]) -> Result<(), Error> {
        let &[flags, s0, s1, s2, t0, t1, t2, t3, ..] = header;
        let offset = self.offset - TAG_HEADER as u64;
        if flags & 0x20 != 0 {
            return Err(Error::Unsupported { field: "Filter", offset, value: 1 });
        }
        let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
        Error::check_limit("message", size, self.limits.message)?;
        let timestamp = u32::from_be_bytes([t3, t0, t1, t2]);
        let selector = flags & 0x1F == SCRIPT_AMF3;
        self.state = match kind(flags) {
            Some(kind) => State::Body { kind, timestamp, size, selector },
            None => State::Skip(size + TAG_SIZE),
        };
        Ok(())
    }
}

/// Whether a body that begins so is a frame of H.264 or AAC with FLV's own header, as nearly every
/// one is: what [`Tag::is_sequence_header`] finds out of any.
const fn is_plain_frame(kind: Kind, first: u8, second: u8) -> bool {
    match kind {
        Kind::Video => first & 0x8F == 7 && second != 0,
        Kind::Audio => first >> 4 == 10 && second != 0,
        Kind::Script => false,
    }
}

/// What a tag with these flags carries, if it is known and not encrypted.
const fn kind(flags: u8) -> Option<Kind> {
    match flags & 0x3F {
        8 => Some(Kind::Audio),
        9 => Some(Kind::Video),
        SCRIPT_AMF3 | 18 => Some(Kind::Script),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Muxer;
    use super::*;

    fn demux(file: &[u8], step: usize) -> Result<Vec<Tag>, Error> {
        let mut demuxer = Demuxer::new(Limits::default());
        let mut tags = Vec::new();
        for piece in file.chunks(step) {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(tag) = demuxer.read(&mut piece)? {
                tags.push(tag);
            }
            assert!(piece.is_empty());
        }
        Ok(tags)
    }

    #[test]
    fn a_file_reads_the_same_in_any_pieces() {
        let tags = [
            Tag::new(Kind::Script, 0, Bytes::from_static(b"\x02\0\x01a")),
            Tag::new(Kind::Video, 0xFFFF_FFF0, vec![0x27; 5000].into()),
            Tag::new(Kind::Audio, 0x1_0000_0005, Bytes::from_static(b"\xAF\x01")),
            Tag::new(Kind::Audio, 0x1_0000_0006, Bytes::new()),
        ];
        let mut file = Muxer::header(true, true).to_vec();
        for (index, tag) in tags.iter().enumerate() {
            file.extend(Muxer::tag(tag).unwrap().concat());
            if index == 1 {
                // A type nobody knows, in between.
                file.extend([14, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xEE, 0xEE, 0, 0, 0, 13]);
            }
        }
        for step in [1, 2, 13, 4096, file.len()] {
            assert_eq!(demux(&file, step).unwrap(), tags, "pieces of {step}");
        }
    }

    #[test]
    fn script_data_that_may_hold_amf3_is_script_data() {
        let mut file = Muxer::header(true, true).to_vec();
        file.extend([15, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, b'a', 0, 0, 0, 16]);
        let expected = Tag::new(Kind::Script, 0, Bytes::from_static(b"\x02\0\x01a"));
        assert_eq!(demux(&file, 100), Ok(vec![expected.clone()]));
        assert_eq!(demux(&file, 1), Ok(vec![expected]));
    }

    #[test]
    fn what_is_no_flv_is_refused() {
        assert_eq!(
            demux(b"RIFF.....", 9),
            Err(Error::Malformed { field: "Signature", offset: 0, value: b'R'.into() })
        );
        let mut file = Muxer::header(false, true).to_vec();
        file.extend([0x29, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            demux(&file, 100),
            Err(Error::Unsupported { field: "Filter", offset: 13, value: 1 })
        );
    }
}
