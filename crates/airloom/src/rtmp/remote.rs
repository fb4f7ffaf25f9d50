use std::time::Duration;

use airloom_rtmp::Config;
use airloom_rtmp::client::Target;
use tokio::time::Instant;

use super::{Backoff, ClientError, Dialer};

/// A server that is connected to again and again.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) config: Config,
    pub(super) dialer: Dialer,
    pub(super) backoff: Backoff,
    target: Target,
    /// Where the server sent us, for one connection.
    moved: Option<Target>,
    since: Option<Instant>,
}

impl Remote {
    pub(super) fn new(config: Config, target: Target) -> Self {
        let (dialer, backoff) = (Dialer::default(), Backoff::default());
        Self { config, dialer, backoff, target, moved: None, since: None }
    }

    /// Without the stream's name, which is often a secret.
    pub(super) fn label(&self) -> String {
        self.target.tc_url()
    }

    /// Where to connect next. Every session gets padding of its own.
    pub(super) fn next_target(&mut self) -> Target {
        self.since = None;
        self.config.seed = self.config.seed.wrapping_add(1);
        self.moved.take().unwrap_or_else(|| self.target.clone())
    }

    /// The server agreed.
    pub(super) fn connected(&mut self) {
        self.since = Some(Instant::now());
    }

    /// How long to wait after `error`.
    ///
    /// A server that agrees and then hangs up at once, as some do with a key they do not know, has
    /// not been a success.
    pub(super) fn failed(&mut self, error: &ClientError) -> Duration {
        if self.since.is_some_and(|since| since.elapsed() >= self.backoff.cap()) {
            self.backoff.reset();
        }
        if let ClientError::Moved { tc_url: Some(tc_url) } = error {
            self.moved = self.target.moved(tc_url).ok();
        }
        self.backoff.wait()
    }
}
