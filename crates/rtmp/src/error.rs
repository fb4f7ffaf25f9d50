use crate::server::RequestId;

/// Why a session, a reader or a writer gave up.
///
/// Offsets are bytes: of a session or a chunk reader, from the start of the connection; of an AMF,
/// tag or file reader, from the start of what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's fault: the data ends inside `field`.
    #[error("{field} at byte {offset}: the data ends here")]
    Truncated {
        /// The field being read, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: u64,
    },
    /// The peer's fault: `field` holds a value its specification forbids.
    #[error("{field} at byte {offset}: forbidden value {value}")]
    Malformed {
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: u64,
        /// What stands there.
        value: u64,
    },
    /// Nobody's fault: legal, and not understood here.
    #[error("{field} at byte {offset}: value {value} is not supported")]
    Unsupported {
        /// The field, named as its specification names it.
        field: &'static str,
        /// Where the field starts.
        offset: u64,
        /// What stands there.
        value: u64,
    },
    /// A bound of [`Limits`](crate::Limits) would be passed.
    #[error("{limit}: {value} is over the limit of {max}")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        limit: &'static str,
        /// What was asked for.
        value: u64,
        /// What is allowed.
        max: u64,
    },
    /// A codec configuration record could not be read.
    #[error("codec configuration: {0}")]
    Codec(#[from] airloom_media::Error),
    /// Handshake and `connect` took longer than [`Config::handshake_timeout`](crate::Config).
    #[error("handshake and connect took too long")]
    HandshakeTimeout,
    /// Nothing arrived for [`Config::idle_timeout`](crate::Config).
    #[error("the peer went silent")]
    IdleTimeout,
    /// The caller's fault: no such request waits, or nothing is published or played under it.
    #[error("nothing waits, is published or played under request {0}")]
    NoRequest(RequestId),
    /// The caller's fault: a tag was encoded for chunks of another size than the session sends.
    #[error("encoded for chunks of {encoded} bytes, the session sends {session}")]
    ChunkSize {
        /// The size the tag was encoded for.
        encoded: u32,
        /// The session's own.
        session: u32,
    },
    /// The caller's fault: nothing can be published yet, or at all in a session that plays.
    #[error("nothing is published here")]
    NotReady,
    /// The caller's fault: the session is over.
    #[error("the session is closed")]
    Closed,
}

impl Error {
    /// An error where `value` is over `max`, the bound that the field `limit` sets.
    pub(crate) const fn check_limit(
        limit: &'static str,
        value: usize,
        max: usize,
    ) -> Result<(), Self> {
        if value > max {
            return Err(Self::Limit { limit, value: value as u64, max: max as u64 });
        }
        Ok(())
    }
}
