use std::time::Duration;

use bytes::Bytes;

use super::{EncodedTag, Output, Rejection, RequestId};
use crate::{Config, Error};

/// One connection, as the server sees it: bytes and decisions in; bytes, requests and media out.
///
/// Outputs may be taken late or not at all: past [`Limits::outputs`](crate::Limits) input waits
/// unread, and past [`Limits::held_input`](crate::Limits) the session fails. After a failure it is
/// closed; what was queued to be sent can still be taken.
#[derive(Debug)]
pub struct Session {
    _config: Config,
}

impl Session {
    /// A session that waits for its peer's handshake. The time of the first call that carries one
    /// counts as the connection's start.
    pub fn new(config: Config) -> Self {
        Self { _config: config }
    }

    /// Takes in bytes from the socket, split anywhere.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Truncated`], [`Error::Unsupported`] for what the peer sent,
    /// [`Error::Limit`] for too much of it, [`Error::Closed`] after the end. The session is closed
    /// then.
    pub fn handle_input(&mut self, _now: Duration, _input: Bytes) -> Result<(), Error> {
        Ok(())
    }

    /// The next thing to do, or `None` until there is more input, time or a decision.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Tells the time; early and late calls are harmless.
    ///
    /// # Errors
    ///
    /// [`Error::HandshakeTimeout`] and [`Error::IdleTimeout`]; the session is closed then.
    pub fn handle_timeout(&mut self, _now: Duration) -> Result<(), Error> {
        Ok(())
    }

    /// Grants a request.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where no such request waits; [`Error::Closed`] after the end.
    pub fn accept(&mut self, _id: RequestId) -> Result<(), Error> {
        Ok(())
    }

    /// Refuses a request: the peer is told, then the session closes.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where no such request waits; [`Error::Closed`] after the end.
    pub fn reject(&mut self, _id: RequestId, _rejection: Rejection) -> Result<(), Error> {
        Ok(())
    }

    /// Queues a tag for a playback; only references to shared bytes are queued.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where nothing is played under `play` (any more); [`Error::ChunkSize`]
    /// for a tag encoded for another session's chunk size; [`Error::Limit`] where
    /// [`Limits::queued_bytes`](crate::Limits) would be passed: nothing is queued, and the session
    /// lives on; [`Error::Closed`] after the end.
    pub fn send_encoded(&mut self, _play: RequestId, _tag: &EncodedTag) -> Result<(), Error> {
        Ok(())
    }

    /// Tells a player that its stream is over (`NetStream.Play.UnpublishNotify`, stream EOF). The
    /// playback stays, in case the stream comes back.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where nothing is played under `play`; [`Error::Closed`] after the end.
    pub fn end_play(&mut self, _play: RequestId) -> Result<(), Error> {
        Ok(())
    }

    /// Ends the session: publishers and players are told, then it is closed.
    pub fn finish(&mut self) {}

    /// Bytes in [`Output::Send`] that were not taken yet.
    pub fn queued_bytes(&self) -> usize {
        0
    }

    /// Bytes the session holds: partial messages with what is reserved for them, input not read
    /// yet, and bytes to be sent.
    pub fn held_bytes(&self) -> usize {
        0
    }

    /// The size of the chunks it sends: what [`EncodedTag::new`] must be given.
    pub fn chunk_size(&self) -> u32 {
        self._config.chunk_size
    }
}
