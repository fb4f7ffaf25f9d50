use std::fmt;
use std::future::ready;

use super::{Anonymous, Authority, Denied, Identified, Visit};
use crate::Author;

/// An [`Authority`] with a few fixed tokens, the same in all rooms: a moderator's, say.
///
/// Every token is compared in full on every visit, so keep them few, and long enough that nobody
/// guesses one.
#[derive(Clone)]
pub struct Tokens {
    anonymous: Anonymous,
    known: Vec<(Box<[u8]>, Author)>,
}

impl Tokens {
    /// No token at all: everybody is what `anonymous` says.
    pub const fn new(anonymous: Anonymous) -> Self {
        Self { anonymous, known: Vec::new() }
    }

    /// Whoever shows `token` is `author`. An empty token is nobody's.
    #[must_use]
    pub fn with(mut self, token: &str, author: Author) -> Self {
        if !token.is_empty() {
            self.known.push((token.as_bytes().into(), author));
        }
        self
    }
}

impl Authority for Tokens {
    fn identify<'a>(&'a self, _: Visit<'a>, credential: &'a str) -> Identified<'a> {
        let mut found = Err(Denied::Forged);
        for (token, author) in &self.known {
            if equal(token, credential.as_bytes()) {
                found = Ok(author.clone());
            }
        }
        Box::pin(ready(found))
    }

    fn anonymous(&self, _: Visit<'_>) -> Anonymous {
        self.anonymous
    }
}

/// Takes as long for a wrong token as for a right one of that length.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other));
    std::hint::black_box(differ) == 0 && one.len() == other.len()
}

/// Says whose tokens there are, and none of them.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = self.known.iter().map(|(_, author)| &author.id).collect();
        f.debug_struct("Tokens").field("anonymous", &self.anonymous).field("known", &known).finish()
    }
}
