use std::fmt;

use airloom_chat::{Answer, Audit, Entry, Input, RoomId, Submission, Ticket};

/// Hears of what a chat does that its readers do not see.
///
/// Called from the tasks that drive the chat: what takes long belongs elsewhere.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request was accepted by this node: the place to count usage. One that is made again under
    /// its idempotency key is told once.
    fn accepted(&self, room: &RoomId, input: &Input, answer: &Answer) {
        let _ = (room, input, answer);
    }

    /// A donation or subscription, for the broadcaster's systems.
    fn support(&self, room: &RoomId, entry: &Entry) {
        let _ = (room, entry);
    }

    /// Somebody with authority did something, for the record.
    fn audit(&self, room: &RoomId, audit: &Audit) {
        let _ = (room, audit);
    }

    /// A submission waits for somebody's decision, which comes back as
    /// [`Input::Review`].
    fn review(&self, room: &RoomId, ticket: Ticket, submission: &Submission) {
        let _ = (room, ticket, submission);
    }
}

/// Hears nothing.
impl Observer for () {}
