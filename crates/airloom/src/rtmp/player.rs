use airloom_rtmp::Config;
use airloom_rtmp::client::{Output, Session, Target};

use super::link::Link;
use super::{ClientError, Dialer, Media};

/// Plays one stream from an RTMP server. See [`Pull`](super::Pull) for one that comes back when it
/// is cut off.
///
/// ```no_run
/// use airloom::rtmp::{ClientError, Config, Media, Player, client::Target};
///
/// # async fn example() -> Result<(), ClientError> {
/// let target = Target::parse("rtmp://127.0.0.1/live/cam")?;
/// let mut player = Player::connect(Config::default(), target).await?;
/// while let Some(media) = player.next().await? {
///     if let Media::Sample(sample) = media {
///         println!("{} bytes at {:?}", sample.data.len(), sample.decode_time);
///     }
/// }
/// player.finish().await
/// # }
/// ```
#[derive(Debug)]
pub struct Player(Link);

impl Player {
    /// Connects to `target` as [`Dialer::default`] does, and waits until the server lets it play.
    ///
    /// # Errors
    ///
    /// As [`Publisher::connect`](super::Publisher::connect).
    pub async fn connect(config: Config, target: Target) -> Result<Self, ClientError> {
        Self::dial(&Dialer::default(), &config, &target).await
    }

    /// Connects as `dialer` does it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn dial(
        dialer: &Dialer,
        config: &Config,
        target: &Target,
    ) -> Result<Self, ClientError> {
        Link::open(config, target, dialer, Session::play).await.map(Self)
    }

    /// What comes next, in the shape that [`Config::deliver`] names; `None` where the server says
    /// that the stream is over. It may come back: asking on is how to wait for it.
    ///
    /// What is not asked for is not read, so that a slow caller slows the server. The wait may be
    /// given up at any time; nothing is lost by it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Closed`] where the server has ended the connection, [`ClientError::Moved`]
    /// where it is to be made elsewhere; [`ClientError::Io`] and [`ClientError::Protocol`] where it
    /// broke.
    pub async fn next(&mut self) -> Result<Option<Media>, ClientError> {
        loop {
            return Ok(Some(match self.0.next().await? {
                Output::Metadata(metadata) => Media::Metadata(metadata),
                Output::Tag(tag) => Media::Tag(tag),
                Output::Track(track) => Media::Track(track),
                Output::Sample(sample) => Media::Sample(sample),
                Output::Color { track, color } => Media::Color { track, color },
                Output::Ended => return Ok(None),
                _ => continue,
            }));
        }
    }

    /// Stops playing and closes the connection.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`] where the goodbye could not be sent.
    pub async fn finish(self) -> Result<(), ClientError> {
        self.0.finish().await
    }
}
