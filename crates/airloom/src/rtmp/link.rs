use std::collections::VecDeque;
use std::io;

use airloom_rtmp::client::{Output, Session, Target};
use airloom_rtmp::{Closed, Config, EncodedTag};
use bytes::Bytes;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::Dialer;
use super::connection::{advance, write};
use super::dialer::Socket;
use super::read_buffer::ReadBuffer;

/// Why a stream could not be published or played, or not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
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
    /// The server asks to connect again (Enhanced RTMP v2, reconnect request).
    #[error("the server asks to connect again")]
    Moved {
        /// Where to, for [`Target::moved`]; `None` for the same place.
        tc_url: Option<String>,
    },
    /// The server ended the connection.
    #[error("the server ended the connection")]
    Closed,
}

/// A client's connection: a socket, and the session it drives.
///
/// Every wait may be given up at any time; nothing is lost by it.
pub(super) struct Link {
    reader: ReadHalf<Box<dyn Socket>>,
    writer: WriteHalf<Box<dyn Socket>>,
    read: ReadBuffer,
    session: Session,
    started: Instant,
    queue: VecDeque<Bytes>,
    /// What was written may wait in the writer, where that is TLS or the like.
    unflushed: bool,
    events: VecDeque<Output>,
    closed: bool,
}

impl Link {
    /// Connects, and waits until the server agrees to what `session` asks for.
    pub(super) async fn open(
        config: &Config,
        target: &Target,
        dialer: &Dialer,
        session: fn(Config, Target) -> Session,
    ) -> Result<Self, ClientError> {
        let started = Instant::now();
        let dialing = timeout(config.handshake_timeout, dialer.dial(target.clone()));
        let socket = dialing.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let (reader, writer) = tokio::io::split(socket);
        let mut link = Self {
            reader,
            writer,
            read: ReadBuffer::default(),
            session: session(config.clone(), target.clone()),
            started,
            queue: VecDeque::new(),
            unflushed: false,
            events: VecDeque::new(),
            closed: false,
        };
        link.session.handle_timeout(started.elapsed())?;
        link.drain()?;
        while link.next().await? != Output::Ready {}
        Ok(link)
    }

    /// What the session says next, bytes left out.
    pub(super) async fn next(&mut self) -> Result<Output, ClientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.step().await?;
        }
    }

    /// The size of the chunks it sends.
    pub(super) const fn chunk_size(&self) -> u32 {
        self.session.chunk_size()
    }

    /// Sends a tag, and all that the session wants sent.
    pub(super) async fn send(&mut self, tag: &EncodedTag) -> Result<(), ClientError> {
        if self.closed {
            return Err(ClientError::Closed);
        }
        self.session.send_encoded(tag)?;
        self.drain()?;
        while self.unflushed || !self.queue.is_empty() {
            self.step().await?;
        }
        Ok(())
    }

    /// Says goodbye and closes the connection.
    pub(super) async fn finish(mut self) -> Result<(), ClientError> {
        self.session.finish();
        self.drain()?;
        // From here on nothing is read: the session is over.
        while !self.queue.is_empty() {
            let written = write(&mut self.writer, &self.queue).await?;
            advance(&mut self.queue, written);
        }
        Ok(self.writer.shutdown().await?)
    }

    /// One exchange with the socket, or one timeout.
    async fn step(&mut self) -> Result<(), ClientError> {
        if self.closed {
            return Err(ClientError::Closed);
        }
        let wake = self.session.poll_timeout().map(|time| self.started + time);
        tokio::select! {
            input = self.read.read(&mut self.reader) => {
                let input = input?;
                if input.is_empty() {
                    self.closed = true;
                    return Err(ClientError::Closed);
                }
                self.session.handle_input(self.started.elapsed(), input)?;
            }
            written = write(&mut self.writer, &self.queue),
                if self.unflushed || !self.queue.is_empty() =>
            {
                let written = written?;
                self.unflushed = written > 0;
                advance(&mut self.queue, written);
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

    fn drain(&mut self) -> Result<(), ClientError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => self.queue.push_back(bytes),
                Output::Rejected { code, description } => {
                    self.closed = true;
                    return Err(ClientError::Rejected {
                        code: code.to_string_lossy().into_owned(),
                        description: description.to_string_lossy().into_owned(),
                    });
                }
                Output::Closed(reason) => {
                    self.closed = true;
                    if let Closed::Failed(error) = reason {
                        return Err(error.into());
                    }
                }
                Output::Reconnect { tc_url } => return Err(ClientError::Moved { tc_url }),
                event => self.events.push_back(event),
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("session", &self.session).finish_non_exhaustive()
    }
}
