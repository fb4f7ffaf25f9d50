use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::{Authority, PathAndQuery, Scheme};

/// Where requests of ours go: an absolute URL of `http`, or `https` with the feature `tls`.
///
/// ```
/// use airloom::http::Endpoint;
///
/// let endpoint: Endpoint = "http://127.0.0.1:8000/hooks?site=1".parse()?;
/// assert_eq!(endpoint.to_string(), "http://127.0.0.1:8000/hooks?site=1");
/// # Ok::<(), airloom::http::InvalidEndpoint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    authority: Authority,
    path: PathAndQuery,
}

/// Text that is no [`Endpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEndpoint {
    /// No URL, or one without a host.
    #[error("not a URL with a host")]
    Malformed,
    /// Not a scheme that is spoken here: `https` takes the feature `tls`.
    #[error("not a URL of http, or of https with the feature `tls`")]
    Scheme,
    /// A name or password in the URL, which would be written to logs.
    #[error("a URL with a name or password in it")]
    Credentials,
}

impl Endpoint {
    #[cfg(feature = "tls")]
    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, IPv6 without brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.secure { 443 } else { 80 })
    }

    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_str()
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(url: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = url.parse().map_err(|_| InvalidEndpoint::Malformed)?;
        let parts = uri.into_parts();
        let authority = parts.authority.ok_or(InvalidEndpoint::Malformed)?;
        let secure = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP => false,
            Some(scheme) if scheme == Scheme::HTTPS && cfg!(feature = "tls") => true,
            _ => return Err(InvalidEndpoint::Scheme),
        };
        if authority.host().is_empty() {
            return Err(InvalidEndpoint::Malformed);
        }
        if authority.as_str().contains('@') {
            return Err(InvalidEndpoint::Credentials);
        }
        let path = parts.path_and_query.unwrap_or(PathAndQuery::from_static("/"));
        Ok(Self { secure, authority, path })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_endpoint_says_why() {
        let parse = str::parse::<Endpoint>;
        for bad in ["", "/path", "nowhere", "http://", "http:///x", "ht tp://a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("ftp://a/"), Err(InvalidEndpoint::Scheme));
        assert_eq!(parse("http://a:b@c/"), Err(InvalidEndpoint::Credentials));
        let bare = parse("http://[::1]:81").unwrap();
        assert_eq!((bare.host(), bare.port(), bare.path()), ("::1", 81, "/"));
        assert_eq!(parse("https://a/").is_ok(), cfg!(feature = "tls"));
    }
}
