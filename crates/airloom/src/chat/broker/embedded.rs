use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom_chat::moderation::Policies;
use airloom_chat::{
    Anchor, Answer, Config, Cursor, Epoch, Input, Output, Reader, Refusal, RoomId, Rooms, Take,
    UserId, WallTime,
};

use super::{Broker, Reply, Wake};

/// The broker of one process: it orders everything itself.
pub struct Embedded {
    rooms: Rooms,
    config: Config,
    limit: usize,
    policies: Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
}

impl Embedded {
    /// At most `limit` rooms at once, each with the policies that `policies` says.
    pub fn new(
        config: Config,
        limit: usize,
        policies: impl Fn(&RoomId) -> Policies + Send + Sync + 'static,
    ) -> Self {
        let policies: Arc<dyn Fn(&RoomId) -> Policies + Send + Sync> = Arc::new(policies);
        let rooms = rooms(Duration::ZERO, &config, limit, &policies);
        Self { rooms, config, limit, policies }
    }
}

/// Epochs count on from the wall clock in milliseconds, beyond any of an earlier process.
fn rooms(
    now: Duration,
    config: &Config,
    limit: usize,
    policies: &Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
) -> Rooms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = Epoch::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let anchor = Anchor { now, wall: WallTime::from_unix(since) };
    let policies = Arc::clone(policies);
    Rooms::new(config.clone(), anchor, first, limit).with_policies(move |room| policies(room))
}

impl Broker for Embedded {
    fn start(&mut self, now: Duration, _: Wake) {
        // Tied to the wall anew: it may be long since it was made.
        self.rooms = rooms(now, &self.config, self.limit, &self.policies);
    }

    fn request(&mut self, now: Duration, room: &RoomId, input: Input, reply: Reply) {
        let head = self.rooms.room(room).map(|room| room.feed().head());
        let answer = self.rooms.handle_input(now, room, input);
        match answer {
            // What is not beyond the head was there before.
            Ok(Answer::Admitted(receipt)) if head.is_some_and(|head| receipt.cursor <= head) => {
                reply.repeat(Answer::Admitted(receipt));
            }
            answer => reply.send(answer),
        }
    }

    fn join(
        &mut self,
        now: Duration,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Reader, Refusal> {
        self.rooms.join(now, room, user, cursor)
    }

    fn catch_up(&mut self, now: Duration, room: &RoomId, reader: &mut Reader) -> Take<'static> {
        self.rooms.catch_up(now, room, reader)
    }

    fn delivered(&mut self, room: &RoomId, took: Duration) {
        self.rooms.delivered(room, took);
    }

    fn leave(&mut self, now: Duration, room: &RoomId, user: Option<&UserId>) {
        self.rooms.leave(now, room, user);
    }

    fn poll_output(&mut self) -> Option<(RoomId, Output)> {
        self.rooms.poll_output()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.rooms.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Duration) {
        self.rooms.handle_timeout(now);
    }

    fn rooms(&self) -> usize {
        self.rooms.len()
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("rooms", &self.rooms).finish_non_exhaustive()
    }
}
