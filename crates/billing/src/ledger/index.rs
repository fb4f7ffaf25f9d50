use super::hash::{ByKey, Key};
use crate::WallTime;
use crate::event::CONTENT;

const SHARDS: usize = 256;

/// The keys of everything accepted once: 24 bytes an entry, in 256 tables so that growing one
/// neither takes long nor needs the memory of all twice.
///
/// A table is between 7/16 and 7/8 full, so a key costs 28 to 57 bytes. What is past memory is
/// past the horizon: an event older than it is refused, so its key need not be known.
#[derive(Debug)]
pub(super) struct Index {
    shards: Vec<ByKey<u64>>,
}

/// The day a time lies in, as far as 16 bits reach: 1970 to 2149.
pub(super) fn day(time: WallTime) -> u16 {
    let day = time.unix_millis().div_euclid(86_400_000);
    u16::try_from(day.max(0)).unwrap_or(u16::MAX)
}

impl Default for Index {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| ByKey::default()).collect() }
    }
}

impl Index {
    /// The fingerprint of the content `key` was accepted with.
    pub(super) fn content(&self, key: [u64; 2]) -> Option<u64> {
        let shard = self.shards.get(key[0] as usize % SHARDS)?;
        shard.get(&Key(key)).map(|word| word & CONTENT)
    }

    pub(super) fn insert(&mut self, key: [u64; 2], content: u64, day: u16) {
        if let Some(shard) = self.shards.get_mut(key[0] as usize % SHARDS) {
            shard.insert(Key(key), content & CONTENT | u64::from(day) << 48);
        }
    }

    /// Forgets every key of a day before `day`.
    pub(super) fn forget(&mut self, day: u16) {
        for shard in &mut self.shards {
            shard.retain(|_, word| (*word >> 48) as u16 >= day);
            shard.shrink_to(shard.len() * 2);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(ByKey::len).sum()
    }

    /// Every key with its content and day, in the order of the keys.
    pub(super) fn sorted(&self) -> Vec<[u64; 3]> {
        let mut all: Vec<_> = self
            .shards
            .iter()
            .flat_map(|shard| shard.iter().map(|(key, &word)| [key.0[0], key.0[1], word]))
            .collect();
        all.sort_unstable();
        all
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
        assert_eq!(index.content([1, 2]), Some(3));
        index.forget(11);
        assert_eq!((index.content([1, 2]), index.content([1, 3])), (None, Some(4)));
        assert_eq!(index.sorted(), [[1, 3, 4 | 11 << 48]]);
    }
}
