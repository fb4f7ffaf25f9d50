use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Into how many parts a turn is divided, so that not everybody speaks at once.
const SPOKES: u32 = 16;

/// One clock for the heartbeats of all readers that have a task of their own: a reader waits at one
/// of its spokes, and each spoke comes round once in a turn.
#[derive(Debug)]
pub(super) struct Wheel {
    spokes: Vec<Arc<Notify>>,
    next: AtomicUsize,
    turn: Duration,
}

impl Wheel {
    pub(super) fn new(turn: Duration) -> Self {
        let spokes = (0..SPOKES).map(|_| Arc::default()).collect();
        Self { spokes, next: AtomicUsize::new(0), turn }
    }

    /// Where the next reader waits.
    pub(super) fn spoke(&self) -> Arc<Notify> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.spokes.len();
        // A remainder is always a spoke; a new one that never turns would do no harm.
        self.spokes.get(index).cloned().unwrap_or_default()
    }

    /// Turns for ever.
    pub(super) async fn run(&self) {
        let mut ticks = tokio::time::interval((self.turn / SPOKES).max(Duration::from_millis(1)));
        loop {
            for spoke in &self.spokes {
                ticks.tick().await;
                spoke.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_spoke_comes_round_once_a_turn() {
        let wheel = Arc::new(Wheel::new(Duration::from_secs(16)));
        let turning = Arc::clone(&wheel);
        let turning = tokio::spawn(async move { turning.run().await });
        for _ in 0..20 {
            let spoke = wheel.spoke();
            let start = tokio::time::Instant::now();
            spoke.notified().await;
            assert!(start.elapsed() <= Duration::from_secs(16));
            spoke.notified().await;
            assert!(start.elapsed() >= Duration::from_secs(16));
        }
        turning.abort();
    }
}
