use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::commands::Pending;
use super::streams::{Role, Streams};
use super::{Connect, Output, Rejection, RequestId};
use crate::command::Command;
use crate::connection::{Connection, event};
use crate::flv::{Event, Kind};
use crate::inlet::Media;
use crate::line::Line;
use crate::{Closed, Config, EncodedTag, Error, Message, MessageType};

/// One connection, as the server sees it: bytes and decisions in; bytes, requests and media out.
///
/// Outputs may be taken late: past [`Limits::outputs`](crate::Limits) input waits unread, and past
/// [`Limits::held_input`](crate::Limits) the session fails. Input also waits while a request is
/// undecided, so nothing of what follows it is lost. After a failure the session is closed; what
/// was queued to be sent can still be taken.
///
/// A runtime that cannot write should stop reading, too: answers to what the peer sends wait here
/// until they are taken.
#[derive(Debug)]
pub struct Session {
    pub(super) line: Line<Output>,
    pub(super) streams: Streams,
    /// What the peer said of itself, once it was let in.
    pub(super) peer: Option<Arc<Connect>>,
    pub(super) pending: Option<Pending>,
    pub(super) requests: u32,
}

impl Session {
    /// A session that waits for its peer's handshake. The time of the first call that carries one
    /// counts as the connection's start.
    pub fn new(config: Config) -> Self {
        Self {
            streams: Streams::new(&config.limits),
            line: Line::new(Connection::server(config)),
            peer: None,
            pending: None,
            requests: 0,
        }
    }

