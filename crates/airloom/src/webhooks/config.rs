use std::time::Duration;

use super::Secret;
use crate::http::Endpoint;

/// A receiver, and how it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where messages go.
    pub endpoint: Endpoint,
    /// What they are signed with: each with all of these, so that one can be replaced while the
    /// receiver still goes by the one before.
    pub secrets: Vec<Secret>,
    /// Messages that wait at most. Default 1000, of some 300 bytes each; past it the oldest is
    /// dropped, and counted.
    pub queue: usize,
    /// Messages on their way at once, each of another stream. Default 4, of some 40 KB each.
    pub at_once: usize,
    /// How long a receiver may take to answer. Default 15 s.
    pub timeout: Duration,
    /// Up to how long to wait after the first failure of a message; doubled with each further one,
    /// and drawn at random below it. Default 1 s.
    pub first_wait: Duration,
    /// The longest wait, but where a receiver asks for a longer one (`Retry-After`, up to an hour).
    /// Default 5 min.
    pub longest_wait: Duration,
    /// After how long a message is given up, and dropped. Default 24 h.
    pub give_up: Duration,
}

impl Config {
    /// Messages for `endpoint`, signed with `secret`.
    pub fn new(endpoint: Endpoint, secret: Secret) -> Self {
        Self {
            endpoint,
            secrets: vec![secret],
            queue: 1000,
            at_once: 4,
            timeout: Duration::from_secs(15),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(5),
            give_up: Duration::from_hours(24),
        }
    }
}
