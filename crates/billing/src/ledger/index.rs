use super::hash::{ByKey, Key};
use crate::WallTime;
use crate::event::CONTENT;

const SHARDS: usize = 256;

/// The keys of everything accepted once: 24 bytes an entry, in 256 tables so that growing one
/// neither takes long nor needs the memory of all twice.
///
/// A table is between 7/16 and 7/8 full, so a key costs 28 to 57 bytes; one that waits costs less
/// than 48. What is past memory is past the horizon: an event older than it is refused, so its key
/// need not be known.
#[derive(Debug)]
pub(super) struct Index {
    shards: Vec<Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    table: ByKey<u64>,
    /// What is not in the table yet, in order. A place in a table is a miss of the cache; a log that
    /// is read back fills one table after the other, each while it lies in the cache.
    waiting: Vec<Entry>,
}

/// A key, and its content and day in one word.
type Entry = [u64; 3];

/// The day a time lies in, as far as 16 bits reach: 1970 to 2149.
pub(super) fn day(time: WallTime) -> u16 {
    let day = time.unix_millis().div_euclid(86_400_000);
    u16::try_from(day.max(0)).unwrap_or(u16::MAX)
}

impl Default for Index {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl Index {
    /// The fingerprint of the content `key` was accepted with.
    pub(super) fn content(&self, key: [u64; 2]) -> Option<u64> {
        let shard = self.shards.get(key[0] as usize % SHARDS)?;
        debug_assert!(shard.waiting.is_empty());
        shard.table.get(&Key(key)).map(|word| word & CONTENT)
    }

    /// Takes a key in that can be asked for once it is [settled](Self::settle).
    pub(super) fn insert(&mut self, key: [u64; 2], content: u64, day: u16) {
        if let Some(shard) = self.shards.get_mut(key[0] as usize % SHARDS) {
            shard.waiting.push([key[0], key[1], content & CONTENT | u64::from(day) << 48]);
        }
    }

    /// Puts what waits into its tables.
    pub(super) fn settle(&mut self) {
        for shard in &mut self.shards {
            shard.settle();
        }
    }

    /// Forgets every key of a day before `day`.
    pub(super) fn forget(&mut self, day: u16) {
        for shard in &mut self.shards {
            shard.settle();
            shard.table.retain(|_, word| (*word >> 48) as u16 >= day);
            shard.table.shrink_to(shard.table.len() * 2);
        }
    }

    pub(super) fn len(&self) -> usize {
        debug_assert!(self.shards.iter().all(|shard| shard.waiting.is_empty()));
        self.shards.iter().map(|shard| shard.table.len()).sum()
    }

    /// Every key with its content and day, in the order of the keys.
    pub(super) fn sorted(&self) -> Vec<Entry> {
        debug_assert!(self.shards.iter().all(|shard| shard.waiting.is_empty()));
        let tables = self.shards.iter().flat_map(|shard| &shard.table);
        let mut all: Vec<_> = tables.map(|(key, &word)| [key.0[0], key.0[1], word]).collect();
        all.sort_unstable();
        all
    }
}

impl Shard {
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.table.reserve(self.waiting.len());
        for [first, second, word] in self.waiting.drain(..) {
            self.table.insert(Key([first, second]), word);
        }
        // A group leaves little room behind, a log that was read back much.
        if self.waiting.capacity() > 64 {
            self.waiting = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_until_the_day_is_forgotten() {
        let mut index = Index::default();
        index.insert([1, 2], 3, 10);
        index.insert([1, 3], 4, 11);
        index.settle();
        assert_eq!(index.content([1, 2]), Some(3));
        index.forget(11);
        assert_eq!((index.content([1, 2]), index.content([1, 3])), (None, Some(4)));
        assert_eq!(index.sorted(), [[1, 3, 4 | 11 << 48]]);
    }

    #[test]
    fn what_waits_is_settled_in_order() {
        const KEYS: usize = 100_000;
        let mut index = Index::default();
        let keys = (0..KEYS as u64).map(|number| [number.wrapping_mul(7919), number]);
        for (day, content) in [(1, 1), (2, 2)] {
            for key in keys.clone() {
                index.insert(key, content, day);
            }
        }
        index.settle();
        assert_eq!(index.len(), KEYS);
        assert!(keys.clone().all(|key| index.content(key) == Some(2)));
        // The later day holds.
        index.forget(2);
        assert_eq!(index.len(), KEYS);
    }
}
