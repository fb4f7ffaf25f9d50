use std::time::Duration;

use bytes::Bytes;

use super::{Output, Target};
use crate::flv::Tag;
use crate::server::EncodedTag;
use crate::{Config, Error};

/// One connection, as the client sees it: bytes and tags in; bytes and media out.
///
/// Drive it as [`server::Session`](crate::server::Session) is driven. The first
/// [`Output::Send`] is there at once.
#[derive(Debug)]
pub struct Session {
    _config: Config,
    _target: Target,
}

impl Session {
    /// A session that will publish `target`.
    pub fn publish(config: Config, target: Target) -> Self {
        Self { _config: config, _target: target }
    }

    /// A session that will play `target`.
    pub fn play(config: Config, target: Target) -> Self {
        Self { _config: config, _target: target }
    }

    /// Takes in bytes from the socket, split anywhere.
    ///
    /// # Errors
    ///
    /// As [`server::Session::handle_input`](crate::server::Session::handle_input).
    pub fn handle_input(&mut self, _now: Duration, _input: Bytes) -> Result<(), Error> {
        Ok(())
    }

    /// The next thing to do, or `None` until there is more input or time.
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

    /// Queues a tag of the publication.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] before [`Output::Ready`], after the end, and for a session that plays;
    /// [`Error::Limit`] where [`Limits::queued_bytes`](crate::Limits) would be passed: nothing is
    /// queued, and the session lives on.
    pub fn send_tag(&mut self, _tag: &Tag) -> Result<(), Error> {
        Ok(())
    }

    /// Queues a tag that was encoded once for many sessions.
    ///
    /// # Errors
    ///
    /// As [`send_tag`](Self::send_tag), and [`Error::ChunkSize`].
    pub fn send_encoded(&mut self, _tag: &EncodedTag) -> Result<(), Error> {
        Ok(())
    }

    /// Ends the session properly: `FCUnpublish`, `deleteStream`, then closed.
    pub fn finish(&mut self) {}

    /// Bytes in [`Output::Send`] that were not taken yet.
    pub fn queued_bytes(&self) -> usize {
        0
    }

    /// The size of the chunks it sends: what [`EncodedTag::new`] must be given.
    pub fn chunk_size(&self) -> u32 {
        self._config.chunk_size
    }
}
