use std::time::Duration;

use bytes::BytesMut;

use super::{Output, Target};
use crate::amf0::{Text, Value};
use crate::command::{Command, Transaction};
use crate::connection::{Connection, event};
use crate::flv::{Event, Tag};
use crate::inlet::{Inlet, Media};
use crate::line::Line;
use crate::{Closed, Config, EncodedTag, Error, Message, MessageType};

/// One connection, as the client sees it: bytes and tags in; bytes and media out.
///
/// Drive it as [`server::Session`](crate::server::Session) is driven; the same bounds hold. The
/// first [`Output::Send`] is there at once.
#[derive(Debug)]
pub struct Session {
    line: Line<Output>,
    target: Target,
    purpose: Purpose,
    state: State,
    stream: u32,
    inlet: Inlet,
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
            line: Line::new(Connection::client(config)),
            target,
            purpose,
            state: State::Handshake,
            stream: 0,
        }
    }

    /// Takes in bytes from the socket, split anywhere.
    ///
    /// # Errors
    ///
    /// As [`server::Session::handle_input`](crate::server::Session::handle_input).
    pub fn handle_input(&mut self, now: Duration, input: impl Into<BytesMut>) -> Result<(), Error> {
        self.line.receive(now, input.into())?;
        let read = self.read().and_then(|()| self.line.connection.check_waiting());
        self.line.or_close(read)
    }

    /// The next thing to do, or `None` until there is more input or time.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.line.has_room_for_waiting() {
            // A failure is told by `Closed`.
            let read = self.read();
            let _ = self.line.or_close(read);
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
        self.line.handle_timeout(now)
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
        self.line.check_open()?;
        if self.state != State::Ready || self.purpose != Purpose::Publish {
            return Err(Error::NotReady);
        }
        self.line.connection.send_encoded(self.stream, tag)
    }

    /// Ends the session properly: the server is told, then it is closed.
    pub fn finish(&mut self) {
        if self.line.is_over() {
            return;
        }
        let told = self.tell_end();
        if self.line.or_close(told).is_ok() {
            self.line.close(Closed::Finished);
        }
    }

    /// Bytes in [`Output::Send`] that were not taken yet.
    pub const fn queued_bytes(&self) -> usize {
        self.line.connection.queued_bytes()
    }

    /// Bytes the session holds, as
    /// [`server::Session::held_bytes`](crate::server::Session::held_bytes) counts them.
    pub fn held_bytes(&self) -> usize {
        self.line.held_bytes()
    }

    /// The size of the chunks it sends: what [`EncodedTag::for_server`] must be given.
    pub const fn chunk_size(&self) -> u32 {
        self.line.connection.config().chunk_size
    }

    fn read(&mut self) -> Result<(), Error> {
        loop {
            let message = self.line.next_message()?;
            if self.state == State::Handshake && self.line.connection.is_shaken() {
                self.state = State::Connecting;
                self.connect()?;
            }
            let Some(message) = message else { return Ok(()) };
            match message.message_type {
                kind if kind.is_media() => self.media(message)?,
                MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => self.command(&message)?,
                MessageType::USER_CONTROL => self.user_control(&message),
                _ => {}
            }
        }
    }

    /// Media counts from the moment `play` was sent: some servers send it before they agree.
    fn media(&mut self, message: Message) -> Result<(), Error> {
        let playing = matches!(self.state, State::Asking | State::Ready);
        if self.purpose != Purpose::Play || !playing || message.message_stream != self.stream {
            return Ok(());
        }
        let events = &mut self.line.events;
        self.inlet.handle(message, &self.line.connection.config().limits, |media| {
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
        if self.state == State::Ready && self.line.events.back() != Some(&Output::Ended) {
            self.line.events.push_back(Output::Ended);
        }
    }

    fn call(&mut self, name: &str, id: Transaction, arguments: Vec<Value>) -> Result<(), Error> {
        let mut values = vec![Value::Null];
        values.extend(arguments);
        self.line.connection.command(0, &Command::new(name, id, values))
    }

    fn connect(&mut self) -> Result<(), Error> {
        self.line.connection.announce_chunk_size()?;
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
        object.extend(self.line.connection.config().enhanced.properties());
        let command = Command::new("connect", CONNECT, vec![Value::object(object)]);
        self.line.connection.command(0, &command)
    }

    fn command(&mut self, message: &Message) -> Result<(), Error> {
        let limits = &self.line.connection.config().limits;
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
                self.line.close(Closed::Finished);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn connected(&mut self) -> Result<(), Error> {
        self.line.connection.opened();
        let window = self.line.connection.config().window;
        self.line.connection.announce_window(window)?;
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
        self.line.connection.command(self.stream, &command)?;
        if self.purpose == Purpose::Play {
            self.line.connection.event(event::SET_BUFFER_LENGTH, &[self.stream, BUFFER])?;
        }
        Ok(())
    }

    fn status(&mut self, command: &Command) {
        let info = command.argument(0).unwrap_or(&Value::Null);
        let text = |name| info.member(name).and_then(Value::text).unwrap_or_default();
        match text("code") {
            "NetStream.Publish.Start" | "NetStream.Play.Start" if self.state == State::Asking => {
                self.state = State::Ready;
                self.line.events.push_back(Output::Ready);
            }
            "NetStream.Play.UnpublishNotify"
            | "NetStream.Play.Stop"
            | "NetStream.Play.Complete" => {
                self.ended();
            }
            "NetConnection.Connect.ReconnectRequest" => {
                let tc_url = info.member("tcUrl").and_then(Value::text).map(str::to_owned);
                self.line.events.push_back(Output::Reconnect { tc_url });
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
        self.line.events.push_back(Output::Rejected { code, description });
        self.line.close(Closed::Rejected);
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
