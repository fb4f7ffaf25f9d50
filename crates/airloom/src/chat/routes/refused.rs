use airloom_chat::access::Denied;
use airloom_chat::{Error, Refusal};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::Problem;

/// Why a request was not obeyed, as a problem document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Room,
    Malformed(Error),
    Denied(Denied),
    Refusal(Refusal),
    /// A body that did not come, or was too large.
    Body(StatusCode),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Malformed(error)
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Room => StatusCode::NOT_FOUND,
            Self::Malformed(Error::TooLong { field: "body", .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Denied(Denied::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Denied(Denied::Room | Denied::Refused) => StatusCode::FORBIDDEN,
            Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::Refusal(refusal) => status(refusal),
            Self::Body(status) => status,
        }
    }

    /// The word for it, in `type`.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Malformed(_) => "malformed",
            Self::Denied(denied) => denied.code(),
            Self::Refusal(refusal) => refusal.code(),
            Self::Body(_) => "body",
        }
    }

    pub(super) fn detail(self) -> String {
        let sentence = match self {
            Self::Room => "a room's name is 1 to 128 bytes without control characters".to_owned(),
            Self::Malformed(error) => error.to_string(),
            Self::Denied(denied) => denied.to_string(),
            Self::Refusal(refusal) => refusal.to_string(),
            Self::Body(_) => "the body is too large, or did not come whole".to_owned(),
        };
        let mut letters = sentence.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// Whole seconds after which it may be tried again, rounded up.
    pub(super) fn retry_after(self) -> Option<u64> {
        let Self::Refusal(refusal) = self else { return None };
        refusal.retry_after().map(|time| time.as_millis().div_ceil(1000) as u64)
    }
}

fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::UnknownEntry | Refusal::UnknownTicket => StatusCode::NOT_FOUND,
        Refusal::PollClosed | Refusal::Voted | Refusal::Repeated => StatusCode::CONFLICT,
        Refusal::SlowMode { .. } | Refusal::AuthorRate { .. } | Refusal::RoomRate { .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Refusal::Busy { .. }
        | Refusal::Full { .. }
        | Refusal::NoSequencer
        | Refusal::Unanswered => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Empty | Refusal::Impossible { .. } => StatusCode::BAD_REQUEST,
        // Everything else is a rule, of the room's or of the integrator's own.
        _ => StatusCode::FORBIDDEN,
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = Problem::new(self.status(), self.detail())
            .with_type(format!("urn:airloom:chat:{}", self.code()));
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_rounded_up_and_words_begin_like_a_sentence() {
        let refused = Refused::from(Refusal::SlowMode { retry_after: Duration::from_millis(1) });
        assert_eq!(refused.retry_after(), Some(1));
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.detail(), "Slow mode");
        let response = refused.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
