use airloom_rtmp::Config;
use airloom_rtmp::client::Target;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::feed::Subscription;
use super::remote::Remote;
use super::{Backoff, ClientError, Dialer, Feed, Publisher};

/// Pushes a [`Feed`] to one server, and comes back whenever it is cut off.
///
/// ```no_run
/// use airloom::rtmp::{Config, Feed, Push, client::Target};
///
/// # fn example() -> Result<(), airloom::rtmp::Error> {
/// let feed = Feed::new();
/// for url in ["rtmp://a.example/live/key", "rtmp://b.example/live/key"] {
///     tokio::spawn(Push::new(Config::default(), Target::parse(url)?).run(&feed));
/// }
/// // … feed.send(&tag), and drop it when the stream is over.
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Push {
    remote: Remote,
    queue: usize,
}

impl Push {
    /// A push to `target`, not begun yet.
    pub fn new(config: Config, target: Target) -> Self {
        Self { remote: Remote::new(config, target), queue: 8 << 20 }
    }

    /// How long to wait between attempts; by default [`Backoff::default`]. A connection that held
    /// for the longest of these waits makes the next one short again.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.remote.backoff = backoff;
        self
    }

    /// How to connect; by default as [`Dialer::default`] does.
    #[must_use]
    pub fn dialer(mut self, dialer: Dialer) -> Self {
        self.remote.dialer = dialer;
        self
    }

    /// Bytes that may wait for this server. Default 8 MiB, 10 s at 6 Mbit/s; shared with the other
    /// servers of the feed. Beyond it everything that waits is dropped, and the push goes on at the
    /// next keyframe.
    #[must_use]
    pub const fn queue(mut self, bytes: usize) -> Self {
        self.queue = bytes;
        self
    }

    /// Pushes until the feed is over and all is sent.
    pub fn run(self, feed: &Feed) -> impl Future<Output = ()> + Send + use<> {
        let Self { remote, queue } = self;
        drive(remote, feed.subscribe(queue))
    }
}

async fn drive(mut remote: Remote, tags: Subscription) {
    let (push, to) = (tags.id(), remote.label());
    remote.config.chunk_size = tags.chunk_size();
    loop {
        let Err(error) = push_once(&mut remote, &tags).await else {
            return info!(push, to, "push ended");
        };
        tags.stop();
        let wait = remote.failed(&error);
        warn!(push, to, %error, ?wait, "push interrupted");
        tokio::select! {
            () = sleep(wait) => {}
            () = tags.over() => return,
        }
    }
}

async fn push_once(remote: &mut Remote, tags: &Subscription) -> Result<(), ClientError> {
    let target = remote.next_target();
    let mut publisher = tokio::select! {
        publisher = Publisher::dial(&remote.dialer, &remote.config, &target) => publisher?,
        () = tags.over() => return Ok(()),
    };
    remote.connected();
    info!(push = tags.id(), to = target.tc_url(), "pushing");
    tags.start();
    loop {
        tokio::select! {
            tag = tags.next() => match tag {
                Some(tag) => publisher.send_encoded(&tag).await?,
                None => break,
            },
            never = publisher.idle() => match never? {},
        }
    }
    let patience = remote.config.handshake_timeout;
    timeout(patience, publisher.finish()).await.unwrap_or(Ok(()))
}
