use std::convert::Infallible;

use airloom_rtmp::Config;
use airloom_rtmp::client::Target;
use tokio::time::sleep;
use tracing::{info, warn};

use super::remote::Remote;
use super::{Backoff, ClientError, Dialer, Player, Publication};

/// Pulls one stream from a server, and comes back whenever it is cut off.
///
/// ```no_run
/// use airloom::Origin;
/// use airloom::rtmp::{Config, Feed, Pull, client::Target};
///
/// # async fn example() -> Result<(), airloom::rtmp::Error> {
/// let source = Target::parse("rtmp://127.0.0.1/live/cam")?;
/// match Pull::new(Config::default(), source).run(Feed::new).await {}
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pull(Remote);

/// Why a pull was given up, for now.
#[derive(Debug, thiserror::Error)]
enum Interrupted<E: std::error::Error> {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("media refused: {0}")]
    Refused(E),
}

impl Pull {
    /// A pull from `source`, not begun yet.
    pub fn new(config: Config, source: Target) -> Self {
        Self(Remote::new(config, source))
    }

    /// How long to wait between attempts; by default [`Backoff::default`]. A connection that held
    /// for the longest of these waits makes the next one short again.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.0.backoff = backoff;
        self
    }

    /// How to connect; by default as [`Dialer::default`] does.
    #[must_use]
    pub fn dialer(mut self, dialer: Dialer) -> Self {
        self.0.dialer = dialer;
        self
    }

    /// Pulls for ever; drop the future to end it.
    ///
    /// `publish` opens a publication when media comes; it is dropped when the source says that it is
    /// over, and when the connection is lost.
    pub async fn run<P: Publication>(mut self, mut publish: impl FnMut() -> P) -> Infallible {
        let from = self.0.label();
        loop {
            let error = match self.once(&mut publish).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let wait = match &error {
                Interrupted::Client(error) => self.0.failed(error),
                Interrupted::Refused(_) => self.0.backoff.wait(),
            };
            warn!(from, %error, ?wait, "pull interrupted");
            sleep(wait).await;
        }
    }

    async fn once<P: Publication>(
        &mut self,
        publish: &mut impl FnMut() -> P,
    ) -> Result<Infallible, Interrupted<P::Error>> {
        let target = self.0.next_target();
        let mut player = Player::dial(&self.0.dialer, &self.0.config, &target).await?;
        self.0.connected();
        info!(from = target.tc_url(), "pulling");
        let mut publication = None;
        loop {
            let Some(media) = player.next().await? else {
                info!(from = target.tc_url(), "the source is over; waiting for it to come back");
                publication = None;
                continue;
            };
            let publication = publication.get_or_insert_with(&mut *publish);
            publication.handle(media).map_err(Interrupted::Refused)?;
            publication.flush();
        }
    }
}
