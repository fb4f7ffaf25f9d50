use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Call;
use crate::metrics::Family;

/// What came of calls.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: [[AtomicU64; 3]; Call::ALL.len()],
    micros: AtomicU64,
    dropped: AtomicU64,
}

/// What came of one call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Allowed,
    Refused,
    /// Nobody answered.
    Failed,
}

impl Tally {
    pub(super) fn note(&self, call: Call, outcome: Outcome, took: Duration) {
        if let Some(count) =
            self.counts.get(call as usize).and_then(|counts| counts.get(outcome as usize))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }

    pub(super) fn drop_notices(&self, notices: u64) {
        self.dropped.fetch_add(notices, Ordering::Relaxed);
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        let help = "HTTP callbacks made, by call and by what came of it.";
        let mut family = Family::new(&mut text, "airloom_callbacks_total", "counter", help);
        for (call, counts) in Call::ALL.iter().zip(&self.counts) {
            for (outcome, count) in ["allowed", "refused", "failed"].iter().zip(counts) {
                let labels = format!("{{call=\"{}\",outcome=\"{outcome}\"}}", call.word());
                family.sample(&labels, count.load(Ordering::Relaxed));
            }
        }
        let help = "Time that HTTP callbacks took, waiting for a place included.";
        let micros = self.micros.load(Ordering::Relaxed);
        Family::new(&mut text, "airloom_callbacks_seconds_total", "counter", help)
            .sample("", format_args!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
        let help = "Notices of somebody who left that were not sent, for want of a place.";
        Family::new(&mut text, "airloom_callbacks_dropped_total", "counter", help)
            .sample("", self.dropped.load(Ordering::Relaxed));
        text
    }
}
