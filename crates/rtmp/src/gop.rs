use crate::flv::Tag;
use crate::server::EncodedTag;

/// What a player that joins late must be sent first, so that its picture starts at once: metadata,
/// sequence headers, and everything since the last key frame.
///
/// Bounded by tags and bytes. A group of pictures that outgrows the bounds is dropped as a whole,
/// and the cache starts again with the next key frame: half a group shows nothing.
#[derive(Debug)]
pub struct GopCache {
    _max_tags: usize,
    _max_bytes: usize,
}

impl GopCache {
    /// A cache of at most `max_tags` tags and `max_bytes` bytes of bodies; headers and metadata
    /// count too.
    pub fn new(max_tags: usize, max_bytes: usize) -> Self {
        Self { _max_tags: max_tags, _max_bytes: max_bytes }
    }

    /// Takes in the next tag of the publication, both as it came and as it is sent. Script tags
    /// count as metadata, the last one is kept.
    pub fn push(&mut self, _tag: &Tag, _encoded: &EncodedTag) {}

    /// What a player that joins now is sent, in order. Metadata and sequence headers carry the
    /// timestamp of the key frame that follows them.
    pub fn replay(&self) -> impl Iterator<Item = EncodedTag> {
        std::iter::empty()
    }

    /// Forgets everything, as when the publication ends.
    pub fn clear(&mut self) {}
}
