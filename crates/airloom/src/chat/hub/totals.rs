use std::sync::atomic::{AtomicU64, Ordering};

/// What has happened since the start, and who is here.
#[derive(Debug, Default)]
pub(in super::super) struct Totals {
    pub(in super::super) rooms: AtomicU64,
    pub(in super::super) accepted: AtomicU64,
    pub(in super::super) refused: AtomicU64,
    pub(in super::super) batches: AtomicU64,
    pub(in super::super) deliveries: AtomicU64,
    pub(in super::super) delivered_bytes: AtomicU64,
    pub(in super::super) reaped: AtomicU64,
    /// Readers on the fast path.
    pub(in super::super) fast: AtomicU64,
    /// Those of them who take it compressed.
    pub(in super::super) gzip: AtomicU64,
    /// All others.
    pub(in super::super) tasks: AtomicU64,
}

impl Totals {
    pub(in super::super) fn readers(&self) -> u64 {
        self.fast.load(Ordering::Relaxed) + self.tasks.load(Ordering::Relaxed)
    }
}
