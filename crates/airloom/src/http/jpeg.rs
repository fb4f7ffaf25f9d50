use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::headers::{is_known, set};

/// A JPEG file, and the entity tag by which a client knows it.
#[derive(Debug, Clone)]
pub(crate) struct Jpeg {
    data: Bytes,
    tag: Arc<str>,
}

impl Jpeg {
    pub(crate) fn new(data: Vec<u8>) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&data);
        Self { tag: format!("\"{:x}\"", hasher.finish()).into(), data: data.into() }
    }

    /// Answers with it, in a body that `send` makes; or says that the client has it. Another one may
    /// take its name `seconds` later.
    pub(crate) fn answer(
        &self,
        headers: &HeaderMap,
        seconds: u64,
        send: impl FnOnce(Bytes) -> Response<Body>,
    ) -> Response {
        let mut response = if is_known(headers, &self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            send(self.data.clone())
        };
        set(&mut response, header::ETAG, &self.tag);
        set(&mut response, header::CONTENT_TYPE, "image/jpeg");
        set(&mut response, header::CACHE_CONTROL, &format!("public, max-age={seconds}"));
        response
    }
}
