use std::time::Duration;

use bytes::BytesMut;

use super::{Output, Target};
use crate::amf0::{Text, Value};
use crate::command::{Command, Transaction};
use crate::connection::{Connection, event};
use crate::event_queue::EventQueue;
use crate::flv::{Event, Tag};
use crate::inlet::{Inlet, Media};
use crate::{Closed, Config, EncodedTag, Error, Message, MessageType, aggregate};

/// One connection, as the client sees it: bytes and tags in; bytes and media out.
///
/// Drive it as [`server::Session`](crate::server::Session) is driven; the same bounds hold. The
/// first [`Output::Send`] is there at once.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    target: Target,
    events: EventQueue<Output>,
    purpose: Purpose,
    state: State,
    stream: u32,
    inlet: Inlet,
    aggregate: Option<aggregate::Parts>,
    closed: Option<Closed>,
    closed_told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Publish,
    Play,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Handshake,
    Connecting,
    Creating,
    /// `publish` or `play` was sent.
    Asking,
    Ready,
}

const CONNECT: Transaction = Transaction::new(1);
const RELEASE: Transaction = Transaction::new(2);
const FC_PUBLISH: Transaction = Transaction::new(3);
const CREATE: Transaction = Transaction::new(4);
const START: Transaction = Transaction::new(5);
const FC_UNPUBLISH: Transaction = Transaction::new(6);

/// What a player is told to keep in hand, in milliseconds.
const BUFFER: u32 = 3000;

impl Session {
    /// A session that will publish `target`.
    pub fn publish(config: Config, target: Target) -> Self {
        Self::new(config, target, Purpose::Publish)
    }

    /// A session that will play `target`.
    pub fn play(config: Config, target: Target) -> Self {
        Self::new(config, target, Purpose::Play)
    }

    fn new(config: Config, target: Target, purpose: Purpose) -> Self {
        Self {
            inlet: Inlet::new(&config),
            connection: Connection::client(config),
            target,
            events: EventQueue::new(),
            purpose,
            state: State::Handshake,
            stream: 0,
            aggregate: None,
            closed: None,
            closed_told: false,
        }
    }

    /// Takes in bytes from the socket, split anywhere.
    ///
    /// # Errors
    ///
    /// As [`server::Session::handle_input`](crate::server::Session::handle_input).
    pub fn handle_input(&mut self, now: Duration, input: impl Into<BytesMut>) -> Result<(), Error> {
        self.check_open()?;
        self.connection.receive(now, input.into());
        let read = self.read().and_then(|()| self.connection.check_waiting());
        self.or_close(read)
    }

    /// The next thing to do, or `None` until there is more input or time.
    pub fn poll_output(&mut self) -> Option<Output> {
        let waiting = self.aggregate.is_some() || self.connection.has_input();
        if waiting && self.events.is_empty() && self.closed.is_none() {
            // What waited for room may be read now. A failure is told by `Closed`.
            let read = self.read();
            let _ = self.or_close(read);
        }
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if let Some(bytes) = self.connection.poll_send() {
            return Some(Output::Send(bytes));
        }
        if self.closed_told {
            return None;
        }
        let closed = self.closed?;
        self.closed_told = true;
        Some(Output::Closed(closed))
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; at once where it never
    /// heard the time, never after the end.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.closed.is_some() { None } else { Some(self.connection.poll_timeout()) }
    }

