use airloom_media::TrackId;

/// Why an output was refused. It does not go out, neither encrypted nor as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Unsupported: Common Encryption of this codec needs more than its NAL units or whole frames
    /// (AV1, VP9).
    #[error("the codec of track {0} cannot be encrypted")]
    UnsupportedCodec(TrackId),
    /// Misuse: a part or segment of a track whose `Init` was not given, or was refused.
    #[error("no init of track {0} was given")]
    UnknownTrack(TrackId),
    /// Misuse: outputs were not polled.
    #[error("{0} outputs wait to be polled")]
    Undrained(usize),
}
