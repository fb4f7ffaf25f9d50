use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::flight::{Content, Flight, Pilot};
use super::key::Key;

/// What keeping anything costs beside its bytes: keys, maps, counters.
const OVERHEAD: usize = 512;

/// Answers, and questions under way, by what was asked. Never holds more than it is allowed: what
/// was used longest ago makes room.
#[derive(Debug)]
pub(super) struct Cache {
    slots: HashMap<Key, Slot>,
    /// What is kept, by when it was last used.
    order: BTreeMap<u64, Key>,
    clock: u64,
    kept: usize,
    coming: usize,
    most: usize,
    flights: usize,
    most_flights: usize,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Option<Kept>,
    used: u64,
    flight: Weak<Flight>,
}

/// An answer and its age.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) content: Content,
    pub(super) since: Instant,
    /// Up to when it needs no asking; `None` for ever.
    until: Option<Instant>,
}

impl Kept {
    pub(super) fn is_text(&self) -> bool {
        matches!(self.content, Content::Text(_))
    }
}

/// For how long an answer is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Never,
    For(Duration),
    Ever,
}

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Ask {
    /// It is answered.
    Hit(Kept),
    /// It is under way already, or now, where there is a pilot to be sent; `old` is an answer that
    /// was good before.
    Flight { flight: Arc<Flight>, pilot: Option<Pilot>, old: Option<Kept> },
    /// As much is under way as is allowed.
    Full { old: Option<Kept> },
}

impl Cache {
    pub(super) fn new(most: usize, most_flights: usize) -> Self {
        Self {
            slots: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            kept: 0,
            coming: 0,
            most,
            flights: 0,
            most_flights,
        }
    }

    pub(super) fn ask(&mut self, key: &Key, now: Instant) -> Ask {
        let slot = self.slots.get(key);
        let old = slot.and_then(|slot| slot.kept.clone());
        let flight = slot.and_then(|slot| slot.flight.upgrade());
        if let Some(kept) = &old
            && kept.until.is_none_or(|until| now < until)
        {
            self.touch(key);
            return Ask::Hit(kept.clone());
        }
        if let Some(flight) = flight {
            return Ask::Flight { flight, pilot: None, old };
        }
        if self.flights >= self.most_flights {
            return Ask::Full { old };
        }
        self.flights += 1;
        let (flight, pilot) = Flight::new(key.clone());
        self.slots.entry(key.clone()).or_default().flight = Arc::downgrade(&flight);
        Ask::Flight { flight, pilot: Some(pilot), old }
    }

    /// The answer to `key` that was last good, if it is still here.
    pub(super) fn last(&self, key: &Key) -> Option<Content> {
        Some(self.slots.get(key)?.kept.as_ref()?.content.clone())
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, key: &Key, content: Content, keep: Keep, now: Instant) {
        let until = match keep {
            Keep::Never => return,
            Keep::For(time) => Some(now + time),
            Keep::Ever => None,
        };
        self.drop_kept(key);
        let cost = content.bytes() + OVERHEAD;
        if !self.make_room(cost) {
            return;
        }
        self.kept += cost;
        let slot = self.slots.entry(key.clone()).or_default();
        slot.kept = Some(Kept { content, since: now, until });
        self.touch(key);
    }

    /// Room for `bytes` of an answer under way; `false` where those alone are more than is allowed.
    pub(super) fn expect(&mut self, bytes: usize) -> bool {
        let room = self.make_room(bytes);
        if room {
            self.coming += bytes;
        }
        room
    }

    /// Gives back what was had by [`expect`](Self::expect).
    pub(super) fn came(&mut self, bytes: usize) {
        self.coming = self.coming.saturating_sub(bytes);
    }