    /// Tells the time; early and late calls are harmless.
    ///
    /// # Errors
    ///
    /// [`Error::HandshakeTimeout`] and [`Error::IdleTimeout`]; the session is closed then.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.closed.is_some() {
            return Ok(());
        }
        let timeout = self.connection.handle_timeout(now);
        self.or_close(timeout)
    }

    /// Queues a tag of the publication. A script tag should begin with `onMetaData`; it is sent as
    /// `@setDataFrame`.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`] before [`Output::Ready`] and in a session that plays; [`Error::Closed`]
    /// after the end; [`Error::Limit`] where [`Limits::queued_bytes`](crate::Limits) would be
    /// passed: nothing is queued, and the session lives on.
    pub fn send_tag(&mut self, tag: &Tag) -> Result<(), Error> {
        self.send_encoded(&EncodedTag::for_server(tag, self.chunk_size()))
    }

    /// Queues a tag that was encoded once for many sessions, with [`EncodedTag::for_server`].
    ///
    /// # Errors
    ///
    /// As [`send_tag`](Self::send_tag), and [`Error::ChunkSize`].
    pub fn send_encoded(&mut self, tag: &EncodedTag) -> Result<(), Error> {
        self.check_open()?;
        if self.state != State::Ready || self.purpose != Purpose::Publish {
            return Err(Error::NotReady);
        }
        self.connection.send_encoded(self.stream, tag)
    }

    /// Ends the session properly: the server is told, then it is closed.
    pub fn finish(&mut self) {
        if self.closed.is_some() {
            return;
        }
        let told = self.tell_end();
        if self.or_close(told).is_ok() {
            self.close(Closed::Finished);
        }
    }

    /// Bytes in [`Output::Send`] that were not taken yet.
    pub const fn queued_bytes(&self) -> usize {
        self.connection.queued_bytes()
    }

    /// Bytes the session holds, as
    /// [`server::Session::held_bytes`](crate::server::Session::held_bytes) counts them.
    pub fn held_bytes(&self) -> usize {
        self.connection.held_bytes() + self.aggregate.as_ref().map_or(0, aggregate::Parts::len)
    }

    /// The size of the chunks it sends: what [`EncodedTag::for_server`] must be given.
    pub const fn chunk_size(&self) -> u32 {
        self.connection.config().chunk_size
    }

    const fn check_open(&self) -> Result<(), Error> {
        if self.closed.is_some() { Err(Error::Closed) } else { Ok(()) }
    }

    fn or_close(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = result {
            self.close(Closed::Failed(error));
        }
        result
    }

    fn close(&mut self, closed: Closed) {
        self.closed.get_or_insert(closed);
        self.aggregate = None;
        self.connection.stop_reading();
    }

    fn read(&mut self) -> Result<(), Error> {
        while self.closed.is_none() && !self.events.is_full(&self.connection.config().limits) {
            if let Some(parts) = &mut self.aggregate {
                match parts.next() {
                    Some(message) => self.media(message?)?,
                    None => self.aggregate = None,
                }
                continue;
            }
            let message = self.connection.next_message()?;
            if self.state == State::Handshake && self.connection.is_shaken() {
                self.state = State::Connecting;
                self.connect()?;
            }
            let Some(message) = message else { break };
            match message.message_type {
                MessageType::AUDIO
                | MessageType::VIDEO
                | MessageType::DATA_AMF0
                | MessageType::DATA_AMF3 => self.media(message)?,
                MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => self.command(&message)?,
                MessageType::AGGREGATE => self.aggregate = Some(aggregate::Parts::new(message)),
                MessageType::USER_CONTROL => self.user_control(&message),
                _ => {}
            }
        }
        Ok(())
    }

    /// Media counts from the moment `play` was sent: some servers send it before they agree.
    fn media(&mut self, message: Message) -> Result<(), Error> {
        let playing = matches!(self.state, State::Asking | State::Ready);
        if self.purpose != Purpose::Play || !playing || message.message_stream != self.stream {
            return Ok(());
        }
        let events = &mut self.events;
        self.inlet.handle(message, &self.connection.config().limits, |media| {
            let values = media.values();
            let output = match media {
                Media::Metadata(metadata) => Output::Metadata(metadata),
                Media::Tag(tag) => Output::Tag(tag),
                Media::Event(Event::Track(track)) => Output::Track(track),
                Media::Event(Event::Sample(sample)) => Output::Sample(sample),
                Media::Event(Event::Color { track, color }) => Output::Color { track, color },
                Media::Event(Event::Skipped(skip)) => Output::Skipped(skip),
            };
            events.push_decoded(output, values);
        })
    }

    fn user_control(&mut self, message: &Message) {
        let kind = message.payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        if kind == Some(event::STREAM_EOF) && self.purpose == Purpose::Play {
            self.ended();
        }
    }

    /// Servers say it in several ways, one after another.
    fn ended(&mut self) {
        if self.state == State::Ready && self.events.back() != Some(&Output::Ended) {
            self.events.push_back(Output::Ended);
        }
    }

    fn call(&mut self, name: &str, id: Transaction, arguments: Vec<Value>) -> Result<(), Error> {
        let mut values = vec![Value::Null];
        values.extend(arguments);
        self.connection.command(0, &Command::new(name, id, values))
    }

    fn connect(&mut self) -> Result<(), Error> {
        self.connection.announce_chunk_size()?;
        let mut object = vec![
            ("app", Value::from(self.target.app())),
            ("type", "nonprivate".into()),
            ("flashVer", "FMLE/3.0 (compatible; airloom)".into()),
            ("tcUrl", Value::from(self.target.tc_url().as_str())),
        ];
        if self.purpose == Purpose::Play {
            object.extend([
                ("fpad", Value::from(false)),
                ("capabilities", 15.0.into()),
                ("audioCodecs", 4071.0.into()),
                ("videoCodecs", 252.0.into()),
                // Seeking; HDR, and the metadata packets that carry it.
                ("videoFunction", 7.0.into()),
            ]);
        }
        object.extend(self.connection.config().enhanced.properties());
        let command = Command::new("connect", CONNECT, vec![Value::object(object)]);
        self.connection.command(0, &command)
    }

    fn command(&mut self, message: &Message) -> Result<(), Error> {
        let limits = &self.connection.config().limits;
        let Some(command) = Command::decode(message, limits)? else { return Ok(()) };
        match (command.name.as_str().unwrap_or_default(), command.transaction) {
            ("_result", CONNECT) if self.state == State::Connecting => self.connected(),
            ("_result", CREATE) if self.state == State::Creating => self.created(&command),
            // Refusing these is not fatal: not every server knows them.
            ("_error", RELEASE | FC_PUBLISH | FC_UNPUBLISH) => Ok(()),
            ("_error", _) => {
                self.rejected(&command);
                Ok(())
            }
            ("onStatus", _) => {
                self.status(&command);
                Ok(())
            }
            ("close", _) => {
                self.close(Closed::Finished);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn connected(&mut self) -> Result<(), Error> {
        self.connection.opened();
        let window = self.connection.config().window;
        self.connection.announce_window(window)?;
        self.state = State::Creating;
        if self.purpose == Purpose::Publish {
            let name = Value::from(self.target.name());
            self.call("releaseStream", RELEASE, vec![name.clone()])?;
            self.call("FCPublish", FC_PUBLISH, vec![name])?;
        }
        self.call("createStream", CREATE, Vec::new())
    }

    fn created(&mut self, command: &Command) -> Result<(), Error> {
        self.stream = command.argument(0).and_then(Value::number).unwrap_or(1.0) as u32;
        self.state = State::Asking;
        let name = Value::from(self.target.name());
        let (verb, argument) = match self.purpose {
            Purpose::Publish => ("publish", Value::from("live")),
            // Live, or else a recording of that name.
            Purpose::Play => ("play", Value::from(-2000.0)),
        };
        let command = Command::new(verb, START, vec![Value::Null, name, argument]);
        self.connection.command(self.stream, &command)?;
        if self.purpose == Purpose::Play {
            self.connection.event(event::SET_BUFFER_LENGTH, &[self.stream, BUFFER])?;
        }
        Ok(())
    }

    fn status(&mut self, command: &Command) {
        let info = command.argument(0).unwrap_or(&Value::Null);
        let text = |name| info.member(name).and_then(Value::text).unwrap_or_default();
        match text("code") {
            "NetStream.Publish.Start" | "NetStream.Play.Start" if self.state == State::Asking => {
                self.state = State::Ready;
                self.events.push_back(Output::Ready);
            }
            "NetStream.Play.UnpublishNotify"
            | "NetStream.Play.Stop"
            | "NetStream.Play.Complete" => {
                self.ended();
            }
            "NetConnection.Connect.ReconnectRequest" => {
                let tc_url = info.member("tcUrl").and_then(Value::text).map(str::to_owned);
                self.events.push_back(Output::Reconnect { tc_url });
            }
            _ if text("level") == "error" => self.rejected(command),
            _ => {}
        }
    }

    fn rejected(&mut self, command: &Command) {
        let info = command.argument(0).unwrap_or(&Value::Null);
        let text = |name| match info.member(name) {
            Some(Value::String(text)) => text.clone(),
            _ => Text::default(),
        };
        let (code, description) = (text("code"), text("description"));
        self.events.push_back(Output::Rejected { code, description });
        self.close(Closed::Rejected);
    }

    fn tell_end(&mut self) -> Result<(), Error> {
        if !matches!(self.state, State::Asking | State::Ready) {
            return Ok(());
        }
        if self.purpose == Purpose::Publish {
            let name = Value::from(self.target.name());
            self.call("FCUnpublish", FC_UNPUBLISH, vec![name])?;
        }
        let stream = Value::from(f64::from(self.stream));
        self.call("deleteStream", Transaction::NONE, vec![stream])
    }
}
