use super::{Case, Policy, Verdict};
use crate::{Refusal, Roles};

/// How many links a message may have, and to where.
///
/// Taken for a link is what a page would make one of: a word with `://` in it, or a dotted name
/// whose last label is two or more letters (`example.com/x`). VIPs pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    most: usize,
    hosts: Vec<String>,
}

impl Links {
    /// None at all.
    pub const fn none() -> Self {
        Self { most: 0, hosts: Vec::new() }
    }

    /// At most this many.
    pub const fn at_most(most: usize) -> Self {
        Self { most, hosts: Vec::new() }
    }

    /// Links to `host` and what is below it are not counted.
    #[must_use]
    pub fn except(mut self, host: &str) -> Self {
        self.hosts.push(host.to_ascii_lowercase());
        self
    }

    fn counts(&self, word: &str) -> bool {
        let Some(host) = host(word) else { return false };
        let host = host.to_ascii_lowercase();
        !self.hosts.iter().any(|known| {
            host.strip_suffix(known.as_str()).is_some_and(|it| it.is_empty() || it.ends_with('.'))
        })
    }
}

impl Policy for Links {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        let links = case.text.split_whitespace().filter(|word| self.counts(word));
        if case.author.roles.any(Roles::VIP) || links.count() <= self.most {
            Verdict::Pass
        } else {
            Verdict::Refuse(Refusal::Link)
        }
    }
}

/// The host that a word would lead to, if it would lead anywhere.
fn host(word: &str) -> Option<&str> {
    let schemed = word.split_once("://");
    let rest = schemed.map_or(word, |(_, rest)| rest);
    let rest = rest.trim_start_matches(|it: char| !it.is_alphanumeric());
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split(':').next()?;
    let host = host.trim_end_matches(|it: char| !it.is_alphanumeric());
    if schemed.is_some() {
        return Some(host);
    }
    let (name, last) = host.rsplit_once('.')?;
    let dotted = name.split('.').all(|label| !label.is_empty());
    (dotted && last.chars().count() >= 2 && last.chars().all(char::is_alphabetic)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn links_are_found_where_a_page_would_make_them() {
        for text in [
            "see https://evil.example/x",
            "evil.example",
            "(evil.example/x)",
            "HTTP://EVIL",
            "user@evil.example",
            "evil.example:8080",
            "пример.рф",
        ] {
            let refused = Verdict::Refuse(Refusal::Link);
            assert_eq!(Fixture::saying(text).judged(&Links::none()), refused, "{text}");
        }
        for text in ["so... what", "3.5", "v1.2.3", "hm.", "a..b", "e.g. this", "1:1"] {
            assert_eq!(Fixture::saying(text).judged(&Links::none()), Verdict::Pass, "{text}");
        }
    }

    #[test]
    fn known_hosts_and_a_number_are_allowed() {
        let links = Links::at_most(1).except("good.example");
        let judged = |text| Fixture::saying(text).judged(&links);
        assert_eq!(judged("https://www.GOOD.example/a good.example b.example"), Verdict::Pass);
        assert_eq!(judged("a.example b.example"), Verdict::Refuse(Refusal::Link));
        assert_eq!(
            judged("https://notgood.example https://good.example.evil.example"),
            Verdict::Refuse(Refusal::Link)
        );
        assert_eq!(
            judged("https://good.example@evil.example b.example"),
            Verdict::Refuse(Refusal::Link)
        );
    }
}
