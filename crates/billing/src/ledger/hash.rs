//! Hashing of keys that nobody outside can choose, at the cost of a few cycles.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by numbers that the ledger gives out itself.
pub(super) type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Numbered>>;

/// A set of numbers that the ledger gives out itself.
pub(super) type Numbers<K> = HashSet<K, BuildHasherDefault<Numbered>>;

/// A map by keys that are hashes already.
pub(super) type ByKey<V> = HashMap<Key, V, BuildHasherDefault<Prehashed>>;

/// A key of 128 bits of SHA-256, of which the second half is as good as any hash of it; the index
/// picks its shard by the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u64; 2]);

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[1]);
    }
}

/// Takes the one word it is given for its hash.
#[derive(Debug, Default, Clone)]
pub(super) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// Multiplies numbers apart.
#[derive(Debug, Default, Clone)]
pub(super) struct Numbered(u64);

impl Hasher for Numbered {
    fn finish(&self) -> u64 {
        // The high bits are the good ones; tables look at the low ones.
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
