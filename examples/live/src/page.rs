//! The page and all it needs, carried in the binary: it works without the internet.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use airloom::http::Problem;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Everything the page loads is its own; players feed video elements through blobs and workers.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; \
                      font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// `/` and `/assets/…`.
pub(crate) fn router() -> Router {
    Router::new().route("/", get(async |headers: HeaderMap| asset("index.html", &headers))).route(
        "/assets/{*name}",
        get(async |Path(name): Path<String>, headers: HeaderMap| asset(&name, &headers)),
    )
}

fn asset(name: &str, request: &HeaderMap) -> Response {
    let Some((_, content, tag)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return Problem::new(StatusCode::NOT_FOUND, "The page has no such file").into_response();
    };
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { content.into_response() };
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, content_type(name));
    set(header::ETAG, tag);
    // Names stay the same over versions, so caches ask; the answer is nearly always 304.
    set(header::CACHE_CONTROL, "no-cache");
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_scripts_are_there() {
        let response = asset("index.html", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(ASSETS.iter().any(|(name, ..)| *name == "app.js"));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let first = asset("index.html", &HeaderMap::new());
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(asset("index.html", &headers).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_path_out_of_the_page_leads_nowhere() {
        for name in ["../Cargo.toml", "/etc/passwd", ""] {
            assert_eq!(asset(name, &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        }
    }
}
