use std::collections::VecDeque;
use std::io;

use airloom_rtmp::Config;
use airloom_rtmp::client::{Output, Session, Target};
use airloom_rtmp::flv::Tag;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::connection::{advance, write};

/// Publishes one stream to an RTMP server.
///
/// ```no_run
/// use airloom::rtmp::{Config, Publisher, client::Target, flv::{Kind, Tag}};
///
/// # async fn example() -> Result<(), airloom::rtmp::PublishError> {
/// let target = Target::parse("rtmp://127.0.0.1/live/cam")?;
/// let mut publisher = Publisher::connect(Config::default(), target).await?;
/// publisher.send(&Tag::new(Kind::Audio, 0, vec![0xAF, 0, 0x11, 0x90].into())).await?;
/// publisher.finish().await
/// # }
/// ```
#[derive(Debug)]
pub struct Publisher {
    socket: TcpStream,
    session: Session,
    started: Instant,
    queue: VecDeque<Bytes>,
    input: BytesMut,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    Closed,
}

/// Why a stream could not be published, or not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The connection could not be made, or broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server broke the protocol, or the URL cannot be understood.
    #[error(transparent)]
    Protocol(#[from] airloom_rtmp::Error),
    /// The server said no.
    #[error("refused: {code} {description}")]
    Rejected {
        /// The status code, such as `NetStream.Publish.BadName`.
        code: String,
        /// What the server says of it.
        description: String,
    },
    /// The server ended the connection.
    #[error("the server ended the connection")]
    Closed,
}

impl Publisher {
    /// Connects to `target` and waits until the server lets it publish.
    ///
    /// # Errors
    ///
    /// [`PublishError::Io`] where there is no connection; [`PublishError::Rejected`] with the
    /// server's reason; [`PublishError::Protocol`] for a server that is none, including one that
    /// does not answer within [`Config::handshake_timeout`].
    pub async fn connect(config: Config, target: Target) -> Result<Self, PublishError> {
        let socket = TcpStream::connect((target.host(), target.port())).await?;
        socket.set_nodelay(true)?;
        let mut publisher = Self {
            socket,
            session: Session::publish(config, target),
            started: Instant::now(),
            queue: VecDeque::new(),
            input: BytesMut::new(),
            state: State::Starting,
        };
        publisher.session.handle_timeout(publisher.started.elapsed())?;
        publisher.drain()?;
        while publisher.state == State::Starting {
            publisher.step().await?;
        }
        Ok(publisher)
    }

    /// Sends one tag; returns once the socket has taken it, so that a slow server slows the caller.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] where the server has ended the stream; [`PublishError::Io`] and
    /// [`PublishError::Protocol`] where the connection broke.
    pub async fn send(&mut self, tag: &Tag) -> Result<(), PublishError> {
        if self.state == State::Closed {
            return Err(PublishError::Closed);
        }
        self.session.send_tag(tag)?;
        self.flush().await
    }

    /// Ends the publish as the protocol wants it and closes the connection.
    ///
    /// # Errors
    ///
    /// [`PublishError::Io`] where the goodbye could not be sent.
    pub async fn finish(mut self) -> Result<(), PublishError> {
        self.session.finish();
        self.flush().await?;
        Ok(self.socket.shutdown().await?)
    }

    async fn flush(&mut self) -> Result<(), PublishError> {
        self.drain()?;
        while !self.queue.is_empty() {
            self.step().await?;
        }
        Ok(())
    }

    /// One exchange with the socket, or one timeout.
    async fn step(&mut self) -> Result<(), PublishError> {
        let wake = self.session.poll_timeout().map(|time| self.started + time);
        let (mut reader, mut writer) = self.socket.split();
        tokio::select! {
            read = reader.read_buf(&mut self.input) => {
                if read? == 0 {
                    self.state = State::Closed;
                    return Err(PublishError::Closed);
                }
                let input = self.input.split().freeze();
                self.session.handle_input(self.started.elapsed(), input)?;
            }
            written = write(&mut writer, &self.queue), if !self.queue.is_empty() => {
                advance(&mut self.queue, written?);
            }
            () = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            } => self.session.handle_timeout(self.started.elapsed())?,
        }
        self.drain()
    }

    fn drain(&mut self) -> Result<(), PublishError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => self.queue.push_back(bytes),
                Output::Ready => self.state = State::Ready,
                Output::Rejected { code, description } => {
                    self.state = State::Closed;
                    return Err(PublishError::Rejected {
                        code: code.to_string_lossy().into_owned(),
                        description: description.to_string_lossy().into_owned(),
                    });
                }
                Output::Closed(_) => self.state = State::Closed,
                _ => {}
            }
        }
        Ok(())
    }
}
