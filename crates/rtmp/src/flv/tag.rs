use std::fmt;

use airloom_media::Unwrapper;
use bytes::Bytes;

use super::Packets;

/// What a tag carries; the same numbers are RTMP's message types (FLV 10.1, annex E.4.1).
// Four bytes: with one, the seven odd ones behind it are moved along with every tag in two pieces
// that overlap, which the processor waits for longer than for the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
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
/// assert!(tag.is_sequence_header() && !tag.is_keyframe());
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
    #[inline]
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

    /// Whether the tag configures a decoder and carries no frame: FLV's sequence headers and
    /// Enhanced RTMP's sequence start.
    #[inline]
    pub fn is_sequence_header(&self) -> bool {
        match (self.packet_type(), self.kind) {
            (Some(PacketType::Avc(kind) | PacketType::Aac(kind)), _) => kind == 0,
            // SequenceStart; MPEG2TSSequenceStart.
            (Some(PacketType::Enhanced(kind)), Kind::Video) => matches!(kind, 0 | 5),
            // SequenceStart; MultichannelConfig.
            (Some(PacketType::Enhanced(kind)), Kind::Audio) => matches!(kind, 0 | 4),
            _ => false,
        }
    }

    /// Whether a decoder can start here: a video tag that carries a frame flagged as key frame.
    pub fn is_keyframe(&self) -> bool {
        let frame = match self.packet_type() {
            Some(PacketType::Avc(kind)) => kind == 1,
            Some(PacketType::Enhanced(kind)) => matches!(kind, 1 | 3),
            Some(PacketType::None) => true,
            Some(PacketType::Aac(_)) | None => false,
        };
        frame
            && self.kind == Kind::Video
            && self.data.first().is_some_and(|first| matches!(first >> 4 & 7, 1 | 4))
    }

    /// What the tag's header says of its body; `None` where there is none that can be read.
    #[inline]
    fn packet_type(&self) -> Option<PacketType> {
        let first = *self.data.first()?;
        let second = || self.data.get(1).copied();
        match self.kind {
            Kind::Script => None,
            Kind::Video if first & 0x80 != 0 => self.enhanced(first & 0x0F, 6),
            Kind::Video if first & 0x0F == 7 => second().map(PacketType::Avc),
            Kind::Audio if first >> 4 == 9 => self.enhanced(first & 0x0F, 5),
            Kind::Audio if first >> 4 == 10 => second().map(PacketType::Aac),
            _ => Some(PacketType::None),
        }
    }

    /// Looks behind ModEx and multitrack headers, where there are any.
    fn enhanced(&self, packet_type: u8, multitrack: u8) -> Option<PacketType> {
        if packet_type != 7 && packet_type != multitrack {
            return Some(PacketType::Enhanced(packet_type));
        }
        Packets::new(self).ok().map(|packets| PacketType::Enhanced(packets.packet_type()))
    }
}

/// The packet type of a body, by the header that has it.
enum PacketType {
    /// FLV's header without one.
    None,
    Avc(u8),
    Aac(u8),
    Enhanced(u8),
}

/// The body by its length and first bytes.
impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, timestamp, data } = self;
        let start = data.get(..data.len().min(16)).unwrap_or_default();
        write!(f, "Tag({kind:?} at {timestamp}, {} bytes: {start:02x?})", data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_key_frames_and_the_rest_are_told_apart() {
        let of = |kind, data: &'static [u8]| {
            let tag = Tag::new(kind, 0, data.into());
            (tag.is_sequence_header(), tag.is_keyframe())
        };
        let (header, key, neither) = ((true, false), (false, true), (false, false));
        assert_eq!(of(Kind::Video, b"\x17\0\0\0\0"), header);
        assert_eq!(of(Kind::Video, b"\x17\x01\0\0\0"), key);
        assert_eq!(of(Kind::Video, b"\x27\x01\0\0\0"), neither);
        // The end of a sequence is flagged as key frame by ffmpeg, and is none.
        assert_eq!(of(Kind::Video, b"\x17\x02\0\0\0"), neither);
        // H.263 has no packet type.
        assert_eq!(of(Kind::Video, b"\x12"), key);
        assert_eq!(of(Kind::Video, b"\x90hvc1"), header);
        assert_eq!(of(Kind::Video, b"\x93hvc1"), key);
        assert_eq!(of(Kind::Video, b"\xA3hvc1"), neither);
        // Metadata, whose frame type means nothing.
        assert_eq!(of(Kind::Video, b"\x94hvc1"), neither);
        // Behind ModEx, and behind multitrack.
        assert_eq!(of(Kind::Video, b"\x97\x02\0\0\x01\x03av01"), key);
        assert_eq!(of(Kind::Video, b"\x96\x00av01\x01"), header);
        assert_eq!(of(Kind::Audio, b"\xAF\0"), header);
        assert_eq!(of(Kind::Audio, b"\xAF\x01"), neither);
        assert_eq!(of(Kind::Audio, b"\x2F"), neither);
        assert_eq!(of(Kind::Audio, b"\x90Opus"), header);
        assert_eq!(of(Kind::Audio, b"\x95\x11Opus"), neither);
        assert_eq!(of(Kind::Audio, b"\xAF"), neither);
        assert_eq!(of(Kind::Video, b""), neither);
        assert_eq!(of(Kind::Script, b"\x17\0"), neither);
    }
}
