use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use airloom_playlist::can_carry;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use super::super::door::{Door, Shown};
use super::super::{Origin, StreamName, wall_time};
use super::{RETRY, carried};
use crate::access::{Denied, Visit};
use crate::http::Problem;

/// Lets a request in that shows `query`, or says why not; answers which stream it is for, if not the one in its path.
pub(super) async fn admit(
    origin: &Origin,
    door: &Arc<Door>,
    name: &StreamName,
    query: &str,
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
) -> Result<Option<StreamName>, Denied> {
    let authorization = headers.get(header::AUTHORIZATION);
    let shown = Shown {
        stream: name.as_str(),
        address: peer.map(|peer| peer.ip()),
        authorization: authorization.map(HeaderValue::as_bytes),
        query,
    };
    let visit = || {
        let mut visit = Visit::new(name.clone(), query, wall_time());
        visit.id = origin.visit_number();
        visit.peer = peer;
        if let Some(token) = authorization.and_then(bearer) {
            visit.credential = Some(token.to_owned());
        }
        visit
    };
    door.admit(shown, visit).await
}

/// What a request to [guarded](Origin::guarded) routes showed to be let in, for the links of its
/// answer to carry on: an extension of such requests.
///
/// ```
/// use airloom::origin::Carried;
/// use axum::Extension;
/// use axum::response::Redirect;
///
/// async fn latest(shown: Option<Extension<Carried>>) -> Redirect {
///     let query = shown.map_or_else(String::new, |Extension(shown)| format!("?{}", shown.query()));
///     Redirect::temporary(&format!("poster-12.jpg{query}"))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried(Arc<str>);

impl Carried {
    /// Those parameters of the request's query that [`carried`](super::super::Builder::carried)
    /// names, as they came and without the `?`; never empty, and such that links
    /// [can carry](airloom_playlist::can_carry) them. In XML and HTML, `&` is still to be escaped.
    pub fn query(&self) -> &str {
        &self.0
    }
}

/// Lets nothing of `router` through that is of a stream whose gate refuses it.
pub(in super::super) fn guarded(
    origin: Origin,
    router: Router,
    stream: impl Fn(&str) -> Option<StreamName> + Clone + Send + Sync + 'static,
) -> Router {
    router.layer(from_fn(move |mut request: Request, next: Next| {
        let (origin, stream) = (origin.clone(), stream.clone());
        async move {
            let Some(door) = origin.door() else { return next.run(request).await };
            let Some(path) = decoded(request.uri().path()) else {
                let detail = "The path cannot be read";
                return Problem::new(StatusCode::BAD_REQUEST, detail).into_response();
            };
            let Some(name) = stream(&path) else { return next.run(request).await };
            let peer = request.extensions().get().map(|ConnectInfo(peer)| *peer);
            let query = request.uri().query().unwrap_or_default();
            let shown = carried(&origin.config().carried, query);
            match admit(&origin, &door, &name, &shown, peer, request.headers()).await {
                Ok(_) => {
                    let private = is_private(&shown, request.headers());
                    if can_carry(&shown) {
                        request.extensions_mut().insert(Carried(shown.into()));
                    }
                    let response = next.run(request).await;
                    if private { keep_private(response) } else { response }
                }
                Err(denied) => denied.into_response(),
            }
        }
    }))
}

/// A path as those who serve it read it, segment by segment. None where it is not UTF-8 or a segment
/// hides a slash: whoever is let in must be let in to what is served.
fn decoded(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let segments: Option<Vec<_>> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8().ok())
        .map(|segment| segment.filter(|segment| !segment.contains('/')))
        .collect();
    Some(Cow::Owned(segments?.join("/")))
}

/// Whether what is answered is for one viewer alone. Caches tell viewers apart by what their URLs
/// show.
pub(super) fn is_private(shown: &str, headers: &HeaderMap) -> bool {
    shown.is_empty() || headers.contains_key(header::AUTHORIZATION)
}

/// What an `Authorization: Bearer …` says (RFC 6750, 2.1).
fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Keeps shared caches from giving to all what one was let in to.
pub(super) fn keep_private(mut response: Response) -> Response {
    let control = response.headers_mut().get_mut(header::CACHE_CONTROL);
    if let Some(control) = control
        && let Ok(text) = control.to_str()
        && let Ok(private) = HeaderValue::from_str(&text.replacen("public", "private", 1))
    {
        *control = private;
    }
    response
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::FORBIDDEN);
        let sentence = self.to_string();
        let mut letters = sentence.chars();
        let detail = letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
        let mut problem =
            Problem::new(status, detail).with_type(format!("urn:airloom:access:{}", self.code()));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            problem = problem.with_retry_after(RETRY);
        }
        let mut response = problem.into_response();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_served() {
        for (path, read) in [
            ("/cam/dvr.m3u8", Some("/cam/dvr.m3u8")),
            ("/c%61m/dvr.m3u8", Some("/cam/dvr.m3u8")),
            ("/caf%C3%A9/", Some("/café/")),
            ("/cam%2Fdvr.m3u8", None),
            ("/cam%FF/dvr.m3u8", None),
        ] {
            assert_eq!(decoded(path).as_deref(), read, "{path}");
        }
    }
}
