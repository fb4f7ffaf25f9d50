use std::time::Duration;

/// What is remembered of one author, or of the room as a whole: constant size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// When the last message was admitted.
    last: Option<Duration>,
    /// The pace of a [`Rate`](super::Rate): when its bucket would be empty.
    pub(super) paid_until: Duration,
    /// A hash of the last text, and when it was said.
    pub(super) said: Option<(u64, Duration)>,
}

impl Record {
    /// When the last message was admitted.
    pub const fn last(&self) -> Option<Duration> {
        self.last
    }

    pub(crate) fn note_admission(&mut self, now: Duration) {
        self.last = Some(now);
    }
}
