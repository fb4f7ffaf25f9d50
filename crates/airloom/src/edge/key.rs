use std::fmt;

use airloom_playlist::{Request, Resource, Skip};

use crate::origin::StreamName;

/// What an answer is kept under: a stream's resource and the directives that change the answer.
/// Everything else in a viewer's query is no part of it, so that viewers with different tokens
/// share one answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: StreamName,
    pub(super) resource: Resource,
    msn: Option<u64>,
    part: Option<u32>,
    skip: Skip,
}

impl Key {
    pub(super) fn new(name: StreamName, request: &Request) -> Self {
        let Request { resource, msn, part, skip, .. } = *request;
        Self { name, resource, msn, part, skip }
    }

    /// Whether the answer is text, which is taken whole before anybody gets it.
    pub(super) fn is_text(&self) -> bool {
        self.resource.is_live()
    }

    /// Whether an origin holds such a request until there is something to answer.
    pub(super) fn may_block(&self) -> bool {
        self.msn.is_some() || !self.is_text()
    }

    /// Whether an old answer says the same as a new one, only less of it.
    pub(super) fn may_be_stale(&self) -> bool {
        self.is_text() && self.msn.is_none() && self.resource != Resource::Time
    }
}

/// The path and query under which an origin is asked, from the stream's name on.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.resource)?;
        let mut mark = '?';
        if let Some(msn) = self.msn {
            write!(f, "{mark}_HLS_msn={msn}")?;
            mark = '&';
        }
        if let Some(part) = self.part {
            write!(f, "{mark}_HLS_part={part}")?;
            mark = '&';
        }
        match self.skip {
            Skip::No => Ok(()),
            Skip::Segments => write!(f, "{mark}_HLS_skip=YES"),
            Skip::DateRanges => write!(f, "{mark}_HLS_skip=v2"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_the_answer_is_asked_for() {
        let key = |resource: &str, query: &str| {
            let resource = Resource::parse(resource).unwrap();
            Key::new("cam".parse().unwrap(), &Request::from_query(resource, query).unwrap())
        };
        for (resource, query, asked) in [
            ("index.m3u8", "token=a", "cam/index.m3u8"),
            ("1.m3u8", "_HLS_part=3&x=y&_HLS_msn=7", "cam/1.m3u8?_HLS_msn=7&_HLS_part=3"),
            ("1.m3u8", "_HLS_skip=YES", "cam/1.m3u8?_HLS_skip=YES"),
            ("ts.m3u8", "_HLS_msn=7&_HLS_skip=v2", "cam/ts.m3u8?_HLS_msn=7&_HLS_skip=v2"),
            ("1-7.3.m4s", "_HLS_msn=7", "cam/1-7.3.m4s"),
        ] {
            assert_eq!(key(resource, query).to_string(), asked);
        }
        assert_eq!(key("1-7.m4s", "token=a"), key("1-7.m4s", "token=b"));
        assert_ne!(key("1.m3u8", "_HLS_msn=1"), key("1.m3u8", "_HLS_msn=2"));
    }
}
