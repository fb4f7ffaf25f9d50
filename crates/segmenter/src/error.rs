use airloom_media::{Timestamp, TrackId};

/// A call that was refused. The segmenter is as it was before, and goes on.
///
/// What an encoder does wrong is not an error but an [`Event`](crate::Event).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Misuse: a sample of a track that [`set_track`](crate::Segmenter::set_track) never named.
    #[error("no track {0} was set")]
    UnknownTrack(TrackId),
    /// Limit: one track more than [`Limits::tracks`](crate::Limits::tracks).
    #[error("track {track} is one more than the {limit} allowed")]
    TooManyTracks {
        /// The track that was refused.
        track: TrackId,
        /// The limit.
        limit: usize,
    },
    /// Misuse: a track came again as another kind, video as audio or the reverse.
    #[error("track {0} cannot change its kind")]
    KindChanged(TrackId),
    /// Unsupported: a codec that this crate cannot write.
    #[error("the codec of track {0} is not supported")]
    UnsupportedCodec(TrackId),
    /// Limit: the messages of a track that wait for its next part are more than
    /// [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("the messages of track {track} that wait are more than {limit} bytes")]
    TooManyMessages {
        /// The track.
        track: TrackId,
        /// The limit.
        limit: usize,
    },
    /// Misuse: scheme or value of a message of this track have a NUL, which would end them where they
    /// are written.
    #[error("scheme or value of a message of track {0} have a NUL")]
    NulInMessage(TrackId),
    /// Malformed: a time that no clock of the output can hold.
    #[error("time {} of track {track} is out of range", time.ticks())]
    TimeRange {
        /// The track.
        track: TrackId,
        /// What was said, in the track's source timescale.
        time: Timestamp,
    },
    /// Misuse: outputs were not polled; see [`Limits::outputs`](crate::Limits::outputs).
    #[error("{0} outputs wait to be polled")]
    Undrained(usize),
    /// Misuse: [`finish`](crate::Segmenter::finish) was called before.
    #[error("the stream is finished")]
    Finished,
}
