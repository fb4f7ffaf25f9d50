use bytes::Bytes;

use super::CodecId;

/// What a video packet is to a decoder (annex E.4.3.1, `FrameType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Decoding can start here. Audio packets carry it, too.
    pub const KEY: Self = Self(1);
    /// Needs frames before it.
    pub const INTER: Self = Self(2);
    /// Needs frames before it, and none needs it (H.263).
    pub const DISPOSABLE: Self = Self(3);
    /// A key frame made by a server.
    pub const GENERATED_KEY: Self = Self(4);
    /// No frame but a command to the player.
    pub const COMMAND: Self = Self(5);
}

/// What the payload of a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketKind {
    /// The codec's configuration record.
    SequenceStart,
    /// One coded frame.
    Frame,
    /// Nothing: the sequence is over.
    SequenceEnd,
    /// AMF0 about the pictures, such as `colorInfo`.
    Metadata,
    /// The configuration as MPEG-2 TS writes it (AV1).
    Mpeg2TsSequenceStart,
    /// Which channel of sound is where.
    MultichannelConfig,
    /// A command to the player: 0 starts a seek, 1 ends it.
    Command(u8),
    /// A packet type no specification names.
    Unknown(u8),
}

/// One packet of one track: what a plain tag carries one of, and a multitrack tag several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The track within its kind; 0 where the tag has only one.
    pub track: u8,
    /// How it is coded.
    pub codec: CodecId,
    /// What `data` is.
    pub kind: PacketKind,
    /// Of the whole tag.
    pub frame_type: FrameType,
    /// Milliseconds from decoding to presentation, signed 24 bit.
    pub composition_offset: i32,
    /// Nanoseconds on top of the tag's timestamp (ModEx): 0 to 999,999, more where a peer errs.
    pub nanos: u32,
    /// The payload: a slice of the tag.
    pub data: Bytes,
}
