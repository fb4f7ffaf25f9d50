use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::NodeId;
use super::wire::Refused;
use crate::author::UserKey;
use crate::feed::{Fresh, Lane};
use crate::moderation::Modes;
use crate::sanctions::Standing;
use crate::{Answer, Entry, Epoch, Error, Input, Key, Offset};

/// What members of a room tell each other: one message on the room's subject, to all of them.
///
/// A line of JSON; where entries are carried, two more for each of them, of which the second is
/// the entry as readers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub(super) header: Header,
    pub(super) entries: Vec<Fresh>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) from: NodeId,
    pub(super) epoch: Epoch,
    #[serde(flatten)]
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Entries of the sequencer's epoch; its newest and its oldest.
    Entries { head: Offset, first: Offset },
    /// The sequencer is there; readers of all nodes.
    Beat { head: Offset, first: Offset, readers: u64, rules: u64 },
    /// A follower does not know what moderators have set.
    AskRules,
    /// What they have set, in parts.
    Rules(Rules),
    /// A follower lacks what comes from `start` on.
    Ask { start: Offset },
    /// A follower's writer wants something.
    Forward { number: u64, input: Input },
    /// What became of it.
    Reply { to: NodeId, number: u64, result: Result<Answer, Refused> },
    /// Readers of a follower.
    Readers { readers: u64 },
}

/// A part of what moderators have set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) version: u64,
    pub(super) part: usize,
    pub(super) parts: usize,
    pub(super) modes: Modes,
    pub(super) sanctions: Vec<Standing>,
}

/// What stands beside an entry.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    /// Who wrote it, which a tombstone no longer says. The members are of one build.
    #[serde(skip_serializing_if = "UserKey::is_nobody")]
    by: UserKey,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    priority: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
}

impl Frame {
    /// The longest frame that is read, in bytes: what core NATS carries at most by default.
    pub const LIMIT: usize = 1 << 20;

    pub(super) fn new(from: NodeId, epoch: Epoch, kind: Kind) -> Self {
        Self { header: Header { from, epoch, kind }, entries: Vec::new() }
    }

    pub(super) fn with_entries(mut self, entries: Vec<Fresh>) -> Self {
        self.entries = entries;
        self
    }

    /// The frame as bytes.
    pub fn encode(&self) -> Bytes {
        let size: usize = self.entries.iter().map(|entry| entry.json.len() + 64).sum();
        let mut out = BytesMut::with_capacity(size + 256).writer();
        // Memory takes everything, and nothing in here is beyond JSON.
        let _ = serde_json::to_writer(&mut out, &self.header);
        for entry in &self.entries {
            out.get_mut().put_u8(b'\n');
            let meta = Meta {
                key: entry.key.clone(),
                by: entry.author,
                priority: entry.lane == Lane::Priority,
                shadow: entry.shadow,
            };
            let _ = serde_json::to_writer(&mut out, &meta);
            out.get_mut().put_u8(b'\n');
            out.get_mut().put_slice(&entry.json);
        }
        out.into_inner().freeze()
    }

    /// Reads what [`encode`](Self::encode) wrote. Entries share `bytes`.
    ///
    /// # Errors
    /// [`Error::TooLong`] beyond [`LIMIT`](Self::LIMIT), [`Error::Json`] for a line that is not
    /// what it should be, [`Error::Malformed`] for a missing one.
    pub fn decode(bytes: &Bytes) -> Result<Self, Error> {
        if bytes.len() > Self::LIMIT {
            return Err(Error::TooLong { field: "frame", limit: Self::LIMIT });
        }
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| bytes.slice_ref(line));
        let header = lines.next().unwrap_or_default();
        let header: Header = serde_json::from_slice(&header)?;
        let mut entries = Vec::new();
        while let Some(meta) = lines.next() {
            let meta: Meta = serde_json::from_slice(&meta)?;
            let json = lines.next().ok_or(Error::Malformed { field: "entry" })?;
            let entry: Entry = serde_json::from_slice(&json)?;
            let lane = if meta.priority { Lane::Priority } else { Lane::Ordinary };
            let mut fresh = Fresh::of(&entry, json, meta.key, lane, meta.shadow);
            fresh.author = meta.by;
            entries.push(fresh);
        }
        Ok(Self { header, entries })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Author, Body, EntryId, Submission, WallTime};

    fn entry(offset: u64, text: &str) -> Fresh {
        let offset = Offset::new(offset);
        let entry = Entry {
            offset,
            id: EntryId { epoch: Epoch::new(3), offset },
            at: WallTime::UNIX_EPOCH,
            body: Body::Message { text: text.to_owned() },
            author: Some(Author::new("ann".parse().unwrap())),
        };
        Fresh::new(&entry, "key".parse().ok(), Lane::Ordinary, offset.number() == 2)
    }

    #[test]
    fn a_frame_comes_back_whole() {
        let message = Submission::message(Author::new("ann".parse().unwrap()), "a\nb");
        let offset = Offset::new(7);
        for kind in [
            Kind::Entries { head: offset, first: offset },
            Kind::Beat { head: offset, first: offset, readers: 9, rules: 2 },
            Kind::Ask { start: offset },
            Kind::Forward { number: 1, input: Input::Submit(message) },
            Kind::Reply { to: NodeId(3), number: 1, result: Ok(Answer::Counted) },
            Kind::Readers { readers: 4 },
            Kind::AskRules,
            Kind::Rules(Rules {
                version: 1,
                part: 0,
                parts: 1,
                modes: Modes { slow_ms: 5, ..Modes::default() },
                sanctions: vec![Standing {
                    user: "bob".parse().unwrap(),
                    how: crate::Restriction::Ban,
                    by: crate::author::Rank::Broadcaster,
                    lasts: None,
                }],
            }),
        ] {
            let frame = Frame::new(NodeId(1), Epoch::new(3), kind)
                .with_entries(vec![entry(1, "one\ntwo"), entry(2, "")]);
            assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        }
    }

    #[test]
    fn a_cut_frame_is_refused() {
        let kind = Kind::Entries { head: Offset::new(1), first: Offset::new(1) };
        let frame = Frame::new(NodeId(1), Epoch::new(3), kind);
        let bytes = frame.with_entries(vec![entry(1, "x")]).encode();
        let header = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        for length in (0..bytes.len()).filter(|length| *length != header) {
            assert!(Frame::decode(&bytes.slice(..length)).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = Frame::decode(&Bytes::from(bytes));
        }
    }
}
