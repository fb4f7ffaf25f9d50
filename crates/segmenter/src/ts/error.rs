use super::Stream;

/// Why access units cannot become a transport stream.
///
/// `unit` counts the access units of the call from zero, in the order they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program was given no track at all. The caller's mistake.
    #[error("a program needs at least one track")]
    NoTracks,
    /// The configuration record is legal, but ADTS (ISO/IEC 13818-7, 6.2) cannot express it.
    #[error("{field}: {value} cannot be expressed in ADTS")]
    Unsupported {
        /// The field, named as its specification names it.
        field: &'static str,
        /// What the record says.
        value: u32,
    },
    /// A unit belongs to a stream the program does not declare. The caller's mistake.
    #[error("access unit {unit}: the program has no {stream} stream")]
    Undeclared {
        /// Which unit.
        unit: usize,
        /// The stream it names.
        stream: Stream,
    },
    /// A unit's data ends inside `field`. The encoder's fault; leave the unit out and go on.
    #[error("access unit {unit}, {field} at byte {offset}: the unit ends here")]
    Truncated {
        /// Which unit.
        unit: usize,
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts in the unit's data.
        offset: usize,
    },
    /// MPEG-TS has no place for the codec of a track. The caller's mistake.
    #[error("the {stream} codec cannot be carried in MPEG-TS")]
    UnsupportedCodec {
        /// The stream it would be.
        stream: Stream,
    },
    /// A frame of sound is longer than the 13 bits of `aac_frame_length`, which no frame of any
    /// other codec needs either. The encoder's fault; leave the unit out and go on.
    #[error("access unit {unit}: {len} bytes with the ADTS header, at most 8191 can be")]
    FrameTooLong {
        /// Which unit.
        unit: usize,
        /// The frame and its ADTS header, if it has one, in bytes.
        len: usize,
    },
    /// A metadata unit does not start as an ID3v2 tag does. The caller's mistake; leave the unit
    /// out and go on.
    #[error("access unit {unit}: metadata that is no ID3v2 tag")]
    NotId3 {
        /// Which unit.
        unit: usize,
    },
    /// An ID3 tag is longer than one PES packet of known length holds. Leave the unit out and go
    /// on.
    #[error("access unit {unit}: an ID3 tag of {len} bytes, at most 65527 can be")]
    TagTooLong {
        /// Which unit.
        unit: usize,
        /// The tag, in bytes.
        len: usize,
    },
    /// The segment outgrows [`Limits::segment`](super::Limits::segment).
    #[error("access unit {unit}: the segment passes the limit of {limit} bytes")]
    SegmentTooLong {
        /// The first unit that does not fit.
        unit: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}
