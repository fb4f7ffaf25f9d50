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

    /// Where a server sends its client with a reconnect request: `tc_url` is absolute, or relative
    /// to the present [`tc_url`](Self::tc_url) (Enhanced RTMP v2, reconnect request). The name stays.
    ///
    /// ```
    /// use airloom_rtmp::client::Target;
    ///
    /// let target = Target::parse("rtmp://a.example/live/key")?;
    /// assert_eq!(target.moved("rtmp://b.example:1936/live")?.host(), "b.example");
    /// assert_eq!(target.moved("/backup")?.tc_url(), "rtmp://a.example:1935/backup");
    /// # Ok::<(), airloom_rtmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); also where `tc_url` would leave TLS behind.
    pub fn moved(&self, tc_url: &str) -> Result<Self, Error> {
        let present = self.tc_url();
        let (scheme, rest) = present.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        let base = if tc_url.contains("://") {
            tc_url.to_owned()
        } else if tc_url.starts_with("//") {
            format!("{scheme}:{tc_url}")
        } else if tc_url.starts_with('/') {
            format!("{scheme}://{authority}{tc_url}")
        } else {
            let folder =
                self.app.rsplit_once('/').map_or(String::new(), |(up, _)| format!("{up}/"));
            format!("{scheme}://{authority}/{folder}{tc_url}")
        };
        let moved = Self::parse(&format!("{}/{}", base.trim_end_matches('/'), self.name))?;
        if self.secure && !moved.secure {
            return Err(Error::Malformed { field: "scheme", offset: 0, value: b'r'.into() });
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_absolute_or_relative_and_never_out_of_tls() {
        let target = Target::parse("rtmps://[::1]:9/a/b/key?x=1").unwrap();
        for (tc_url, expected) in [
            ("rtmps://h/c", "rtmps://h:443/c"),
            ("//h:7/c/", "rtmps://h:7/c"),
            ("/c", "rtmps://[::1]:9/c"),
            ("c", "rtmps://[::1]:9/a/c"),
        ] {
            let moved = target.moved(tc_url).unwrap();
            assert_eq!((moved.tc_url().as_str(), moved.name()), (expected, "key?x=1"));
        }
        assert!(target.moved("rtmp://h/c").is_err());
        assert!(target.moved("http://h/c").is_err());
        assert!(target.moved("").is_ok_and(|moved| moved.app() == "a"));
    }
}