    /// Takes in bytes from the socket, split anywhere.
    ///
    /// Payloads that lie in `input` whole can be slices of it, see [`Limits::pin`](crate::Limits):
    /// the allocation behind it should not be much larger than what it shows. So can those that go
    /// on from the input before it, where both are pieces of one buffer and follow each other: what
    /// is split off a buffer that is read into again and again is best. A [`Bytes`] is taken as it
    /// is where nobody shares it, and copied otherwise.
    ///
    /// [`Bytes`]: bytes::Bytes
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Truncated`], [`Error::Unsupported`] for what the peer sent,
    /// [`Error::Limit`] for too much of it, [`Error::Closed`] after the end. The session is closed
    /// then.
    pub fn handle_input(&mut self, now: Duration, input: impl Into<BytesMut>) -> Result<(), Error> {
        self.line.receive(now, input.into())?;
        let read = self.read().and_then(|()| self.line.connection.check_waiting());
        self.or_close(read)
    }

    /// The next thing to do, or `None` until there is more input, time or a decision.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.line.has_room_for_waiting() {
            // A failure is told by `Closed`.
            let read = self.read();
            let _ = self.or_close(read);
        }
        self.line.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; at once where it never
    /// heard the time, never after the end.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.line.poll_timeout()
    }

    /// Tells the time; early and late calls are harmless.
    ///
    /// # Errors
    ///
    /// [`Error::HandshakeTimeout`] and [`Error::IdleTimeout`]; the session is closed then.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        let timeout = self.line.handle_timeout(now);
        self.or_close(timeout)
    }

    /// Grants a request.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where no such request waits; [`Error::Closed`] after the end;
    /// [`Error::Limit`] where the answer would pass [`Limits::queued_bytes`](crate::Limits), and
    /// the session is closed then.
    pub fn accept(&mut self, id: RequestId) -> Result<(), Error> {
        let pending = self.take_pending(id)?;
        let granted = self.grant(pending);
        self.or_close(granted)
    }

    /// Refuses a request: the peer is told, then the session closes.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn reject(&mut self, id: RequestId, rejection: Rejection) -> Result<(), Error> {
        let pending = self.take_pending(id)?;
        let refused = self.refuse(&pending, rejection);
        self.or_close(refused)?;
        self.close(Closed::Rejected);
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
    pub fn send_encoded(&mut self, play: RequestId, tag: &EncodedTag) -> Result<(), Error> {
        self.line.check_open()?;
        let (stream, playback) = self.streams.playback(play).ok_or(Error::NoRequest(play))?;
        let wanted = match tag.kind() {
            Kind::Audio => playback.audio,
            Kind::Video => playback.video,
            Kind::Script => true,
        };
        if wanted { self.line.connection.send_encoded(stream, tag) } else { Ok(()) }
    }

    /// Tells a player that its stream is over (`NetStream.Play.UnpublishNotify`, stream EOF). The
    /// playback stays, in case the stream comes back.
    ///
    /// # Errors
    ///
    /// [`Error::NoRequest`] where nothing is played under `play`; [`Error::Closed`] after the end.
    pub fn end_play(&mut self, play: RequestId) -> Result<(), Error> {
        self.line.check_open()?;
        let (stream, _) = self.streams.playback(play).ok_or(Error::NoRequest(play))?;
        let told = self.tell_end(stream);
        self.or_close(told)
    }

    /// Asks the peer to connect anew, to `tc_url` or to the same place (Enhanced RTMP v2, reconnect
    /// request). It goes on until its next key frame, then leaves; peers that do not know the
    /// request stay. Those that do have bit 1 in [`Enhanced::caps_ex`](crate::Enhanced).
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] where [`Limits::queued_bytes`](crate::Limits) would be passed, and the
    /// session is closed then; [`Error::Closed`] after the end.
    pub fn request_reconnect(&mut self, tc_url: Option<&str>) -> Result<(), Error> {
        self.line.check_open()?;
        let asked = self.ask_to_reconnect(tc_url);
        self.or_close(asked)
    }

    /// Ends the session: players are told, then it is closed. Publishers see the connection close,
    /// which makes them come back.
    pub fn finish(&mut self) {
        if self.line.is_over() {
            return;
        }
        let told = self.tell_all();
        if self.or_close(told).is_ok() {
            self.close(Closed::Finished);
        }
    }

    /// Bytes in [`Output::Send`] that were not taken yet.
    pub const fn queued_bytes(&self) -> usize {
        self.line.connection.queued_bytes()
    }

    /// Bytes the session holds: partial messages with what is reserved for them, input not read
    /// yet, and bytes to be sent. Payloads of events that were not taken yet come on top; they
    /// count as the integrator's.
    pub fn held_bytes(&self) -> usize {
        self.line.held_bytes()
    }

    /// The size of the chunks it sends: what [`EncodedTag::new`] must be given.
    pub const fn chunk_size(&self) -> u32 {
        self.line.connection.config().chunk_size
    }

    fn take_pending(&mut self, id: RequestId) -> Result<Pending, Error> {
        self.line.check_open()?;
        self.pending.take_if(|pending| pending.id == id).ok_or(Error::NoRequest(id))
    }

    fn or_close(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = result {
            self.close(Closed::Failed(error));
        }
        result
    }

    pub(super) fn close(&mut self, closed: Closed) {
        self.line.close(closed);
        self.pending = None;
    }

    /// Reads messages until input, room for events or certainty runs out.
    fn read(&mut self) -> Result<(), Error> {
        while self.pending.is_none()
            && let Some(message) = self.line.next_message()?
        {
            match message.message_type {
                kind if kind.is_media() => self.media(message)?,
                MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => self.command(&message)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Media on a stream that does not publish is passed over.
    fn media(&mut self, message: Message) -> Result<(), Error> {
        let Some(Role::Publishing { request, inlet, .. }) =
            self.streams.find(message.message_stream)
        else {
            return Ok(());
        };
        let request = *request;
        let events = &mut self.line.events;
        inlet.handle(message, &self.line.connection.config().limits, |media| {
            let values = media.values();
            let output = match media {
                Media::Metadata(metadata) => Output::Metadata { request, metadata },
                Media::Tag(tag) => Output::Tag { request, tag },
                Media::Event(Event::Track(track)) => Output::Track { request, track },
                Media::Event(Event::Sample(sample)) => Output::Sample { request, sample },
                Media::Event(Event::Color { track, color }) => {
                    Output::Color { request, track, color }
                }
                Media::Event(Event::Skipped(skip)) => Output::Skipped { request, skip },
            };
            events.push_decoded(output, values);
        })
    }

    fn tell_end(&mut self, stream: u32) -> Result<(), Error> {
        let status =
            Command::status("status", "NetStream.Play.UnpublishNotify", "The stream is over.");
        self.line.connection.command(stream, &status)?;
        self.line.connection.event(event::STREAM_EOF, &[stream])
    }

    fn tell_all(&mut self) -> Result<(), Error> {
        let playing = |role: &Role| matches!(role, Role::Playing(_));
        let streams: Vec<_> =
            self.streams.iter().map(|(stream, role)| (stream, playing(role))).collect();
        for (stream, playing) in streams {
            if playing {
                self.tell_end(stream)?;
            }
        }
        Ok(())
    }
}
