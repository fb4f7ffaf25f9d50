//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Asks `probe` until it answers, at most for `limit`.
///
/// Panics with `what` when time is up, so that a test that hangs says on what.
pub fn until<T>(limit: Duration, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
