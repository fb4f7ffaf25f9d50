use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What moderators set for the whole room while it lives. Default: everything off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Modes {
    /// Slow mode: whole milliseconds between two messages of one author; zero is off.
    pub slow_ms: u64,
    /// Only followers, subscribers and VIPs may write.
    pub followers_only: bool,
    /// Only subscribers and VIPs may write.
    pub subscribers_only: bool,
    /// Only emotes and emoji may be written.
    pub emotes_only: bool,
}

impl Modes {
    pub(super) fn slow(&self) -> Option<Duration> {
        (self.slow_ms > 0).then(|| Duration::from_millis(self.slow_ms))
    }
}
