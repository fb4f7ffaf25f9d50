use std::convert::Infallible;

use airloom_rtmp::client::{Session, Target};
use airloom_rtmp::flv::Tag;
use airloom_rtmp::{Config, EncodedTag};

use super::link::Link;
use super::{ClientError, Dialer};

/// Publishes one stream to an RTMP server. See [`Push`](super::Push) for one that comes back when
/// it is cut off.
///
/// ```no_run
/// use airloom::rtmp::{ClientError, Config, Publisher, client::Target, flv::{Kind, Tag}};
///
/// # async fn example() -> Result<(), ClientError> {
/// let target = Target::parse("rtmp://127.0.0.1/live/cam")?;
/// let mut publisher = Publisher::connect(Config::default(), target).await?;
/// publisher.send(&Tag::new(Kind::Audio, 0, vec![0xAF, 0, 0x11, 0x90].into())).await?;
/// publisher.finish().await
/// # }
/// ```
#[derive(Debug)]
pub struct Publisher(Link);

impl Publisher {
    /// Connects to `target` as [`Dialer::default`] does, and waits until the server lets it publish.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`] where there is no connection; [`ClientError::Rejected`] with the
    /// server's reason; [`ClientError::Protocol`] for a server that is none, including one that
    /// does not answer within [`Config::handshake_timeout`].
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
        Link::open(config, target, dialer, Session::publish).await.map(Self)
    }

    /// Sends one tag; returns once the socket has taken it, so that a slow server slows the caller.
    ///
    /// # Errors
    ///
    /// [`ClientError::Closed`] where the server has ended the stream, [`ClientError::Moved`] where
    /// it wants it elsewhere; [`ClientError::Io`] and [`ClientError::Protocol`] where the
    /// connection broke.
    pub async fn send(&mut self, tag: &Tag) -> Result<(), ClientError> {
        self.send_encoded(&EncodedTag::for_server(tag, self.0.chunk_size())).await
    }

    /// Sends a tag that was encoded once for many, with [`EncodedTag::for_server`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_encoded(&mut self, tag: &EncodedTag) -> Result<(), ClientError> {
        self.0.send(tag).await
    }

    /// Keeps the connection alive while there is nothing to send: answers the server, and fails
    /// when it is gone. It may be given up at any time.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn idle(&mut self) -> Result<Infallible, ClientError> {
        loop {
            self.0.next().await?;
        }
    }

    /// Ends the publish as the protocol wants it and closes the connection.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`] where the goodbye could not be sent.
    pub async fn finish(self) -> Result<(), ClientError> {
        self.0.finish().await
    }
}
