use bytes::Bytes;

use crate::EncodedTag;
use crate::flv::{Kind, Packets, Tag};

/// What a player that joins late is sent first, so that its picture starts at once: metadata,
/// sequence headers, and everything since the last key frame.
///
/// Bounded by tags and bytes. A group of pictures that outgrows the bounds is dropped as a whole,
/// and the cache starts again with the next key frame: half a group shows nothing. A stream without
/// pictures keeps its headers only, since its sound can start anywhere.
///
/// ```
/// use airloom_rtmp::flv::{Kind, Tag};
/// use airloom_rtmp::GopCache;
///
/// let mut cache = GopCache::new(4096, 16 << 20);
/// let header = Tag::new(Kind::Video, 0, vec![0x17, 0, 0, 0, 0].into());
/// let key_frame = Tag::new(Kind::Video, 2000, vec![0x17, 1, 0, 0, 0].into());
/// for tag in [header, key_frame] {
///     cache.push(&tag);
/// }
/// assert_eq!(cache.replay(60_000).count(), 2);
/// ```
#[derive(Debug)]
pub struct GopCache {
    max_tags: usize,
    max_bytes: usize,
    metadata: Option<Tag>,
    /// The last sequence header of each track, in the order the tracks came.
    headers: Vec<(Kind, u8, Tag)>,
    /// Since the last key frame, itself included.
    tags: Vec<Tag>,
    bytes: usize,
    /// The timestamp of the first of `tags`, or of the last tag where there are none.
    start: i64,
}

impl GopCache {
    /// A cache of at most `max_tags` tags and `max_bytes` bytes of bodies since the last key
    /// frame. The last header of each track, up to as many bytes again, and the last metadata come on
    /// top.
    pub const fn new(max_tags: usize, max_bytes: usize) -> Self {
        Self {
            max_tags,
            max_bytes,
            metadata: None,
            headers: Vec::new(),
            tags: Vec::new(),
            bytes: 0,
            start: 0,
        }
    }

    /// Takes in the next tag of the publication; its body is shared. Of script tags the last one is
    /// kept: push metadata, not cue points.
    pub fn push(&mut self, tag: &Tag) {
        if tag.kind == Kind::Script {
            self.metadata = Some(tag.clone());
        } else if tag.is_sequence_header() {
            self.push_header(tag);
        } else {
            self.push_media(tag);
        }
    }

    fn push_header(&mut self, tag: &Tag) {
        let first = Packets::new(tag).ok().and_then(|mut packets| packets.next());
        let Some(Ok(packet)) = first else { return };
        let same = |(kind, track, _): &(Kind, u8, Tag)| *kind == tag.kind && *track == packet.track;
        self.headers.retain(|header| !same(header));
        let held: usize = self.headers.iter().map(|(_, _, tag)| tag.data.len()).sum();
        // Headers are some dozen bytes; one that is not is no reason to hold it for each track.
        if held + tag.data.len() <= self.max_bytes {
            // A copy: what is kept for the stream's life should not keep what it arrived in.
            let data = Bytes::copy_from_slice(&tag.data);
            self.headers.push((tag.kind, packet.track, Tag { data, ..tag.clone() }));
        }
    }

    fn push_media(&mut self, tag: &Tag) {
        if tag.is_keyframe() {
            self.drop_tags();
        } else if self.tags.is_empty() {
            self.start = tag.timestamp;
            return;
        }
        if self.tags.len() >= self.max_tags || self.bytes + tag.data.len() > self.max_bytes {
            self.drop_tags();
            self.start = tag.timestamp;
            return;
        }
        if self.tags.is_empty() {
            self.start = tag.timestamp;
        }
        self.bytes += tag.data.len();
        self.tags.push(tag.clone());
    }

    /// What a player that joins now is sent, in order, encoded for chunks of `chunk_size` bytes:
    /// [`headers`](Self::headers), then [`tags`](Self::tags).
    ///
    /// Encoded anew for each player that joins, so that a stream nobody plays costs nothing.
    pub fn replay(&self, chunk_size: u32) -> impl Iterator<Item = EncodedTag> {
        let tags = self.tags.iter().map(move |tag| EncodedTag::new(tag, chunk_size));
        self.headers().map(move |header| EncodedTag::new(&header, chunk_size)).chain(tags)
    }

