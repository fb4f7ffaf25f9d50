use airloom_media::TrackId;

/// Why an input was refused. The window is as it was before: an input is taken whole or not at
/// all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Media of a track that was never announced.
    #[error("track {track} was not announced")]
    UnknownTrack {
        /// The track named.
        track: TrackId,
    },
    /// More tracks than [`Limits::tracks`](crate::Limits::tracks).
    #[error("more than {limit} tracks")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// More parts in a segment than [`Limits::parts`](crate::Limits::parts).
    #[error("track {track}, segment {sequence}: more than {limit} parts")]
    TooManyParts {
        /// The track.
        track: TrackId,
        /// The segment.
        sequence: u64,
        /// The limit.
        limit: u32,
    },
    /// More date ranges listed than [`Limits::date_ranges`](crate::Limits::date_ranges).
    #[error("more than {limit} date ranges")]
    TooManyDateRanges {
        /// The limit.
        limit: usize,
    },
    /// A sequence number below the one the track has come to: that segment is closed, or was
    /// given up as a gap.
    #[error("segment {sequence} comes after {expected} is due")]
    SequenceFell {
        /// The number given.
        sequence: u64,
        /// The least number the track still takes.
        expected: u64,
    },
    /// A part that is not the next of its segment.
    #[error("track {track}, segment {sequence}: part {index} where {expected} is due")]
    PartOutOfOrder {
        /// The track.
        track: TrackId,
        /// The segment.
        sequence: u64,
        /// The index given.
        index: u32,
        /// The index due.
        expected: u32,
    },
    /// A segment whose start or duration is not that of its parts together.
    #[error("track {track}, segment {sequence}: differs from its parts in {field}")]
    PartsDisagree {
        /// The track.
        track: TrackId,
        /// The segment.
        sequence: u64,
        /// `start` or `duration`.
        field: &'static str,
    },
    /// A track announced again with another kind or timescale.
    #[error("track {track}: {field} cannot change")]
    Changed {
        /// The track.
        track: TrackId,
        /// The field.
        field: &'static str,
    },
    /// A date range with the identifier of one that is listed, which it does not repeat: clients put
    /// together what they are told of one identifier (RFC 8216bis, 4.4.5.1).
    #[error("{attribute} of a date range cannot change")]
    RangeChanged {
        /// The first attribute that differs; `X-` for one of the integrator's own.
        attribute: &'static str,
    },
    /// A value that no playlist can carry: text with a quote or a control character, a duration
    /// of zero, a time that leaves 64 bits.
    #[error("{field} cannot be written into a playlist")]
    Unwritable {
        /// The field.
        field: &'static str,
    },
    /// `EXT-X-TARGETDURATION` was already given out, and it never changes.
    #[error("the target duration is settled at {seconds} s")]
    Settled {
        /// What it is.
        seconds: u32,
    },
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
}
