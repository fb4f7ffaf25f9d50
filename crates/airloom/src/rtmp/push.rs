use airloom_rtmp::Config;
use airloom_rtmp::client::Target;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::feed::Subscription;
use super::remote::Remote;
use super::{Backoff, ClientError, Dialer, Feed, Publisher, PushMetrics};

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
    metrics: PushMetrics,
}

impl Push {
    /// A push to `target`, not begun yet.
    pub fn new(config: Config, target: Target) -> Self {
        Self {
            remote: Remote::new(config, target),
            queue: 8 << 20,
            metrics: PushMetrics::default(),
        }
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

    /// Where it is counted; by default nowhere that anybody looks.
    #[must_use]
    pub fn metrics(mut self, metrics: PushMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Pushes until the feed is over and all is sent.
    pub fn run(self, feed: &Feed) -> impl Future<Output = ()> + Send + use<> {
        let Self { remote, queue, metrics } = self;
        let tags = feed.subscribe_counted(queue, metrics.clone());
        drive(remote, tags, metrics)
    }
}

async fn drive(mut remote: Remote, tags: Subscription, metrics: PushMetrics) {
    let _running = metrics.running();
    let (push, to) = (tags.id(), remote.label());
    remote.config.chunk_size = tags.chunk_size();
    loop {
        let Err(error) = push_once(&mut remote, &tags, &metrics).await else {
            return info!(push, to, "push ended");
        };
        tags.stop();
        let wait = remote.failed(&error);
        metrics.interrupted();
        warn!(push, to, %error, ?wait, "push interrupted");
        tokio::select! {
            () = sleep(wait) => {}
            () = tags.over() => return,
        }
    }
}

async fn push_once(
    remote: &mut Remote,
    tags: &Subscription,
    metrics: &PushMetrics,
) -> Result<(), ClientError> {
    let target = remote.next_target();
    let mut publisher = tokio::select! {
        publisher = Publisher::dial(&remote.dialer, &remote.config, &target) => publisher?,
        () = tags.over() => return Ok(()),
    };
    remote.connected();
    let _connected = metrics.connected();
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