    /// Metadata and sequence headers, with the timestamp of the key frame that follows them: their
    /// own may be hours past.
    pub fn headers(&self) -> impl Iterator<Item = Tag> {
        let headers = self.headers.iter().map(|(_, _, header)| header);
        let all = self.metadata.iter().chain(headers);
        all.map(|header| Tag { timestamp: self.start, ..header.clone() })
    }

    /// Everything since the last key frame, itself included, as it came.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Bytes of bodies held since the last key frame.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything, as when the publication ends.
    pub fn clear(&mut self) {
        *self = Self::new(self.max_tags, self.max_bytes);
    }

    fn drop_tags(&mut self) {
        self.tags.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(cache: &mut GopCache, kind: Kind, timestamp: i64, data: &'static [u8]) {
        cache.push(&Tag::new(kind, timestamp, data.into()));
    }

    /// Kinds and timestamps of what is replayed, from the full chunk headers.
    fn replay(cache: &GopCache) -> Vec<(Kind, u32)> {
        let time = |tag: &EncodedTag| {
            let [head, _] = tag.pieces(1);
            u32::from_be_bytes([0, head[1], head[2], head[3]])
        };
        cache.replay(128).map(|tag| (tag.kind(), time(&tag))).collect()
    }

    fn headers(cache: &mut GopCache) {
        push(cache, Kind::Script, 0, b"\x02\0\x0aonMetaData");
        push(cache, Kind::Video, 0, &[0x17, 0, 0, 0, 0]);
        push(cache, Kind::Audio, 0, &[0xAF, 0, 0x11, 0x90]);
    }

    #[test]
    fn a_late_player_starts_on_the_last_key_frame() {
        let mut cache = GopCache::new(100, 10_000);
        headers(&mut cache);
        push(&mut cache, Kind::Audio, 900, &[0xAF, 1]);
        for time in [1000, 2000] {
            push(&mut cache, Kind::Video, time, &[0x17, 1, 0, 0, 0]);
            push(&mut cache, Kind::Audio, time + 10, &[0xAF, 1]);
            push(&mut cache, Kind::Video, time + 33, &[0x27, 1, 0, 0, 0]);
        }
        let expected = [
            (Kind::Script, 2000),
            (Kind::Video, 2000),
            (Kind::Audio, 2000),
            (Kind::Video, 2000),
            (Kind::Audio, 2010),
            (Kind::Video, 2033),
        ];
        assert_eq!(replay(&cache), expected);
        cache.clear();
        assert_eq!(replay(&cache), []);
    }

    #[test]
    fn a_group_over_the_bounds_is_dropped_until_the_next_key_frame() {
        let mut cache = GopCache::new(3, 10_000);
        headers(&mut cache);
        push(&mut cache, Kind::Video, 0, &[0x17, 1, 0, 0, 0]);
        for time in 1..4 {
            push(&mut cache, Kind::Video, time, &[0x27, 1, 0, 0, 0]);
        }
        assert_eq!((replay(&cache).len(), cache.bytes()), (3, 0));
        assert_eq!(replay(&cache)[0], (Kind::Script, 3));
        push(&mut cache, Kind::Video, 9, &[0x17, 1, 0, 0, 0]);
        assert_eq!(replay(&cache).last(), Some(&(Kind::Video, 9)));
        let mut cache = GopCache::new(3, 9);
        push(&mut cache, Kind::Video, 0, &[0x17; 10]);
        assert_eq!((replay(&cache).len(), cache.bytes()), (0, 0));
    }

    #[test]
    fn sound_alone_keeps_its_headers_only() {
        let mut cache = GopCache::new(3, 10_000);
        push(&mut cache, Kind::Audio, 0, &[0xAF, 0, 0x11, 0x90]);
        push(&mut cache, Kind::Audio, 23, &[0xAF, 1]);
        assert_eq!(replay(&cache), [(Kind::Audio, 23)]);
    }
}
