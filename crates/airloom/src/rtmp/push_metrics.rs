use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::metrics::Family;

/// What becomes of [`Push`](super::Push)es: one value counts any number of them. Cloning gives
/// another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct PushMetrics(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    running: AtomicU64,
    connected: AtomicU64,
    interrupted: AtomicU64,
    lost: AtomicU64,
}

/// One of those that are counted, for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted(Arc<Counts>, fn(&Counts) -> &AtomicU64);

impl PushMetrics {
    /// Prometheus text (exposition format 0.0.4).
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut family = |name, kind, help, value: &AtomicU64| {
            Family::new(&mut text, name, kind, help).sample("", value.load(Relaxed));
        };
        let counts = &self.0;
        family("airloom_pushes", "gauge", "Pushes of streams to other servers.", &counts.running);
        let help = "Pushes to which the server has agreed.";
        family("airloom_pushes_connected", "gauge", help, &counts.connected);
        let help = "Times a push was refused or cut off.";
        family("airloom_pushes_interrupted_total", "counter", help, &counts.interrupted);
        let help = "Media messages that a server was too slow for.";
        family("airloom_push_lost_total", "counter", help, &counts.lost);
        text
    }

    pub(super) fn running(&self) -> Counted {
        Counted::new(&self.0, |counts| &counts.running)
    }

    pub(super) fn connected(&self) -> Counted {
        Counted::new(&self.0, |counts| &counts.connected)
    }

    pub(super) fn interrupted(&self) {
        self.0.interrupted.fetch_add(1, Relaxed);
    }

    pub(super) fn lost(&self, messages: u64) {
        self.0.lost.fetch_add(messages, Relaxed);
    }
}

impl Counted {
    fn new(counts: &Arc<Counts>, which: fn(&Counts) -> &AtomicU64) -> Self {
        which(counts).fetch_add(1, Relaxed);
        Self(Arc::clone(counts), which)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Relaxed);
    }
}
