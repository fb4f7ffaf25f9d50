use std::fmt;

use airloom_media::Unwrapper;
use bytes::Bytes;

/// What a tag carries; the same numbers are RTMP's message types (FLV 10.1, annex E.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Sound.
    Audio = 8,
    /// Pictures.
    Video = 9,
    /// AMF: metadata, cue points, text.
    Script = 18,
}

/// One FLV tag, or the RTMP message that carries the same.
///
/// ```
/// use airloom_rtmp::flv::{Kind, Tag};
///
/// let tag = Tag::new(Kind::Video, 40, vec![0x17, 0, 0, 0, 0].into());
/// assert!(tag.is_sequence_header() && tag.is_keyframe());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// What `data` is.
    pub kind: Kind,
    /// Milliseconds; 32 bits on the wire, unwrapped here.
    pub timestamp: i64,
    /// The tag's body exactly as it came: codec header and payload. Cloning shares it.
    pub data: Bytes,
}

impl Tag {
    /// A tag of `kind` at `timestamp` milliseconds.
    pub const fn new(kind: Kind, timestamp: i64, data: Bytes) -> Self {
        Self { kind, timestamp, data }
    }

    /// A tag whose time is placed by `clock`.
    ///
    /// Only frames move the clock: metadata and sequence headers are often stamped zero, whatever
    /// the time is.
    pub(crate) fn unwrapped(
        kind: Kind,
        timestamp: u32,
        data: Bytes,
        clock: &mut Unwrapper,
    ) -> Self {
        let mut tag = Self::new(kind, 0, data);
        let raw = u64::from(timestamp);
        tag.timestamp = if kind == Kind::Script || tag.is_sequence_header() {
            clock.clone().unwrap(raw)
        } else {
            clock.unwrap(raw)
        };
        tag
    }

    /// Whether the tag configures a decoder and carries no sample.
    pub fn is_sequence_header(&self) -> bool {
        let (Some(&first), second) = (self.data.first(), self.data.get(1)) else { return false };
        match self.kind {
            // Enhanced RTMP v2, ExVideoTagHeader: PacketType 0 is SequenceStart.
            Kind::Video if first & 0x80 != 0 => first & 0x0F == 0,
            Kind::Video => first & 0x0F == 7 && second == Some(&0),
            Kind::Audio if first >> 4 == 9 => first & 0x0F == 0,
            Kind::Audio => first >> 4 == 10 && second == Some(&0),
            Kind::Script => false,
        }
    }

    /// Whether a decoder can start here: a video tag flagged as key frame.
    pub fn is_keyframe(&self) -> bool {
        self.kind == Kind::Video && self.data.first().is_some_and(|first| first >> 4 & 7 == 1)
    }
}

/// The body by its length and first bytes.
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, timestamp, data } = self;
        let start = data.get(..data.len().min(16)).unwrap_or_default();
        write!(f, "Tag({kind:?} at {timestamp}, {} bytes: {start:02x?})", data.len())
    }
}
