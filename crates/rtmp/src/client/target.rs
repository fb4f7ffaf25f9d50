use crate::Error;

/// Where to publish or play: an RTMP URL in its parts.
///
/// ```
/// use airloom_rtmp::client::Target;
///
/// let target = Target::parse("rtmp://127.0.0.1/live/key?token=1")?;
/// assert_eq!((target.host(), target.port(), target.is_secure()), ("127.0.0.1", 1935, false));
/// assert_eq!((target.app(), target.name()), ("live", "key?token=1"));
/// # Ok::<(), airloom_rtmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    secure: bool,
    host: String,
    port: u16,
    app: String,
    name: String,
}

impl Target {
    /// Reads `rtmp://HOST[:PORT]/APP/NAME[?QUERY]`, or `rtmps://…`.
    ///
    /// The application is everything up to the last `/` of the path, or up to the one before an
    /// empty name. IPv6 hosts stand in brackets.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the offset in `url` where a part is missing.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let malformed = |field, offset: usize| Error::Malformed {
            field,
            offset: offset as u64,
            value: url.as_bytes().get(offset).copied().map_or(0, u64::from),
        };
        let (secure, rest) = if let Some(rest) = url.strip_prefix("rtmp://") {
            (false, rest)
        } else if let Some(rest) = url.strip_prefix("rtmps://") {
            (true, rest)
        } else {
            return Err(malformed("scheme", 0));
        };
        let at = |part: &str| part.as_ptr() as usize - url.as_ptr() as usize;
        let (authority, path) = rest.split_once('/').ok_or(malformed("app", url.len()))?;
        let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err(malformed("host", at(authority)));
        }
        let port = match port {
            None => {
                if secure {
                    443
                } else {
                    1935
                }
            }
            Some(port) => port.parse().map_err(|_| malformed("port", at(port)))?,
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let (app, name) = path.rsplit_once('/').ok_or(malformed("name", at(path)))?;
        if app.is_empty() {
            return Err(malformed("app", at(path)));
        }
        if name.is_empty() {
            return Err(malformed("name", at(name)));
        }
        let name = query.map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        Ok(Self { secure, host: host.to_owned(), port, app: app.to_owned(), name })
    }

    /// Whether TLS is wanted (`rtmps`).
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: 1935, or 443 for `rtmps`, where the URL has none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The application.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The stream's name and its query.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `tcUrl`: the URL without the name.
    pub fn tc_url(&self) -> String {
        let scheme = if self.secure { "rtmps" } else { "rtmp" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{}{close}:{}/{}", self.host, self.port, self.app)
    }
}
