use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use airloom_playlist::{Rendered, Resource};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::Edge;
use super::cache::Kept;
use super::flight::{Content, Failure, Filling, Flight, Media, Refusal, Text};
use super::following::Following;
use crate::http::{Chunks, Problem, is_known, set};
use crate::origin::delivery::{Coding, Encoded, Range, Sliced, carried};

/// RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Makes the response to one viewer.
pub(super) struct Answer<'a> {
    pub(super) edge: &'a Edge,
    pub(super) resource: Resource,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
}

impl Answer<'_> {
    /// From the cache.
    pub(super) fn hit(&self, kept: &Kept) -> Response {
        count(&self.edge.0.counts.hits);
        self.aged(kept, "airloom-edge; hit")
    }

    /// What the origin has just said.
    pub(super) fn forwarded(&self, content: &Content, joined: bool) -> Response {
        let status = self.forward(joined);
        self.of(content, status)
    }

    /// What the origin is saying.
    pub(super) fn filling(&self, flight: Arc<Flight>, filling: Filling, joined: bool) -> Response {
        let status = self.forward(joined);
        let tag = self.tag();
        let mut response = if is_known(self.headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let range =
                filling.length.map(|length| (Range::of(self.headers, &tag, length), length));
            let follow = |slice| {
                let following = Following::new(self.edge.clone(), flight, &filling, slice);
                Response::new(Body::new(following))
            };
            match range {
                None | Some((Range::Whole, _)) => follow(None),
                Some((Range::Single { start, length }, whole)) => {
                    partial(follow(Some((start, length))), start, length, whole)
                }
                Some((Range::Unsatisfiable, whole)) => return unsatisfiable(whole),
            }
        };
        self.describe(&mut response, filling.cache_control, status);
        set(&mut response, header::ETAG, &tag);
        if filling.length.is_some() {
            response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        response
    }

    /// There is no answer: what is old, where it may stand in, or a problem document.
    pub(super) fn failed(&self, failure: Failure, old: Option<Kept>) -> Response {
        if let Some(old) = old {
            count(&self.edge.0.counts.stale);
            return self.aged(&old, "airloom-edge; hit; detail=stale");
        }
        let mut response = Problem::new(failure.status(), failure.to_string()).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }

    fn forward(&self, joined: bool) -> &'static str {
        if joined {
            count(&self.edge.0.counts.collapsed);
            "airloom-edge; fwd=miss; collapsed"
        } else {
            "airloom-edge; fwd=miss"
        }
    }

    fn aged(&self, kept: &Kept, status: &'static str) -> Response {
        let mut response = self.of(&kept.content, status);
        set(&mut response, header::AGE, &kept.since.elapsed().as_secs().to_string());
        response
    }

    fn of(&self, content: &Content, status: &'static str) -> Response {
        match content {
            Content::Text(text) => self.text(text, status),
            Content::Media(media) => self.media(media, status),
            Content::Refusal(refusal) => refused(refusal),
        }
    }

    fn text(&self, text: &Text, status: &'static str) -> Response {
        // Shared with all other viewers, except where it carries a token of this one's.
        let carried = carried(&self.edge.0.config.carried, self.query);
        let encoded = match text.rendered.with_query(self.resource, &carried) {
            Some(body) => {
                let version = text.rendered.version;
                Arc::new(Encoded::new(Rendered { body, version }))
            }
            None => Arc::clone(&text.encoded),
        };
        let coding = Coding::negotiate(self.headers);
        let tag = encoded.tag(coding);
        let mut response = if is_known(self.headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let body = encoded.body(coding);
            let length = body.len() as u64;
            let mut response = self.body(std::iter::once(body), length);
            if let Some(name) = coding.name() {
                response.headers_mut().insert(header::CONTENT_ENCODING, name);
            }
            response
        };
        self.describe(&mut response, text.cache_control.clone(), status);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if text.tag.is_some() {
            set(&mut response, header::ETAG, &tag);
        }
        response
    }

    fn media(&self, media: &Media, status: &'static str) -> Response {
        let (tag, whole) = (self.tag(), media.bytes.len() as u64);
        let once = || std::iter::once(media.bytes.clone());
        let mut response = if is_known(self.headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            match Range::of(self.headers, &tag, whole) {
                Range::Whole => self.body(once(), whole),
                Range::Single { start, length } => {
                    let body = self.body(Sliced::new(once(), start, length), length);
                    partial(body, start, length, whole)
                }
                Range::Unsatisfiable => return unsatisfiable(whole),
            }
        };
        self.describe(&mut response, media.cache_control.clone(), status);
        set(&mut response, header::ETAG, &tag);
        response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response
    }

    /// A name of media never stands for other bytes, so it is its own tag, here as at the origin.
    fn tag(&self) -> String {
        format!("\"{}\"", self.resource)
    }

    /// A body whose bytes are counted as the connection takes them to write.
    fn body(
        &self,
        chunks: impl Iterator<Item = Bytes> + Send + Unpin + 'static,
        length: u64,
    ) -> Response {
        let edge = self.edge.clone();
        let counted = chunks.inspect(move |chunk| {
            edge.0.counts.bytes_out.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        Response::new(Body::new(Chunks::new(counted, length)))
    }

    fn describe(
        &self,
        response: &mut Response,
        caching: Option<HeaderValue>,
        status: &'static str,
    ) {
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static(self.resource.content_type());
        headers.insert(header::CONTENT_TYPE, content_type);
        let caching = caching.unwrap_or(HeaderValue::from_static("no-cache"));
        headers.insert(header::CACHE_CONTROL, caching);
        headers.insert(CACHE_STATUS, HeaderValue::from_static(status));
    }
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn refused(refusal: &Refusal) -> Response {
    let problem = HeaderValue::from_static("application/problem+json");
    if refusal.content_type.as_ref() != Some(&problem) {
        // Not one of ours: between here and there is something else.
        return Problem::new(refusal.status, "The origin refuses this").into_response();
    }
    let mut response = Response::new(Body::from(refusal.body.clone()));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, problem);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after) = &refusal.retry_after {
        headers.insert(header::RETRY_AFTER, after.clone());
    }
    response
}

fn partial(mut response: Response, start: u64, length: u64, whole: u64) -> Response {
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let range = format!("bytes {start}-{}/{whole}", start + length - 1);
    set(&mut response, header::CONTENT_RANGE, &range);
    response
}

fn unsatisfiable(whole: u64) -> Response {
    let detail = "The range lies outside of what is there";
    let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{whole}"));
    response
}
