use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was made last of the recordings, so that a crowd of players costs as much as one.
#[derive(Debug)]
pub(super) struct Held<K, V> {
    /// The last one asked for at the end.
    known: Mutex<Vec<(K, Arc<V>)>>,
    making: Mutex<()>,
    limit: usize,
}

impl<K: PartialEq, V> Held<K, V> {
    /// Holds `limit` of them, and one at least.
    pub(super) fn new(limit: usize) -> Self {
        Self { known: Mutex::default(), making: Mutex::default(), limit: limit.max(1) }
    }

    /// What `key` stands for, made where it is not held; one at a time. Blocks.
    pub(super) fn get<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Some(known) = self.find(&key) {
            return Ok(known);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.find(&key) {
            return Ok(known);
        }
        let value = Arc::new(make()?);
        let mut known = self.lock();
        known.push((key, Arc::clone(&value)));
        let over = known.len().saturating_sub(self.limit);
        known.drain(..over);
        Ok(value)
    }

    /// What `key` stands for, where it is held.
    pub(super) fn find(&self, key: &K) -> Option<Arc<V>> {
        let mut known = self.lock();
        let index = known.iter().position(|(known, _)| known == key)?;
        let found = known.remove(index);
        let value = Arc::clone(&found.1);
        known.push(found);
        Some(value)
    }

    /// Lets go of what `gone` says.
    pub(super) fn forget(&self, gone: impl Fn(&K) -> bool) {
        self.lock().retain(|(key, _)| !gone(key));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(K, Arc<V>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let held = Held::new(2);
        let get = |key: u8| held.get(key, || Ok::<_, ()>(key)).map(|value| *value);
        assert_eq!((get(1), get(2), get(1), get(3)), (Ok(1), Ok(2), Ok(1), Ok(3)));
        assert!(held.find(&2).is_none() && held.find(&1).is_some() && held.find(&3).is_some());
        held.forget(|key| *key == 1);
        assert!(held.find(&1).is_none() && held.find(&3).is_some());
    }

    #[test]
    fn what_cannot_be_made_is_not_held() {
        let held = Held::<u8, u8>::new(2);
        assert_eq!(held.get(1, || Err("no")), Err("no"));
        assert_eq!(held.get(1, || Ok::<_, ()>(5)).as_deref(), Ok(&5));
    }
}
