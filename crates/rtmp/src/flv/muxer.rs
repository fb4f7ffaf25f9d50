use bytes::Bytes;

use super::{TAG_HEADER, Tag};
use crate::Error;

/// Writes an FLV file (FLV 10.1, annex E): the header once, then tag by tag. It holds no state.
///
/// See [`Demuxer`](super::Demuxer) for an example.
#[derive(Debug)]
pub struct Muxer;

impl Muxer {
    /// The start of a file; the flags say what players may expect.
    pub fn header(audio: bool, video: bool) -> Bytes {
        let flags = u8::from(audio) << 2 | u8::from(video);
        let header = [b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0];
        Bytes::copy_from_slice(&header)
    }

    /// A tag as three pieces to be written in order: header, body, and size. The body is shared,
    /// the other two are one allocation. The timestamp is cut to 32 bits.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a body over 16,777,215 bytes.
    pub fn tag(tag: &Tag) -> Result<[Bytes; 3], Error> {
        let size = tag.data.len();
        Error::check_limit("message", size, 0xFF_FFFF)?;
        let [_, s0, s1, s2] = (size as u32).to_be_bytes();
        let [t3, t0, t1, t2] = (tag.timestamp as u32).to_be_bytes();
        let [p0, p1, p2, p3] = (size as u32 + TAG_HEADER as u32).to_be_bytes();
        let kind = tag.kind as u8;
        let fields = [kind, s0, s1, s2, t0, t1, t2, t3, 0, 0, 0, p0, p1, p2, p3];
        let mut header = Bytes::copy_from_slice(&fields);
        let trailer = header.split_off(TAG_HEADER);
        Ok([header, tag.data.clone(), trailer])
    }
}
