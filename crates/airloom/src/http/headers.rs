use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// `value` is always one a header can carry: digits and names.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Whether `If-None-Match` names `tag` (RFC 9110, 13.1.2: compared weakly).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        known
            .to_str()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    })
}
