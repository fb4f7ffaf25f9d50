/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// Only somebody with a credential may do this.
    #[error("a credential is required")]
    Required,
    /// A credential that is not written as it must be.
    #[error("{field} of the credential is malformed")]
    Malformed {
        /// What of it.
        field: &'static str,
    },
    /// A credential signed by an algorithm that none of the keys is for.
    #[error("no key is for the credential's algorithm")]
    Algorithm,
    /// A credential that names a key which is not here.
    #[error("the credential's key is not known")]
    UnknownKey,
    /// A credential that nobody entitled to it has made.
    #[error("the credential is not genuine")]
    Forged,
    /// A credential whose time is over.
    #[error("the credential has expired")]
    Expired,
    /// A credential whose time has not come.
    #[error("the credential is not valid yet")]
    TooEarly,
    /// A credential meant for somebody else.
    #[error("the credential is for another audience")]
    Audience,
    /// A credential of somebody who is not trusted here.
    #[error("the credential is of another issuer")]
    Issuer,
    /// A credential that holds, but not for this stream.
    #[error("the credential is not for this stream")]
    Stream,
    /// A credential that holds, but for playing where somebody wants to publish, or the reverse.
    #[error("the credential is not for this")]
    Action,
    /// A credential that somebody else has shown before.
    #[error("the credential is in use elsewhere")]
    Replayed,
    /// Somebody who is not wanted.
    #[error("not allowed in")]
    Refused,
    /// Whoever knows cannot be asked at the moment.
    #[error("who may come in cannot be asked now")]
    Unavailable,
}

impl Denied {
    /// A stable word for it, for `type` of a problem document, and for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "credential-required",
            Self::Malformed { .. } => "credential-malformed",
            Self::Algorithm => "credential-algorithm",
            Self::UnknownKey => "credential-key",
            Self::Forged => "credential-forged",
            Self::Expired => "credential-expired",
            Self::TooEarly => "credential-too-early",
            Self::Audience => "credential-audience",
            Self::Issuer => "credential-issuer",
            Self::Stream => "credential-stream",
            Self::Action => "credential-action",
            Self::Replayed => "credential-replayed",
            Self::Refused => "not-allowed-in",
            Self::Unavailable => "gate-unavailable",
        }
    }

    /// The HTTP status that says it (RFC 9110, 15): 401, 403 or 503.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Stream | Self::Action | Self::Replayed | Self::Refused => 403,
            Self::Unavailable => 503,
            _ => 401,
        }
    }
}
