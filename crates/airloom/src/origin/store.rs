use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use airloom_media::TrackId;
use airloom_playlist::Resource;
use airloom_segmenter::{Part, Segment, TsSegment};
use bytes::Bytes;

/// The media of one stream, by the name playlists call it. Holds what the window holds: whatever
/// the window evicts is dropped here.
#[derive(Debug, Default)]
pub(super) struct Store {
    inits: HashMap<(TrackId, u64), Bytes>,
    segments: HashMap<(TrackId, u64), Held>,
    ts: HashMap<u64, Arc<Ts>>,
}

/// A segment being made, or made.
#[derive(Debug)]
enum Held {
    Open(Vec<Part>),
    Closed(Arc<[Part]>, usize),
}

/// An MPEG-TS segment, rendered when somebody first asks for it.
#[derive(Debug)]
pub(super) struct Ts {
    segment: TsSegment,
    rendered: OnceLock<Bytes>,
}

/// Media found under a name; holds its bytes as long as it lives.
#[derive(Debug, Clone)]
pub(super) enum Media {
    Whole(Bytes),
    Part(Part),
    Segment(Arc<[Part]>, usize),
    Ts(Arc<Ts>),
}

impl Store {
    pub(super) fn put_init(&mut self, track: TrackId, id: u64, data: Bytes) {
        self.inits.insert((track, id), data);
    }

    pub(super) fn put_part(&mut self, part: Part) {
        let held = self
            .segments
            .entry((part.track, part.sequence))
            .or_insert_with(|| Held::Open(Vec::new()));
        if let Held::Open(parts) = held {
            parts.push(part);
        }
    }

    pub(super) fn put_segment(&mut self, segment: &Segment) {
        let held = Held::Closed(Arc::clone(&segment.parts), segment.size);
        self.segments.insert((segment.track, segment.sequence), held);
    }

    pub(super) fn put_ts(&mut self, segment: TsSegment) {
        let sequence = segment.sequence;
        self.ts.insert(sequence, Arc::new(Ts { segment, rendered: OnceLock::new() }));
    }

    pub(super) fn evict(&mut self, resource: Resource) {
        match resource {
            Resource::Init { track, id } => drop(self.inits.remove(&(track, id))),
            Resource::Segment { track, sequence } => {
                self.segments.remove(&(track, sequence));
            }
            Resource::TsSegment { sequence } => drop(self.ts.remove(&sequence)),
            _ => {}
        }
    }

    pub(super) fn find(&self, resource: Resource) -> Option<Media> {
        match resource {
            Resource::Init { track, id } => self.inits.get(&(track, id)).cloned().map(Media::Whole),
            Resource::Segment { track, sequence } => {
                match self.segments.get(&(track, sequence))? {
                    Held::Closed(parts, size) => Some(Media::Segment(Arc::clone(parts), *size)),
                    Held::Open(_) => None,
                }
            }
            Resource::Part { track, sequence, index } => {
                let parts = match self.segments.get(&(track, sequence))? {
                    Held::Open(parts) => parts.as_slice(),
                    Held::Closed(parts, _) => parts,
                };
                parts.get(index as usize).cloned().map(Media::Part)
            }
            Resource::TsSegment { sequence } => self.ts.get(&sequence).cloned().map(Media::Ts),
            _ => None,
        }
    }

    /// The parts of a segment from `from` on, and whether those are all there will be.
    pub(super) fn parts(
        &self,
        track: TrackId,
        sequence: u64,
        from: usize,
    ) -> Option<(Vec<Part>, bool)> {
        let (parts, complete) = match self.segments.get(&(track, sequence))? {
            Held::Open(parts) => (parts.as_slice(), false),
            Held::Closed(parts, _) => (&parts[..], true),
        };
        Some((parts.get(from..).unwrap_or_default().to_vec(), complete))
    }

    /// Bytes of media held, each shared byte once; rendered MPEG-TS included.
    pub(super) fn bytes(&self) -> usize {
        let segments = self.segments.values().map(|held| match held {
            Held::Open(parts) => parts.iter().map(|part| part.size).sum(),
            Held::Closed(_, size) => *size,
        });
        let ts = self.ts.values().filter_map(|ts| ts.rendered.get()).map(Bytes::len);
        segments.sum::<usize>()
            + ts.sum::<usize>()
            + self.inits.values().map(Bytes::len).sum::<usize>()
    }
}

/// The bytes of `parts` in order, none copied.
pub(super) fn chunks(parts: Vec<Part>) -> MediaChunks {
    MediaChunks::Parts { parts: parts.into(), part: 0, chunk: 0 }
}

impl Media {
    /// The bytes in order, none copied; MPEG-TS is rendered here, once for all.
    pub(super) fn chunks(self) -> (MediaChunks, u64) {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.len();
                (MediaChunks::Whole(Some(bytes)), length as u64)
            }
            Self::Ts(ts) => {
                let bytes = ts.rendered.get_or_init(|| ts.segment.render()).clone();
                let length = bytes.len();
                (MediaChunks::Whole(Some(bytes)), length as u64)
            }
            Self::Part(part) => {
                let length = part.size;
                (MediaChunks::Parts { parts: Arc::new([part]), part: 0, chunk: 0 }, length as u64)
            }
            Self::Segment(parts, size) => {
                (MediaChunks::Parts { parts, part: 0, chunk: 0 }, size as u64)
            }
        }
    }
}

/// The bytes of [`Media`] in order, shared.
#[derive(Debug)]
pub(super) enum MediaChunks {
    Whole(Option<Bytes>),
    Parts { parts: Arc<[Part]>, part: usize, chunk: usize },
}

impl Iterator for MediaChunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => bytes.take(),
            Self::Parts { parts, part, chunk } => loop {
                let current = parts.get(*part)?;
                let next = *chunk;
                *chunk += 1;
                // The header first, then the samples.
                let Some(sample) = next.checked_sub(1) else { return Some(current.header.clone()) };
                if let Some(data) = current.payload.get(sample) {
                    return Some(data.clone());
                }
                (*part, *chunk) = (*part + 1, 0);
            },
        }
    }
}
