use std::collections::VecDeque;

use super::Key;
use super::cipher::Cipher;

/// The most keys that are kept: a track that is further behind than that goes on with an older one.
const MOST: usize = 16;

/// The keys of a stream, in the order of the segments that they come into force with: what tracks
/// may have left behind them, what is in force, and what is to come.
#[derive(Debug)]
pub(super) struct Keys {
    oldest: Keyed,
    later: VecDeque<Keyed>,
}

/// A key in use.
#[derive(Debug)]
pub(super) struct Keyed {
    /// The segment that it comes into force with.
    pub(super) from: u64,
    pub(super) key: Key,
    pub(super) cipher: Cipher,
}

impl Keys {
    /// One key from the start.
    pub(super) fn new(key: Key) -> Self {
        Self { oldest: Keyed::new(0, key), later: VecDeque::new() }
    }

    /// Has a key come into force with segment `from`, in the place of whichever would there or
    /// later. Where there are too many, the oldest goes that is not `in_use`, by its segment.
    pub(super) fn put(&mut self, from: u64, key: Key, in_use: impl Fn(u64) -> bool) {
        let keyed = Keyed::new(from, key);
        while self.later.back().is_some_and(|last| last.from >= from) {
            self.later.pop_back();
        }
        if self.oldest.from >= from {
            self.oldest = keyed;
            return;
        }
        if self.later.len() + 1 == MOST {
            // A segment keeps the key that it began with.
            let idle = self.later.iter().position(|keyed| !in_use(keyed.from));
            if let Some(idle) = idle.filter(|_| in_use(self.oldest.from)) {
                self.later.remove(idle);
            } else if let Some(next) = self.later.pop_front() {
                self.oldest = next;
            }
        }
        self.later.push_back(keyed);
    }

    /// The key of segment `sequence`: the last that came into force by then.
    pub(super) fn of(&self, sequence: u64) -> &Keyed {
        self.later.iter().rfind(|keyed| keyed.from <= sequence).unwrap_or(&self.oldest)
    }
}

impl Keyed {
    fn new(from: u64, key: Key) -> Self {
        Self { from, cipher: Cipher::new(key.content), key }
    }
}
