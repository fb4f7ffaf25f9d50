//! Just enough FLV to cut a file that we made into tags. No contender is measured with it.

use std::io::{Error, ErrorKind};

use bytes::Bytes;

/// What a tag carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    Script,
}

impl Kind {
    /// The tag type, which is RTMP's message type id too.
    pub const fn id(self) -> u8 {
        match self {
            Self::Audio => 8,
            Self::Video => 9,
            Self::Script => 18,
        }
    }
}

/// One FLV tag.
#[derive(Debug, Clone)]
pub struct Tag {
    pub kind: Kind,
    /// Milliseconds.
    pub timestamp: u32,
    /// The body: what an RTMP message of this type carries.
    pub body: Bytes,
    /// Header, body and the size behind them, as they lie in the file.
    pub whole: Bytes,
}

impl Tag {
    /// Whether it is H.264's or AAC's sequence header.
    pub fn is_config(&self) -> bool {
        self.kind != Kind::Script && self.body.get(1) == Some(&0)
    }

    /// Whether it carries a frame.
    pub fn is_sample(&self) -> bool {
        self.kind != Kind::Script && self.body.get(1) == Some(&1)
    }

    /// Whether it carries a keyframe; every audio frame is one.
    pub fn is_key(&self) -> bool {
        self.kind == Kind::Audio || self.body.first().is_some_and(|byte| byte >> 4 == 1)
    }

    /// The frame or the configuration record, without FLV's header.
    pub fn payload(&self) -> Bytes {
        self.body.slice(if self.kind == Kind::Video { 5 } else { 2 }..)
    }

    /// `CompositionTime`, in milliseconds.
    pub fn composition_offset(&self) -> i32 {
        match (self.kind, self.body.as_ref()) {
            (Kind::Video, [_, _, a, b, c, ..]) => i32::from_be_bytes([*a, *b, *c, 0]) >> 8,
            _ => 0,
        }
    }
}

/// Cuts a file into tags.
pub fn tags(file: &Bytes) -> std::io::Result<Vec<Tag>> {
    let broken = || Error::new(ErrorKind::InvalidData, "the FLV file is cut short; delete it");
    let mut tags = Vec::new();
    // The file header and the first PreviousTagSize.
    let mut at = 13;
    while at < file.len() {
        let header = file.get(at..at + 11).ok_or_else(broken)?;
        let size = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let timestamp = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        let kind = match header[0] & 31 {
            8 => Kind::Audio,
            9 => Kind::Video,
            _ => Kind::Script,
        };
        let end = at + 11 + size + 4;
        if end > file.len() {
            return Err(broken());
        }
        let body = file.slice(at + 11..at + 11 + size);
        tags.push(Tag { kind, timestamp, body, whole: file.slice(at..end) });
        at = end;
    }
    Ok(tags)
}
