use std::time::Duration;

use tokio::time::Instant;

use crate::access::Pass;
use crate::origin::meters::{Meter, StreamMeters};
use crate::rtmp::PlayMeter;

/// The longest time between two tags that counts as watching: a player that paused is not.
const PAUSE: Duration = Duration::from_secs(12);

/// Counts what one RTMP player is sent, and for how long.
#[derive(Debug)]
pub(super) struct PlayerMeter {
    meters: StreamMeters,
    /// Given back when the player has gone.
    _pass: Pass,
    /// Up to when its time is counted.
    counted: Instant,
}

impl PlayerMeter {
    pub(super) fn new(meters: StreamMeters, pass: Pass) -> Self {
        Self { meters, _pass: pass, counted: Instant::now() }
    }
}

impl PlayMeter for PlayerMeter {
    fn sent(&mut self, bytes: usize) {
        self.meters.add(Meter::EgressBytes, bytes as u64);
        let now = Instant::now();
        let since = now.duration_since(self.counted);
        if since >= PAUSE {
            self.counted = now;
            return;
        }
        let millis = since.as_millis() as u64;
        self.counted += Duration::from_millis(millis);
        self.meters.add(Meter::ViewerMillis, millis);
    }
}
