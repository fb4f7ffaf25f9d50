use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::{Authority, PathAndQuery, Scheme};

use super::key::Key;

/// Where an [`Edge`](super::Edge)'s origin serves its streams: `http://HOST[:PORT]/BASE`, or
/// `https://…` with the feature `tls`, under which `NAME/index.m3u8` and the rest are found.
///
/// ```
/// use airloom::edge::Upstream;
///
/// assert!("http://10.0.0.7:8080/live".parse::<Upstream>().is_ok());
/// assert!("10.0.0.7:8080".parse::<Upstream>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    base: String,
}

/// A text that says not where an origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUpstream {
    /// It is no URL.
    #[error("not a URL of the form http://HOST[:PORT]/PATH")]
    Malformed,
    /// It is one, of something that is not spoken here: `https` takes the feature `tls`.
    #[error("an origin is reached by http://, or by https:// with the feature `tls`")]
    Scheme,
    /// It has a query, which would stand before the stream's name.
    #[error("the URL of an origin has no query")]
    Query,
}

impl FromStr for Upstream {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        let uri: Uri = text.parse().map_err(|_| InvalidUpstream::Malformed)?;
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) if is_spoken(scheme) => {
                if uri.query().is_some() {
                    return Err(InvalidUpstream::Query);
                }
                let plain = match authority.port_u16() {
                    Some(port) => format!("{}:{port}", authority.host()),
                    None => authority.host().to_owned(),
                };
                if plain != authority.as_str() {
                    return Err(InvalidUpstream::Malformed);
                }
                let base = uri.path().trim_end_matches('/').to_owned();
                Ok(Self { scheme: scheme.clone(), authority: authority.clone(), base })
            }
            (Some(_), _) => Err(InvalidUpstream::Scheme),
            _ => Err(InvalidUpstream::Malformed),
        }
    }
}

impl Upstream {
    /// The address of what `key` names. Everything in a key can stand in a URL as it is, so this
    /// never fails but for a base that cannot be followed by a path.
    pub(super) fn uri(&self, key: &Key) -> Option<Uri> {
        let path = PathAndQuery::try_from(format!("{}/{key}", self.base)).ok()?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .ok()
    }
}

fn is_spoken(scheme: &Scheme) -> bool {
    *scheme == Scheme::HTTP || cfg!(feature = "tls") && *scheme == Scheme::HTTPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_http_url_without_query() {
        let parse = str::parse::<Upstream>;
        assert!(parse("http://h").is_ok() && parse("http://[::1]:1/a/b/").is_ok());
        assert_eq!(parse("https://h/live").is_ok(), cfg!(feature = "tls"));
        assert_eq!(parse("ftp://h/live"), Err(InvalidUpstream::Scheme));
        assert_eq!(parse("http://h/live?x=1"), Err(InvalidUpstream::Query));
        for bad in ["", "h", "h:80", "/live", "http://", "http://h:x/", "http://a:b@h/"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
