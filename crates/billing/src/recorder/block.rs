use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counters in one block: as many as fill the lines a processor fetches together.
pub(super) const LANES: usize = 16;

/// Rows in one block: how many threads may add to one counter without meeting.
///
/// Threads beyond it share rows, which is slower and as exact. One counter costs
/// `SHARDS * 8` bytes.
const SHARDS: usize = 16;

/// One thread's share of a block's counters, on cache lines of its own (two, since x86 fetches
/// them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Row([AtomicU64; LANES]);

/// Sixteen counters, each the sum of its lane over all rows.
#[derive(Debug, Default)]
pub(super) struct Block([Row; SHARDS]);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS);
}

impl Block {
    #[inline]
    pub(super) fn add(&self, lane: usize, quantity: u64) {
        // A thread that is being torn down has no shard of its own left and takes the first.
        let shard = SHARD.try_with(Cell::get).unwrap_or(0);
        let row = &self.0[shard % SHARDS];
        row.0[lane % LANES].fetch_add(quantity, Ordering::Relaxed);
    }

    /// Empties a counter and returns what it held. Each addition is in exactly one answer.
    pub(super) fn take(&self, lane: usize) -> u64 {
        let mut sum = 0u64;
        for row in &self.0 {
            let cell = &row.0[lane % LANES];
            // Reading first leaves the line with the thread that writes it.
            if cell.load(Ordering::Relaxed) != 0 {
                sum = sum.wrapping_add(cell.swap(0, Ordering::Relaxed));
            }
        }
        sum
    }
}
