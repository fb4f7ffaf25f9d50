use std::time::Duration;

use crate::rtmp::{self, Backoff, Dialer};

/// How streams are pulled.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long a pull goes on when its last viewer has left. Default 30 s: who comes back soon
    /// finds the stream as it was.
    pub linger: Duration,
    /// How long a source may take to agree, and to send its next piece of media; beyond it the
    /// source has stalled. Default 10 s, which viewers wait at most for a stream that does not come.
    pub patience: Duration,
    /// How long a failure is told to whoever asks next, without asking the source again. Default 2 s.
    pub hold: Duration,
    /// Pulls at once, of so many streams. Default 100, each of some 100 KB beside its stream; who
    /// asks for another is told [`Unavailable::Crowded`](super::Unavailable::Crowded). As many
    /// failures are held.
    pub pulls: usize,
    /// How long to wait before a pull that was cut off is tried again. Default
    /// [`Backoff::default`].
    pub backoff: Backoff,
    /// How to connect. Default [`Dialer::default`].
    pub dialer: Dialer,
    /// How to speak to sources. Default [`airloom_rtmp::Config::default`].
    pub rtmp: rtmp::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            hold: Duration::from_secs(2),
            pulls: 100,
            backoff: Backoff::default(),
            dialer: Dialer::default(),
            rtmp: rtmp::Config::default(),
        }
    }
}
