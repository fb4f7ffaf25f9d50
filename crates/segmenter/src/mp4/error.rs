use std::fmt;

use airloom_media::TrackId;

/// The four letters that name a box (ISO/IEC 14496-12, 4.2) or a sample entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxType(pub [u8; 4]);

impl fmt::Display for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxType({self})")
    }
}

/// Why a file could not be read or written.
///
/// Offsets are bytes from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A box ends inside `field`.
    #[error("{kind}, {field} at byte {offset}: the box ends here")]
    Truncated {
        /// The box.
        kind: BoxType,
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: u64,
    },
    /// `field` holds a value its specification forbids.
    #[error("{kind}, {field} at byte {offset}: forbidden value {value}")]
    Malformed {
        /// The box.
        kind: BoxType,
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: u64,
        /// What stands there.
        value: u64,
    },
    /// A box that must be there is not.
    #[error("{parent} at byte {offset}: no {kind}")]
    Missing {
        /// The box that should hold it.
        parent: BoxType,
        /// The box that is not there.
        kind: BoxType,
        /// Where the parent's body starts.
        offset: u64,
    },
    /// The sample entry names a codec that this crate cannot read.
    #[error("sample entry {kind} at byte {offset} is not supported")]
    Unsupported {
        /// What the sample entry says.
        kind: BoxType,
        /// Where it starts.
        offset: u64,
    },
    /// Samples of another description than the track's first, which need another decoder.
    #[error("{kind}, sample_description_index at byte {offset}: {index}, only the first is read")]
    Description {
        /// The box that names it: `stsc`, `tfhd` or `trex`.
        kind: BoxType,
        /// Where the field starts.
        offset: u64,
        /// The number of the description, from 1.
        index: u32,
    },
    /// The track's media is in another file (ISO/IEC 14496-12, 8.7.2).
    #[error("{kind} at byte {offset}: the media is in another file")]
    Elsewhere {
        /// What the data reference is: `url `, `urn `, QuickTime's `alis`.
        kind: BoxType,
        /// Where it starts.
        offset: u64,
    },
    /// A codec configuration record could not be read.
    #[error("sample entry {kind}: {error}")]
    Codec {
        /// What the sample entry says.
        kind: BoxType,
        /// What is wrong, with offsets in the record.
        error: airloom_media::Error,
    },
    /// The file has no `moov`: it is none of this kind, or one that was cut off before the end,
    /// where its `moov` would be.
    #[error("the file has no moov")]
    NoMovie,
    /// More than [`Limits`](super::Limits) allows.
    #[error("{limit}: {value}, at most {max} are allowed")]
    Limit {
        /// The field of [`Limits`](super::Limits).
        limit: &'static str,
        /// What the file asks for.
        value: u64,
        /// What is allowed.
        max: u64,
    },
    /// A sample lasts longer than `stts` (ISO/IEC 14496-12, 8.6.1.2) can say: what follows it
    /// would come early.
    #[error("sample {number} of track {track} lasts {duration} ticks, which no table can say")]
    Gap {
        /// The track.
        track: TrackId,
        /// The sample, in decode order from 0.
        number: usize,
        /// How long it lasts, in the track's timescale.
        duration: u64,
    },
    /// Misuse: nothing to write, or tracks that do not go together in one file.
    #[error("these tracks cannot be written to one file")]
    Tracks,
}
