use std::io;

use airloom_rtmp::Error;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::Problem;
use crate::rtmp::ClientError;

/// Why a stream cannot be pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// No source has it. `404`.
    #[error("no stream of that name is on air")]
    Nowhere,
    /// The source said no. `502`.
    #[error("the source refuses the stream")]
    Refused,
    /// The connection to the source could not be made, or broke. `502`.
    #[error("the source cannot be reached")]
    Unreachable,
    /// The source ended the connection, or the stream. `502`.
    #[error("the source has ended the stream")]
    Gone,
    /// The source speaks no RTMP, or sends what cannot be packaged. `502`.
    #[error("the source sends what cannot be understood")]
    Broken,
    /// The source agreed and sent nothing, or did not answer at all. `504`.
    #[error("the source did not deliver in time")]
    Stalled,
    /// As many streams are pulled as [`Config::pulls`](super::Config::pulls) allows, or held as
    /// [`Limits::streams`](crate::origin::Limits::streams) does. `503`, with `Retry-After`.
    #[error("as many streams are pulled as may be")]
    Crowded,
}

impl Unavailable {
    pub(super) const ALL: [Self; 7] = [
        Self::Nowhere,
        Self::Refused,
        Self::Unreachable,
        Self::Gone,
        Self::Broken,
        Self::Stalled,
        Self::Crowded,
    ];

    /// A stable word for it: `type` of the problem document is `urn:airloom:pull:` and this, and a
    /// label of the metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nowhere => "nowhere",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Gone => "gone",
            Self::Broken => "broken",
            Self::Stalled => "stalled",
            Self::Crowded => "crowded",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::Refused | Self::Unreachable | Self::Gone | Self::Broken => {
                StatusCode::BAD_GATEWAY
            }
            Self::Stalled => StatusCode::GATEWAY_TIMEOUT,
            Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<&ClientError> for Unavailable {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Self::Stalled,
            ClientError::Io(_) => Self::Unreachable,
            ClientError::Protocol(Error::HandshakeTimeout | Error::IdleTimeout) => Self::Stalled,
            ClientError::Protocol(_) => Self::Broken,
            ClientError::Rejected { .. } => Self::Refused,
            ClientError::Moved { .. } | ClientError::Closed => Self::Gone,
        }
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let sentence = self.to_string();
        let mut letters = sentence.chars();
        let detail = letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
        let problem = Problem::new(self.status(), detail);
        if self == Self::Nowhere {
            return problem.into_response();
        }
        problem
            .with_type(format!("urn:airloom:pull:{}", self.code()))
            .with_retry_after(std::time::Duration::from_secs(2))
            .into_response()
    }
}
