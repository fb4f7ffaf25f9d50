use std::future::poll_fn;
use std::hash::{DefaultHasher, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use airloom_playlist::{Rendered, Resource};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::cache::Keep;
use super::flight::{Content, End, Failure, Filled, Filling, Media, Outcome, Pilot, Refusal, Text};
use super::{Edge, Shared};
use crate::origin::delivery::Encoded;

/// Between two tries to reach an origin for those who are held meanwhile.
const RETRY: Duration = Duration::from_millis(100);
/// For how long an origin that could not be reached is not tried again by anybody.
const DOWN: Duration = Duration::from_millis(50);
/// Bytes of a refusal's body.
const REFUSAL: usize = 64 << 10;

/// Asks the origin, tells whoever waits, and keeps the answer; gives up when nobody waits any more.
pub(super) async fn fly(edge: Edge, pilot: Pilot) {
    let Pilot { key, flight, outcome, mut abandoned } = pilot;
    let fetch = Fetch { edge: edge.0, key, flight, outcome };
    tokio::select! {
        () = fetch.run() => {}
        _ = &mut abandoned => {
            fetch.edge.counts.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Fetch {
    edge: Arc<Shared>,
    key: super::key::Key,
    flight: std::sync::Weak<super::flight::Flight>,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.edge.cache().land(&self.key, &self.flight);
    }
}

impl Fetch {
    async fn run(&self) {
        let result = match self.ask().await {
            Ok(response) => self.take(response).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = result {
            self.edge.counts.failures.fetch_add(1, Ordering::Relaxed);
            debug!(key = %self.key, %failure, "origin");
            self.tell(Outcome::Failed(failure));
        }
    }

    fn tell(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    fn keep_and_tell(&self, content: Content, keep: Keep) {
        self.edge.cache().keep(&self.key, content.clone(), keep, Instant::now());
        self.tell(Outcome::Here(content));
    }

    /// The origin's answer: its head, once there is one.
    async fn ask(&self) -> Result<Response<Incoming>, Failure> {
        let config = &self.edge.config;
        let hold = if self.key.may_block() { config.hold } else { Duration::ZERO };
        let (begun, mut again) = (Instant::now(), true);
        loop {
            let failure = match self.attempt().await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            // A connection that was kept may have died of age, which the origin is not to blame for.
            if failure == Failure::Broken && std::mem::take(&mut again) {
                continue;
            }
            let lost = matches!(failure, Failure::Broken | Failure::Unreachable);
            if !lost || begun.elapsed() + RETRY > hold {
                return Err(failure);
            }
            sleep(RETRY).await;
        }
    }

    async fn attempt(&self) -> Result<Response<Incoming>, Failure> {
        let (edge, config) = (&*self.edge, &self.edge.config);
        if edge.is_down(DOWN) {
            return Err(Failure::Unreachable);
        }
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = edge.upstream.uri(&self.key).ok_or(Failure::Garbled)?;
        let headers = request.headers_mut();
        headers.extend(config.headers.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static("airloom-edge"));
        let mut time = config.wait;
        if let Some(Content::Text(text)) = edge.cache().last(&self.key) {
            if let Some(tag) = &text.tag {
                headers.insert(header::IF_NONE_MATCH, tag.clone());
            }
            if self.key.may_be_stale() && !config.stale.is_zero() {
                time = config.answer;
            }
        }
        edge.counts.asked.fetch_add(1, Ordering::Relaxed);
        match timeout(time, edge.client.request(request)).await {
            Ok(Ok(response)) => {
                edge.note_up();
                Ok(response)
            }
            Ok(Err(error)) if error.is_connect() => {
                if edge.note_down() {
                    warn!("the origin cannot be reached: {error}");
                }
                Err(Failure::Unreachable)
            }
            Ok(Err(error)) => {
                debug!(key = %self.key, %error, "origin");
                Err(Failure::Broken)
            }
            Err(_) => Err(Failure::Silent),
        }
    }

    async fn take(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let status = response.status();
        match status {
            StatusCode::OK if self.key.is_text() => self.take_text(response).await,
            StatusCode::OK => self.take_media(response).await,
            StatusCode::NOT_MODIFIED => self.take_same(response.headers()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Shut),
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE => self.take_refusal(response).await,
            _ if status.is_server_error() => Err(Failure::Broken),
            _ => Err(Failure::Garbled),
        }
    }

    async fn take_text(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let keep = if self.key.resource == Resource::Time {
            Keep::Never
        } else {
            keep(response.headers(), self.edge.config.reuse)
        };
        let tag = response.headers().get(header::ETAG).cloned();
        let cache_control = response.headers().get(header::CACHE_CONTROL).cloned();
        let body = self.whole(response.into_body(), self.edge.config.limits.playlist).await?;
        let version = tag.as_ref().and_then(version).unwrap_or_else(|| fingerprint(&body));
        let rendered = Rendered { body, version };
        let encoded = Arc::new(Encoded::new(rendered.clone()));
        let text = Text { rendered, encoded, cache_control, tag };
        self.keep_and_tell(Content::Text(Arc::new(text)), keep);
        Ok(())
    }

    /// The answer from before is good for some more.
    fn take_same(&self, headers: &HeaderMap) -> Result<(), Failure> {
        // It may have made room for others since it was asked about.
        let content = self.edge.cache().last(&self.key).ok_or(Failure::Full)?;
        self.keep_and_tell(content, keep(headers, self.edge.config.reuse));
        Ok(())
    }

    async fn take_refusal(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let (status, headers) = (response.status(), response.headers());
        let keep = if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            Keep::For(self.edge.config.negative)
        } else {
            Keep::Never
        };
        let content_type = headers.get(header::CONTENT_TYPE).cloned();
        let retry_after = headers.get(header::RETRY_AFTER).cloned();
        let body = self.whole(response.into_body(), REFUSAL).await?;
        let refusal = Refusal { status, content_type, retry_after, body };
        self.keep_and_tell(Content::Refusal(Arc::new(refusal)), keep);
        Ok(())
    }

    async fn take_media(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let headers = response.headers();
        let keep = keep(headers, self.edge.config.reuse);
        let cache_control = headers.get(header::CACHE_CONTROL).cloned();
        let body = response.into_body();
        let length = body.size_hint().exact();
        let most = self.edge.config.limits.body;
        if length.is_some_and(|length| length > most as u64) {
            return Err(Failure::TooLarge);
        }
        let (filling, filled) = watch::channel(Filled::default());
        let coming = Filling { length, cache_control: cache_control.clone(), filled };
        self.tell(Outcome::Filling(coming));
        let pass_on =
            |chunk: &Bytes| filling.send_modify(|filled| filled.chunks.push(chunk.clone()));
        let end = match self.pull(body, most, pass_on).await {
            Ok(bytes) => {
                let media = Content::Media(Arc::new(Media { bytes, cache_control }));
                self.edge.cache().keep(&self.key, media, keep, Instant::now());
                End::Whole
            }
            Err(failure) => {
                self.edge.counts.failures.fetch_add(1, Ordering::Relaxed);
                debug!(key = %self.key, %failure, "origin");
                End::Cut
            }
        };
        filling.send_modify(|filled| filled.end = Some(end));
        Ok(())
    }

    async fn whole(&self, body: Incoming, most: usize) -> Result<Bytes, Failure> {
        self.pull(body, most, |_| {}).await
    }

    /// The whole body, each piece of it given to `pass_on` as it comes.
    ///
    /// It is put together in the end, the only copy made here: pieces are slices of read buffers,
    /// and a small one would keep a large buffer from being freed for as long as it is kept.
    async fn pull(
        &self,
        mut body: Incoming,
        most: usize,
        pass_on: impl Fn(&Bytes),
    ) -> Result<Bytes, Failure> {
        let mut chunks = Vec::new();
        let mut coming = Coming { edge: &self.edge, bytes: 0 };
        loop {
            let next = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
            let frame = match timeout(self.edge.config.wait, next).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return Err(Failure::Broken),
                Ok(None) => break,
                Err(_) => return Err(Failure::Silent),
            };
            let Ok(chunk) = frame.into_data() else { continue };
            self.edge.counts.bytes_in.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if coming.bytes + chunk.len() > most {
                return Err(Failure::TooLarge);
            }
            if !coming.grow(chunk.len()) {
                return Err(Failure::Full);
            }
            pass_on(&chunk);
            chunks.push(chunk);
        }
        let mut whole = BytesMut::with_capacity(coming.bytes);
        whole.extend(chunks);
        Ok(whole.freeze())
    }
}

/// Room in the cache for what is coming; given back when it is dropped.
struct Coming<'a> {
    edge: &'a Shared,
    bytes: usize,
}

impl Coming<'_> {
    fn grow(&mut self, bytes: usize) -> bool {
        let room = self.edge.cache().expect(bytes);
        if room {
            self.bytes += bytes;
        }
        room
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.edge.cache().came(self.bytes);
    }
}

/// What `Cache-Control` says; `reuse` is how long an answer is good that has to be asked about.
///
/// What is private is so for those who ask without a credential of their own; this edge asks with its
/// own, for viewers whom it lets in itself.
fn keep(headers: &HeaderMap, reuse: Duration) -> Keep {
    let mut keep = Keep::For(reuse);
    for value in headers.get_all(header::CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            match directive.trim() {
                "no-store" => return Keep::Never,
                "no-cache" => return Keep::For(reuse),
                "immutable" => keep = Keep::Ever,
                other if keep != Keep::Ever => {
                    let age = other.strip_prefix("max-age=").unwrap_or_default();
                    if let Ok(seconds) = age.parse::<u32>() {
                        keep = Keep::For(Duration::from_secs(seconds.into()));
                    }
                }
                _ => {}
            }
        }
    }
    keep
}

/// The version that an origin's tag says, so that all edges and the origin have the same tags.
fn version(tag: &HeaderValue) -> Option<u64> {
    let hex = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    u64::from_str_radix(hex, 16).ok()
}

fn fingerprint(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_as_long_as_the_origin_says() {
        let reuse = Duration::from_millis(50);
        let seconds = |seconds| Keep::For(Duration::from_secs(seconds));
        for (value, expected) in [
            ("", Keep::For(reuse)),
            ("no-cache", Keep::For(reuse)),
            ("public, max-age=12", seconds(12)),
            ("max-age=12, no-cache", Keep::For(reuse)),
            ("public, max-age=86400, immutable", Keep::Ever),
            ("immutable, max-age=86400", Keep::Ever),
            ("max-age=5, no-store", Keep::Never),
            ("private, max-age=12", seconds(12)),
            ("max-age=-1", Keep::For(reuse)),
            ("max-age=99999999999999999999", Keep::For(reuse)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
            assert_eq!(keep(&headers, reuse), expected, "{value}");
        }
        assert_eq!(version(&HeaderValue::from_static("\"18c\"")), Some(0x18c));
        assert_eq!(version(&HeaderValue::from_static("\"18c-gzip\"")), None);
    }
}
