use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{Instrument, debug_span, info, warn};

use super::{Config, Phase, Shared, Unavailable};
use crate::Origin;
use crate::origin::{Publishing, PublishingError, Refused, StreamName};
use crate::rtmp::client::Target;
use crate::rtmp::{Backoff, ClientError, Media, Player, Publication};

/// How often it is looked whether anybody is watching.
const LOOK: Duration = Duration::from_secs(1);

/// One pull, from its first viewer to a while after its last.
struct Course {
    config: Config,
    origin: Origin,
    stream: StreamName,
    teller: watch::Sender<Phase>,
    source: Target,
    /// Where the source sent us, for one connection.
    moved: Option<Target>,
    backoff: Backoff,
    /// What the stream is said to be, before there is any of it.
    metadata: Option<Media>,
    publishing: Option<Publishing>,
    /// Until when media must come, while the stream is not on air.
    due: Option<Instant>,
}

/// Why the source was left.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("no media in time")]
    Stalled,
    #[error("the source says that the stream is over")]
    Over,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Media(#[from] PublishingError),
}

impl Interrupted {
    /// What that means for viewers; `None` where somebody else publishes the stream here, or it was
    /// ended.
    fn why(&self) -> Option<Unavailable> {
        match self {
            Self::Client(error) => Some(error.into()),
            Self::Stalled => Some(Unavailable::Stalled),
            Self::Over => Some(Unavailable::Gone),
            Self::Refused(Refused::Full) => Some(Unavailable::Crowded),
            Self::Refused(Refused::OnAir) | Self::Media(PublishingError::Replaced) => None,
            Self::Media(_) => Some(Unavailable::Broken),
        }
    }
}

/// Pulls `stream` into `origin`, and tells how that goes.
pub(super) async fn run(
    shared: Arc<Shared>,
    origin: Origin,
    stream: StreamName,
    teller: watch::Sender<Phase>,
) {
    let span = debug_span!("pull", %stream);
    async {
        let sourcing = timeout(shared.config.patience, shared.sources.source(&stream));
        let failure = match sourcing.await {
            Ok(Some(source)) => {
                let mut course = Course {
                    due: Some(Instant::now() + shared.config.patience),
                    config: shared.config.clone(),
                    backoff: shared.config.backoff.clone(),
                    origin,
                    stream: stream.clone(),
                    teller: teller.clone(),
                    source,
                    moved: None,
                    metadata: None,
                    publishing: None,
                };
                let failure = course.follow(&shared).await;
                if failure.is_none() {
                    // Before the stream ends: who comes now begins another.
                    shared.forget(&stream);
                    if let Some(publishing) = course.publishing.take() {
                        publishing.end();
                    }
                }
                failure
            }
            Ok(None) => Some(Unavailable::Nowhere),
            Err(_) => Some(Unavailable::Stalled),
        };
        let Some(why) = failure else { return };
        shared.totals.failed(why);
        teller.send_replace(Phase::Failed(why));
        if shared.may_hold() {
            sleep(shared.config.hold).await;
        }
        shared.forget(&stream);
    }
    .instrument(span)
    .await;
}

impl Course {
    /// Until nobody watches any more, or somebody else publishes, or why it failed.
    async fn follow(&mut self, shared: &Shared) -> Option<Unavailable> {
        let watched = unwatched(
            self.origin.clone(),
            self.stream.clone(),
            self.teller.clone(),
            self.config.linger,
        );
        tokio::pin!(watched);
        loop {
            let interrupted = tokio::select! {
                interrupted = self.play() => interrupted,
                () = &mut watched => {
                    info!("{} is not pulled any more: nobody watches", self.stream);
                    return None;
                }
            };
            let Err(interrupted) = interrupted;
            let Some(why) = interrupted.why() else {
                // Whoever waits finds the stream.
                self.teller.send_replace(Phase::OnAir);
                return None;
            };
            if self.publishing.take().is_some() {
                shared.totals.cut_off();
                self.due = Some(Instant::now() + self.origin.config().resume);
            }
            let from = self.source.tc_url();
            warn!(from, "pulling {}: {interrupted}", self.stream);
            if let Interrupted::Client(ClientError::Moved { tc_url: Some(tc_url) }) = &interrupted {
                self.moved = self.source.moved(tc_url).ok();
            }
            let next = Instant::now() + self.backoff.wait();
            // What has never been on air is not tried again: those who wait are told, and may ask.
            let again = self.moved.is_some() || *self.teller.borrow() == Phase::OnAir;
            if !again || self.due.is_some_and(|due| next >= due) {
                return Some(why);
            }
            tokio::select! {
                () = sleep_until(next) => {}
                () = &mut watched => return None,
            }
        }
    }

    /// Plays the source into the origin.
    async fn play(&mut self) -> Result<Infallible, Interrupted> {
        let target = self.moved.take().unwrap_or_else(|| self.source.clone());
        self.config.rtmp.seed = self.config.rtmp.seed.wrapping_add(1);
        let dialing = Player::dial(&self.config.dialer, &self.config.rtmp, &target);
        let mut player = within(self.patience(), dialing).await?;
        let since = Instant::now();
        loop {
            let media = within(self.patience(), player.next()).await?.ok_or(Interrupted::Over)?;
            self.take(media)?;
            if since.elapsed() >= self.backoff.cap() {
                self.backoff.reset();
            }
        }
    }

    /// How long to wait for the source now.
    fn patience(&self) -> Duration {
        let rest = self.due.map(|due| due.saturating_duration_since(Instant::now()));
        rest.map_or(self.config.patience, |rest| rest.min(self.config.patience))
    }

    fn take(&mut self, media: Media) -> Result<(), Interrupted> {
        let publishing = match &mut self.publishing {
            Some(publishing) => publishing,
            None if matches!(media, Media::Metadata(_)) => {
                self.metadata = Some(media);
                return Ok(());
            }
            None => {
                let publishing = self.origin.publish(&self.stream)?;
                info!(from = self.source.tc_url(), "pulling {}", self.stream);
                self.due = None;
                let publishing = self.publishing.insert(publishing);
                if let Some(metadata) = self.metadata.take() {
                    publishing.handle(metadata)?;
                }
                self.teller.send_replace(Phase::OnAir);
                publishing
            }
        };
        publishing.handle(media)?;
        publishing.flush();
        Ok(())
    }
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, Interrupted> {
    match timeout(patience, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Interrupted::Stalled),
    }
}

/// Waits until nobody has watched `stream`, or waited for it, for `linger`.
async fn unwatched(
    origin: Origin,
    stream: StreamName,
    teller: watch::Sender<Phase>,
    linger: Duration,
) {
    let mut last = Instant::now();
    loop {
        sleep(LOOK).await;
        // One receiver is kept for those who come.
        if teller.receiver_count() > 1 || origin.viewers_of(&stream) > 0 {
            last = Instant::now();
        } else if last.elapsed() >= linger {
            return;
        }
    }
}
