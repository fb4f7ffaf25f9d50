use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// The least silence after which a viewer counts as gone.
const SILENT: Duration = Duration::from_secs(12);

/// Counts who watches over HTTP without cookies, and for how long: an address and a user agent
/// that ask for anything again and again are one viewer, however many tabs and requests that is.
///
/// A viewer's time runs from its first request to its last, without the silences of
/// [`gone`](Self::gone) and more: the union of what its requests cover, no moment twice.
#[derive(Debug)]
pub(super) struct Viewers {
    /// Up to when each viewer's time is counted.
    seen: HashMap<u64, Instant>,
    hasher: RandomState,
    gone: Duration,
}

impl Viewers {
    /// Viewers of a stream in segments of `segment`, for which players ask at least once in twice
    /// that time.
    pub(super) fn new(segment: Duration) -> Self {
        let gone = SILENT.max(segment * 3);
        Self { seen: HashMap::new(), hasher: RandomState::new(), gone }
    }

    /// Notes a request; returns how many milliseconds it adds to the time watched, or `None` for
    /// somebody new where `most` watch already.
    pub(super) fn note(
        &mut self,
        address: IpAddr,
        user_agent: &[u8],
        now: Instant,
        most: usize,
    ) -> Option<u64> {
        let viewer = self.hasher.hash_one((address, user_agent));
        if let Some(last) = self.seen.get_mut(&viewer) {
            let since = now.duration_since(*last);
            if since >= self.gone {
                *last = now;
                return Some(0);
            }
            // What is below a millisecond waits for the next request.
            let millis = since.as_millis() as u64;
            *last += Duration::from_millis(millis);
            return Some(millis);
        }
        if self.seen.len() >= most {
            self.forget(now);
        }
        if self.seen.len() >= most {
            return None;
        }
        self.seen.insert(viewer, now);
        Some(0)
    }

    pub(super) fn count(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.seen.len()
    }

    fn forget(&mut self, now: Instant) {
        self.seen.retain(|_, last| now.duration_since(*last) < self.gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(viewers: &mut Viewers, user_agent: &[u8], now: Instant) -> u64 {
        viewers.note(IpAddr::from([127, 0, 0, 1]), user_agent, now, 100).unwrap()
    }

    #[test]
    fn one_player_is_one_viewer_until_it_falls_silent() {
        let (mut viewers, start) = (Viewers::new(Duration::from_secs(2)), Instant::now());
        for second in 0..5 {
            note(&mut viewers, b"hls", start + Duration::from_secs(second));
        }
        note(&mut viewers, b"dash", start);
        assert_eq!(viewers.count(start + Duration::from_secs(5)), 2);
        assert_eq!(viewers.count(start + Duration::from_secs(13)), 1);
        assert_eq!(viewers.count(start + Duration::from_mins(1)), 0);
    }

    #[test]
    fn no_moment_is_watched_twice_and_silence_is_not_watched() {
        let (mut viewers, start) = (Viewers::new(Duration::from_secs(2)), Instant::now());
        let mut watched = 0;
        // Two tabs of one browser, and a pause of half a minute.
        for millis in [0, 0, 300, 300, 1_000, 4_000, 4_000, 34_000, 35_500] {
            watched += note(&mut viewers, b"tab", start + Duration::from_millis(millis));
        }
        assert_eq!(watched, 4_000 + 1_500);
        // Requests too close together to count a millisecond each count it in the end.
        let mut watched = 0;
        for step in 0..=10_000 {
            watched += note(&mut viewers, b"busy", start + Duration::from_micros(step * 300));
        }
        assert_eq!(watched, 3_000);
    }

    #[test]
    fn long_segments_mean_long_silences() {
        let (mut viewers, start) = (Viewers::new(Duration::from_secs(30)), Instant::now());
        let asked = [0, 30, 60]
            .map(|second| note(&mut viewers, b"hls", start + Duration::from_secs(second)));
        assert_eq!(asked, [0, 30_000, 30_000]);
        assert_eq!(viewers.count(start + Duration::from_secs(100)), 1);
    }

    #[test]
    fn one_too_many_waits_until_another_has_left() {
        let (mut viewers, start) = (Viewers::new(Duration::from_secs(2)), Instant::now());
        let here = IpAddr::from([127, 0, 0, 1]);
        let mut note = |agent: &[u8], second| {
            viewers.note(here, agent, start + Duration::from_secs(second), 2)
        };
        assert_eq!((note(b"one", 0), note(b"two", 5), note(b"three", 6)), (Some(0), Some(0), None));
        assert_eq!(note(b"one", 7), Some(7000));
        assert_eq!((note(b"one", 16), note(b"three", 17)), (Some(9000), Some(0)));
        assert_eq!(note(b"two", 18), None);
    }
}
