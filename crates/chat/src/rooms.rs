use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::moderation::Policies;
use crate::{Anchor, Answer, Config, Cursor, Epoch, Input, Output, Refusal, Room, RoomId, UserId};
use crate::{Reader, Take};

/// All rooms of one node: made on first use, gone when idle.
///
/// Every room that comes to life gets the next epoch, so a cursor of a room that died meanwhile
/// is told from one of its successor.
pub struct Rooms {
    config: Config,
    policies: Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
    anchor: Anchor,
    epoch: u64,
    limit: usize,
    alive: HashMap<RoomId, Held>,
    /// The rooms in the order of their next timeout.
    timers: BTreeSet<(Duration, RoomId)>,
    /// Rooms that may have outputs.
    ready: BTreeSet<RoomId>,
}

#[derive(Debug)]
struct Held {
    room: Room,
    timer: Option<Duration>,
}

impl Rooms {
    /// No rooms yet; at most `limit` at once, `first` for the first of them.
    ///
    /// `first` must lie beyond every epoch that this node has given before: milliseconds since
    /// 1970 do, unless rooms come to life faster than a thousand a second for as long as the node
    /// runs.
    pub fn new(config: Config, anchor: Anchor, first: Epoch, limit: usize) -> Self {
        Self {
            config,
            policies: Arc::new(|_| Policies::default()),
            anchor,
            epoch: first.number(),
            limit,
            alive: HashMap::new(),
            timers: BTreeSet::new(),
            ready: BTreeSet::new(),
        }
    }

    /// The same with policies of one's own, room by room.
    #[must_use]
    pub fn with_policies(
        mut self,
        policies: impl Fn(&RoomId) -> Policies + Send + Sync + 'static,
    ) -> Self {
        self.policies = Arc::new(policies);
        self
    }

    /// How many rooms are alive.
    pub fn len(&self) -> usize {
        self.alive.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// A room, if it is alive.
    pub fn room(&self, id: &RoomId) -> Option<&Room> {
        self.alive.get(id).map(|held| &held.room)
    }

    /// Gives a room an input; makes the room if need be.
    ///
    /// # Errors
    /// What the room says, or [`Refusal::Full`] at the limit of rooms.
    pub fn handle_input(
        &mut self,
        now: Duration,
        id: &RoomId,
        input: Input,
    ) -> Result<Answer, Refusal> {
        let answer = self.open(now, id)?.handle_input(now, input);
        self.touch(id);
        answer
    }

    /// Lets somebody read in a room; makes the room if need be. See [`Feed::join`](crate::Feed::join).
    ///
    /// # Errors
    /// [`Refusal::Full`] at the limit of rooms.
    pub fn join(
        &mut self,
        now: Duration,
        id: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Reader, Refusal> {
        let reader = self.open(now, id)?.feed_mut().join(now, user, cursor);
        self.touch(id);
        Ok(reader)
    }

    /// What a reader missed. See [`Feed::catch_up`](crate::Feed::catch_up).
    pub fn catch_up(&mut self, now: Duration, id: &RoomId, reader: &mut Reader) -> Take<'static> {
        let Some(held) = self.alive.get_mut(id) else { return Take::Nothing };
        held.room.feed_mut().catch_up(now, reader)
    }

    /// Says how long it took to give everybody a batch. See
    /// [`Feed::delivered`](crate::Feed::delivered).
    pub fn delivered(&mut self, id: &RoomId, took: Duration) {
        if let Some(held) = self.alive.get_mut(id) {
            held.room.feed_mut().delivered(took);
        }
    }

    /// Says that a reader is gone.
    pub fn leave(&mut self, now: Duration, id: &RoomId, user: Option<&UserId>) {
        if let Some(held) = self.alive.get_mut(id) {
            held.room.feed_mut().leave(now, user);
            self.touch(id);
        }
    }

    /// The next thing for somebody else, and of which room.
    pub fn poll_output(&mut self) -> Option<(RoomId, Output)> {
        while let Some(id) = self.ready.first().cloned() {
            if let Some(output) = self.alive.get_mut(&id).and_then(|held| held.room.poll_output()) {
                return Some((id, output));
            }
            self.ready.remove(&id);
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Does in each room what is due, and lets go of those that have been idle long enough.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some((due, id)) = self.timers.first().cloned() {
            if due > now {
                break;
            }
            self.timers.remove(&(due, id.clone()));
            let Some(held) = self.alive.get_mut(&id) else { continue };
            held.timer = None;
            held.room.handle_timeout(now);
            if held.room.idle_at().is_some_and(|idle| idle <= now) {
                self.alive.remove(&id);
                self.ready.remove(&id);
            } else {
                self.touch(&id);
            }
        }
    }

    fn open(&mut self, now: Duration, id: &RoomId) -> Result<&mut Room, Refusal> {
        if !self.alive.contains_key(id) && self.alive.len() >= self.limit {
            return Err(Refusal::Full { what: "rooms" });
        }
        let held = self.alive.entry(id.clone()).or_insert_with(|| {
            let epoch = Epoch::new(self.epoch);
            self.epoch += 1;
            let policies = (self.policies)(id);
            let room = Room::new(now, self.config.clone(), policies, epoch, self.anchor);
            Held { room, timer: None }
        });
        Ok(&mut held.room)
    }

    /// Puts a room where its timeout and its outputs will be found.
    fn touch(&mut self, id: &RoomId) {
        let Some(held) = self.alive.get_mut(id) else { return };
        let due = [held.room.poll_timeout(), held.room.idle_at()].into_iter().flatten().min();
        if held.timer != due {
            if let Some(old) = held.timer {
                self.timers.remove(&(old, id.clone()));
            }
            if let Some(due) = due {
                self.timers.insert((due, id.clone()));
            }
            held.timer = due;
        }
        self.ready.insert(id.clone());
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms").field("rooms", &self.alive.len()).finish_non_exhaustive()
    }
}
