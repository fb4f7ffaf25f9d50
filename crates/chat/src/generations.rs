use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// A map that forgets: what was not touched for a while goes, and never more than a number stay.
///
/// Two maps, young and old. What is touched moves to the young one; when that is half the limit
/// or old enough, it becomes the old one and what was old is gone. Every touch is constant time,
/// and what is forgotten is always the longest untouched.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    limit: usize,
    keep: Duration,
    turned: Duration,
}

impl<K: Hash + Eq, V> Generations<K, V> {
    /// Keeps at most `limit`, and whatever was touched in the last `keep` unless that is more.
    pub(crate) fn new(now: Duration, limit: usize, keep: Duration) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { young, old, limit: limit.max(2), keep, turned: now }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn insert(&mut self, now: Duration, key: K, value: V) {
        self.turn(now);
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    fn turn(&mut self, now: Duration) {
        let age = now.saturating_sub(self.turned);
        if age > self.keep || self.young.len() >= self.limit / 2 {
            self.old = std::mem::take(&mut self.young);
            self.turned = now;
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_untouched_go_by_number_and_by_age() {
        let second = Duration::from_secs(1);
        let mut map = Generations::new(Duration::ZERO, 100, second);
        for number in 0..1000 {
            map.insert(Duration::ZERO, number, ());
            assert!(map.len() <= 100 && map.get(&number).is_some());
        }
        assert!(map.get(&950).is_some() && map.get(&0).is_none());
        map.insert(second * 2, 5000, ());
        assert!(map.get(&999).is_some(), "kept a while longer");
        map.insert(second * 4, 6000, ());
        assert!(map.get(&999).is_none() && map.get(&5000).is_some());
    }
}
