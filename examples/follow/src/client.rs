use std::error::Error;
use std::time::Duration;

/// Fetches things.
pub(crate) struct Client(ureq::Agent);

impl Client {
    pub(crate) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)));
        Self(config.build().new_agent())
    }

    /// Status and body.
    pub(crate) fn get(&self, url: &str) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
        let mut answer = self.0.get(url).call()?;
        let body = answer.body_mut().with_config().limit(1 << 28).read_to_vec()?;
        Ok((answer.status().as_u16(), body))
    }

    /// A text that must be there.
    pub(crate) fn text(&self, url: &str) -> Result<String, Box<dyn Error>> {
        let (status, body) = self.get(url)?;
        if status != 200 {
            return Err(format!("{status} for {url}").into());
        }
        Ok(String::from_utf8(body)?)
    }
}

/// `url` with `query` beside what it has.
pub(crate) fn with(url: &str, query: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

/// The address that `link` in the document at `base` leads to.
pub(crate) fn join(base: &str, link: &str) -> String {
    let path = base.split(['?', '#']).next().unwrap_or(base);
    if link.contains("://") {
        return link.to_owned();
    }
    if link.starts_with('/') {
        let (scheme, rest) = path.split_once("://").unwrap_or(("http", path));
        let host = rest.split('/').next().unwrap_or(rest);
        return format!("{scheme}://{host}{link}");
    }
    format!("{}/{link}", path.rsplit_once('/').map_or(path, |(folder, _)| folder))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn links_lead_on_from_their_document() {
        let base = "https://h:1/live/a/1.m3u8?token=x";
        assert_eq!(join(base, "1-2.m4s?token=x"), "https://h:1/live/a/1-2.m4s?token=x");
        assert_eq!(join(base, "/b"), "https://h:1/b");
        assert_eq!(join(base, "http://o/x"), "http://o/x");
    }
}
