use airloom::Origin;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower_service::Service;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The value of `attribute` (with its `=`) in the last line that has it, up to a comma.
    pub(super) fn last(&self, attribute: &str) -> &str {
        let (_, rest) = self.text().rsplit_once(attribute).unwrap();
        rest.split([',', '\n']).next().unwrap().trim_matches('"')
    }

    /// Every line that is no tag: what the playlist leads to.
    pub(super) fn uris(&self) -> Vec<&str> {
        self.text().lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
    }

    /// `EXT-X-MEDIA-SEQUENCE` and the sequence number of the last whole segment.
    pub(super) fn sequences(&self) -> (u64, u64) {
        let first: u64 = self.last("#EXT-X-MEDIA-SEQUENCE:").parse().unwrap();
        (first, first + self.uris().len() as u64 - 1)
    }
}

pub(super) async fn get(origin: &Origin, path: &str) -> Answer {
    request(origin, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(super) async fn request(origin: &Origin, request: Request<Body>) -> Answer {
    let response = origin.router().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The video rendition's media playlist, found through the multivariant one.
pub(super) async fn video_playlist(origin: &Origin, name: &str) -> String {
    let multivariant = get(origin, &format!("/{name}/index.m3u8")).await;
    assert_eq!(multivariant.status, StatusCode::OK, "{}", multivariant.text());
    format!("/{name}/{}", multivariant.uris()[0])
}
