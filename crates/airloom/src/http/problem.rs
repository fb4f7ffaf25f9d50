use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

/// An error as HTTP clients see it: `application/problem+json` (RFC 9457).
///
/// ```
/// use airloom::http::Problem;
/// use axum::http::StatusCode;
/// use axum::response::IntoResponse;
///
/// let problem = Problem::new(StatusCode::NOT_FOUND, "No stream of that name is on air");
/// assert_eq!(problem.into_response().status(), StatusCode::NOT_FOUND);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    r#type: Cow<'static, str>,
    status: StatusCode,
    detail: Cow<'static, str>,
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem of `status`; `detail` says in a sentence what went wrong with this request.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            r#type: Cow::Borrowed("about:blank"),
            status,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same under a name of its own: a URI that programs can go by, where the status alone does
    /// not say it all.
    #[must_use]
    pub fn with_type(self, r#type: impl Into<Cow<'static, str>>) -> Self {
        Self { r#type: r#type.into(), ..self }
    }

    /// The same, with a header `Retry-After`: whole seconds, rounded up.
    #[must_use]
    pub fn with_retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time.as_millis().div_ceil(1000) as u64), ..self }
    }
}

impl Problem {
    /// The document.
    pub(crate) fn text(&self) -> Vec<u8> {
        let document = Document {
            r#type: &self.r#type,
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        // Four plain fields always serialise; an empty body would still carry the status.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What a head says of any such document.
    pub(crate) fn describe(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let mut response = Response::new(Body::from(self.text()));
        *response.status_mut() = self.status;
        self.describe(response.headers_mut());
        response
    }
}
