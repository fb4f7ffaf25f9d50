use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Viewers remembered at once; further ones are served and not counted. 16 bytes each.
const MOST: usize = 100_000;

/// Counts who watches over HTTP without cookies: an address and a user agent that asked for
/// anything within the last [`SEEN`](Viewers::SEEN) is one viewer.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    seen: HashMap<u64, Instant>,
    hasher: RandomState,
}

impl Viewers {
    /// Longer than any player waits between two requests.
    const SEEN: Duration = Duration::from_secs(12);

    pub(super) fn note(&mut self, address: IpAddr, user_agent: &[u8], now: Instant) {
        let viewer = self.hasher.hash_one((address, user_agent));
        if self.seen.len() >= MOST {
            self.forget(now);
        }
        if self.seen.len() < MOST || self.seen.contains_key(&viewer) {
            self.seen.insert(viewer, now);
        }
    }

    pub(super) fn count(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.seen.len()
    }

    fn forget(&mut self, now: Instant) {
        self.seen.retain(|_, last| now.duration_since(*last) < Self::SEEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_player_is_one_viewer_until_it_falls_silent() {
        let (mut viewers, start) = (Viewers::default(), Instant::now());
        let here = IpAddr::from([127, 0, 0, 1]);
        for second in 0..5 {
            viewers.note(here, b"hls", start + Duration::from_secs(second));
        }
        viewers.note(here, b"dash", start);
        assert_eq!(viewers.count(start + Duration::from_secs(5)), 2);
        assert_eq!(viewers.count(start + Duration::from_secs(13)), 1);
        assert_eq!(viewers.count(start + Duration::from_mins(1)), 0);
    }
}