    /// A flight is over.
    pub(super) fn land(&mut self, key: &Key, flight: &Weak<Flight>) {
        self.flights = self.flights.saturating_sub(1);
        if let Some(slot) = self.slots.get_mut(key) {
            if slot.flight.ptr_eq(flight) {
                slot.flight = Weak::new();
            }
            if slot.kept.is_none() && slot.flight.strong_count() == 0 {
                self.slots.remove(key);
            }
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.kept + self.coming
    }

    /// Questions under way.
    pub(super) fn flights(&self) -> usize {
        self.flights
    }

    fn touch(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        self.clock += 1;
        let before = std::mem::replace(&mut slot.used, self.clock);
        self.order.remove(&before);
        self.order.insert(self.clock, key.clone());
    }

    fn make_room(&mut self, bytes: usize) -> bool {
        if self.coming.saturating_add(bytes) > self.most {
            return false;
        }
        while self.kept + self.coming + bytes > self.most {
            let Some((_, key)) = self.order.pop_first() else { return false };
            self.drop_kept(&key);
        }
        true
    }

    fn drop_kept(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(kept) = slot.kept.take() else { return };
        self.kept = self.kept.saturating_sub(kept.content.bytes() + OVERHEAD);
        self.order.remove(&slot.used);
        if slot.flight.strong_count() == 0 {
            self.slots.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use airloom_playlist::{Request, Resource};
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::flight::Media;
    use super::*;

    fn key(sequence: u64) -> Key {
        let request = Request::new(Resource::TsSegment { sequence });
        Key::new("cam".parse().unwrap(), &request)
    }

    fn media(bytes: usize) -> Content {
        let bytes = Bytes::from(vec![0; bytes]);
        Content::Media(Arc::new(Media { bytes, cache_control: None }))
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let (mut cache, now) = (Cache::new(3 * (1000 + OVERHEAD), 8), Instant::now());
        for sequence in 0..3 {
            cache.keep(&key(sequence), media(1000), Keep::Ever, now);
        }
        assert!(matches!(cache.ask(&key(0), now), Ask::Hit(_)));
        cache.keep(&key(3), media(1000), Keep::Ever, now);
        assert!(cache.last(&key(0)).is_some() && cache.last(&key(1)).is_none());
        // What could never fit displaces nothing.
        cache.keep(&key(4), media(1 << 20), Keep::Ever, now);
        assert!(cache.last(&key(4)).is_none() && cache.last(&key(3)).is_some());
    }

    #[test]
    fn the_same_question_is_asked_once() {
        let (mut cache, now) = (Cache::new(1 << 20, 1), Instant::now());
        let Ask::Flight { flight, pilot: Some(pilot), .. } = cache.ask(&key(1), now) else {
            panic!("nobody has asked before");
        };
        assert!(matches!(cache.ask(&key(1), now), Ask::Flight { pilot: None, .. }));
        assert!(matches!(cache.ask(&key(2), now), Ask::Full { old: None }));
        cache.keep(&key(1), media(1), Keep::For(Duration::from_secs(1)), now);
        cache.land(&key(1), &pilot.flight);
        assert!(matches!(cache.ask(&key(1), now), Ask::Hit(_)));
        let later = now + Duration::from_secs(1);
        // Asked anew, although somebody still reads what came before.
        let again = cache.ask(&key(1), later);
        assert!(matches!(again, Ask::Flight { pilot: Some(_), old: Some(_), .. }));
        drop(flight);
    }

    proptest! {
        #[test]
        fn no_more_is_held_than_is_allowed(
            steps in prop::collection::vec((0..8u64, 0..4000usize, 0..4u8), 0..200),
        ) {
            let (mut cache, now) = (Cache::new(10_000, 2), Instant::now());
            let (mut pilots, mut coming) = (Vec::new(), Vec::new());
            for (sequence, bytes, act) in steps {
                match act {
                    0 => cache.keep(&key(sequence), media(bytes), Keep::Ever, now),
                    1 => if cache.expect(bytes) { coming.push(bytes) },
                    2 => match coming.pop() {
                        Some(bytes) => cache.came(bytes),
                        None => if let Ask::Flight { flight, pilot: Some(pilot), .. } =
                            cache.ask(&key(sequence), now)
                        {
                            pilots.push((flight, pilot));
                        },
                    },
                    _ => if let Some((flight, pilot)) = pilots.pop() {
                        drop(flight);
                        cache.land(&pilot.key, &pilot.flight);
                    },
                }
                let kept: usize = cache.slots.values().filter_map(|slot| slot.kept.as_ref())
                    .map(|kept| kept.content.bytes() + OVERHEAD).sum();
                prop_assert_eq!(cache.bytes(), kept + coming.iter().sum::<usize>());
                prop_assert!(cache.bytes() <= 10_000);
                prop_assert_eq!(cache.order.len(),
                    cache.slots.values().filter(|slot| slot.kept.is_some()).count());
                prop_assert_eq!(cache.flights(), pilots.len());
                prop_assert!(cache.slots.len() <= cache.order.len() + pilots.len());
            }
        }
    }
}
