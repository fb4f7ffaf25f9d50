mod embedded;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airloom_chat::{Answer, Cursor, Input, Output, Reader, Refusal, RoomId, Take, UserId};
use tokio::sync::{Notify, oneshot};

pub use embedded::Embedded;

/// Keeps the rooms of this process: orders what is written in them, or asks the node that does,
/// and knows what its readers are to be given.
///
/// It is driven like a core: `now` is the time since the chat was made, nothing blocks, and what
/// comes from outside on its own account (a frame from another node) is announced by
/// [`Wake::wake`] and taken in at the next [`handle_timeout`](Self::handle_timeout).
pub trait Broker: fmt::Debug + Send {
    /// Called once before anything else, with what wakes the chat and what time it is.
    fn start(&mut self, now: Duration, wake: Wake) {
        let _ = (now, wake);
    }

    /// Gives a room an input; the answer goes to `reply`, now or later.
    fn request(&mut self, now: Duration, room: &RoomId, input: Input, reply: Reply);

    /// Lets somebody read; see [`Feed::join`](airloom_chat::Feed::join).
    ///
    /// # Errors
    /// [`Refusal::Full`] at the limit of rooms.
    fn join(
        &mut self,
        now: Duration,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Reader, Refusal>;

    /// What a reader missed; see [`Feed::catch_up`](airloom_chat::Feed::catch_up).
    fn catch_up(&mut self, now: Duration, room: &RoomId, reader: &mut Reader) -> Take<'static>;

    /// Says how long it took to give everybody a batch; see
    /// [`Feed::delivered`](airloom_chat::Feed::delivered). Without it ticks do not slow down where
    /// the machine cannot keep up.
    fn delivered(&mut self, room: &RoomId, took: Duration) {
        let _ = (room, took);
    }

    /// Says that a reader is gone.
    fn leave(&mut self, now: Duration, room: &RoomId, user: Option<&UserId>);

    /// The next thing for somebody else, and of which room.
    fn poll_output(&mut self) -> Option<(RoomId, Output)>;

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    fn poll_timeout(&self) -> Option<Duration>;

    /// Does what is due, and takes in what has come. Early calls do nothing.
    fn handle_timeout(&mut self, now: Duration);

    /// How many rooms are alive.
    fn rooms(&self) -> usize;
}

/// Wakes a chat, which then calls [`Broker::handle_timeout`] soon.
#[derive(Debug, Clone, Default)]
pub struct Wake(pub(super) Arc<Notify>);

impl Wake {
    /// Does so. Cheap; several calls may wake it once.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Where the answer to a request goes.
pub struct Reply(oneshot::Sender<Replied>);

/// What became of a request.
#[derive(Debug)]
pub(super) struct Replied {
    pub(super) answer: Result<Answer, Refusal>,
    /// Whether it was answered before, under the same idempotency key.
    pub(super) repeated: bool,
}

impl Reply {
    pub(super) fn channel() -> (Self, oneshot::Receiver<Replied>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Answers. Whoever asked may be gone; nothing is lost then. A reply that is dropped unanswered
    /// is [`Refusal::Unanswered`].
    pub fn send(self, answer: Result<Answer, Refusal>) {
        let _ = self.0.send(Replied { answer, repeated: false });
    }

    /// Answers what was answered before, under the same idempotency key: nothing is counted then.
    pub fn repeat(self, answer: Answer) {
        let _ = self.0.send(Replied { answer: Ok(answer), repeated: true });
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}
