use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::chunk::{INITIAL_SIZE, Reader, Writer};
use crate::command::Command;
use crate::{Config, EncodedTag, Error, Message, MessageType, handshake};

/// What both sides of a connection have in common: handshake, chunks, acknowledgements, pings,
/// time, and the queues of bytes on the way in and out.
#[derive(Debug)]
pub(crate) struct Connection {
    config: Config,
    handshake: Handshake,
    reader: Reader,
    writer: Writer,
    /// Input not read yet.
    input: VecDeque<BytesMut>,
    waiting: usize,
    /// Output: what is shared with others, in order, and small messages behind it.
    sends: VecDeque<Bytes>,
    tail: Vec<u8>,
    queued: usize,
    received: u64,
    acknowledged: u64,
    /// After how many bytes the peer wants an acknowledgement.
    peer_window: u64,
    /// After how many it was told to send one.
    announced_window: u32,
    started: Option<Duration>,
    /// When bytes last came.
    heard: Duration,
    pinged: bool,
    open: bool,
}

#[derive(Debug)]
enum Handshake {
    Server(handshake::Server),
    Client(handshake::Client),
    Done,
}

/// Chunk streams of what is not media.
pub(crate) const CONTROL: u32 = 2;
pub(crate) const COMMAND: u32 = 3;

/// User control events (7.1.7).
pub(crate) mod event {
    pub(crate) const STREAM_BEGIN: u16 = 0;
    pub(crate) const STREAM_EOF: u16 = 1;
    pub(crate) const SET_BUFFER_LENGTH: u16 = 3;
    pub(crate) const PING_REQUEST: u16 = 6;
    pub(crate) const PING_RESPONSE: u16 = 7;
}

impl Connection {
    pub(crate) fn server(config: Config) -> Self {
        Self::new(config, |seed| Handshake::Server(handshake::Server::new(seed)))
    }

    pub(crate) fn client(config: Config) -> Self {
        let scheme = config.handshake;
        let mut connection =
            Self::new(config, |seed| Handshake::Client(handshake::Client::new(scheme, seed)));
        if let Handshake::Client(client) = &connection.handshake {
            let hello = client.hello();
            connection.push(hello);
        }
        connection
    }

    fn new(mut config: Config, handshake: impl FnOnce(u64) -> Handshake) -> Self {
        config.chunk_size = config.chunk_size.clamp(INITIAL_SIZE, 0xFF_FFFF);
        Self {
            handshake: handshake(config.seed),
            reader: Reader::new(config.limits.clone()),
            writer: Writer::default(),
            input: VecDeque::new(),
            waiting: 0,
            sends: VecDeque::new(),
            tail: Vec::new(),
            queued: 0,
            received: 0,
            acknowledged: 0,
            peer_window: config.window.into(),
            announced_window: 0,
            started: None,
            heard: Duration::ZERO,
            pinged: false,
            open: false,
            config,
        }
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Takes in bytes; they are read by [`next_message`](Self::next_message).
    pub(crate) fn receive(&mut self, now: Duration, input: BytesMut) {
        self.heard(now);
        if input.is_empty() {
            return;
        }
        self.pinged = false;
        self.received += input.len() as u64;
        self.waiting += input.len();
        self.input.push_back(input);
    }

    fn heard(&mut self, now: Duration) {
        self.started.get_or_insert(now);
        self.heard = self.heard.max(now);
    }

    /// Whether more input waits than may.
    pub(crate) fn check_waiting(&self) -> Result<(), Error> {
        Error::check_limit("held_input", self.waiting, self.config.limits.held_input)
    }

    pub(crate) const fn has_input(&self) -> bool {
        self.waiting > 0
    }

    /// The next message that the session has to look at. What is between the connections
    /// themselves is settled on the way.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, Error> {
        loop {
            let Some(mut input) = self.input.pop_front() else {
                self.acknowledge()?;
                return Ok(None);
            };
            let before = input.len();
            let message = if matches!(self.handshake, Handshake::Done) {
                self.reader.read(&mut input)?
            } else {
                self.shake_hands(&mut input)?;
                None
            };
            // The reader hands bytes back where a header it took for split turns out to be shorter.
            self.waiting = (self.waiting + input.len()).saturating_sub(before);
            if !input.is_empty() {
                self.input.push_front(input);
            }
            if let Some(message) = message
                && let Some(message) = self.settle(message)?
            {
                return Ok(Some(message));
            }
        }
    }

    fn shake_hands(&mut self, rest: &mut BytesMut) -> Result<(), Error> {
        let mut bytes = std::mem::take(rest).freeze();
        let shaken = self.shake(&mut bytes);
        *rest = bytes.into();
        shaken
    }

    fn shake(&mut self, input: &mut Bytes) -> Result<(), Error> {
        let (reply, done) = match &mut self.handshake {
            Handshake::Server(server) => (server.read(input)?, server.is_done()),
            Handshake::Client(client) => (client.read(input)?, client.is_done()),
            Handshake::Done => return Ok(()),
        };
        if let Some(reply) = reply {
            self.push(reply);
        }
        if done {
            self.handshake = Handshake::Done;
        }
        Ok(())
    }

    pub(crate) const fn is_shaken(&self) -> bool {
        matches!(self.handshake, Handshake::Done)
    }

    /// Acts upon protocol control messages and pings; hands on all else.
    fn settle(&mut self, message: Message) -> Result<Option<Message>, Error> {
        let number = message.payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match (message.message_type, number) {
            (
                MessageType::SET_CHUNK_SIZE | MessageType::ABORT | MessageType::ACKNOWLEDGEMENT,
                _,
            ) => Ok(None),
            (MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, Some(window)) => {
                // A window of zero would ask for an endless acknowledgement.
                self.peer_window = window.max(1).into();
                Ok(None)
            }
            (MessageType::SET_PEER_BANDWIDTH, Some(window)) => {
                if window != self.announced_window {
                    self.announce_window(window)?;
                }
                Ok(None)
            }
            (MessageType::USER_CONTROL, _) => {
                let event = message.payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
                if event == Some(event::PING_REQUEST) {
                    let time = message.payload.get(2..6).unwrap_or_default();
                    let mut payload = event::PING_RESPONSE.to_be_bytes().to_vec();
                    payload.extend_from_slice(time);
                    self.control(MessageType::USER_CONTROL, payload.into())?;
                    return Ok(None);
                }
                Ok(Some(message))
            }
            (MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE | MessageType::SET_PEER_BANDWIDTH, None) => {
                Err(Error::Truncated { field: "window size", offset: self.reader.offset() })
            }
            _ => Ok(Some(message)),
        }
    }

    /// 5.4.3: the peer hears how much came, each time its window is full.
    fn acknowledge(&mut self) -> Result<(), Error> {
        if self.is_shaken() && self.received - self.acknowledged >= self.peer_window {
            self.acknowledged = self.received;
            let sequence = (self.received as u32).to_be_bytes();
            self.control(MessageType::ACKNOWLEDGEMENT, Bytes::copy_from_slice(&sequence))?;
        }
        Ok(())
    }

    /// Sends a protocol control message.
    pub(crate) fn control(&mut self, kind: MessageType, payload: Bytes) -> Result<(), Error> {
        self.send(CONTROL, kind, 0, payload)
    }

    /// Sends a user control event about a message stream.
    pub(crate) fn event(&mut self, event: u16, values: &[u32]) -> Result<(), Error> {
        let mut payload = event.to_be_bytes().to_vec();
        payload.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        self.control(MessageType::USER_CONTROL, payload.into())
    }

    /// Tells the peer after how many bytes it is to acknowledge.
    pub(crate) fn announce_window(&mut self, window: u32) -> Result<(), Error> {
        self.announced_window = window;
        let payload = Bytes::copy_from_slice(&window.to_be_bytes());
        self.control(MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, payload)
    }

    /// Tells the peer the size of the chunks that follow.
    pub(crate) fn announce_chunk_size(&mut self) -> Result<(), Error> {
        let payload = Bytes::copy_from_slice(&self.config.chunk_size.to_be_bytes());
        self.control(MessageType::SET_CHUNK_SIZE, payload)
    }

    pub(crate) fn command(&mut self, message_stream: u32, command: &Command) -> Result<(), Error> {
        self.send(COMMAND, MessageType::COMMAND_AMF0, message_stream, command.encode()?)
    }

    pub(crate) fn send(
        &mut self,
        chunk_stream: u32,
        message_type: MessageType,
        message_stream: u32,
        payload: Bytes,
    ) -> Result<(), Error> {
        let before = self.tail.len();
        let message = Message { chunk_stream, timestamp: 0, message_type, message_stream, payload };
        self.writer.write(&message, &mut self.tail)?;
        self.queued += self.tail.len() - before;
        Error::check_limit("queued_bytes", self.queued, self.config.limits.queued_bytes)
    }

    /// Queues a tag, or nothing of it where it would pass the limit.
    pub(crate) fn send_encoded(
        &mut self,
        message_stream: u32,
        tag: &EncodedTag,
    ) -> Result<(), Error> {
        let session = self.config.chunk_size;
        if tag.chunk_size() != session {
            return Err(Error::ChunkSize { encoded: tag.chunk_size(), session });
        }
        Error::check_limit(
            "queued_bytes",
            self.queued + tag.len(),
            self.config.limits.queued_bytes,
        )?;
        for piece in tag.pieces(message_stream) {
            self.push(piece);
        }
        Ok(())
    }

    fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.sends.push_back(tail.into());
        }
        self.queued += bytes.len();
        self.sends.push_back(bytes);
    }

    pub(crate) fn poll_send(&mut self) -> Option<Bytes> {
        let bytes = self
            .sends
            .pop_front()
            .or_else(|| (!self.tail.is_empty()).then(|| std::mem::take(&mut self.tail).into()))?;
        self.queued -= bytes.len();
        Some(bytes)
    }

    pub(crate) const fn queued_bytes(&self) -> usize {
        self.queued
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.reader.held_bytes() + self.waiting + self.queued
    }

    /// What waits to be read will not be.
    pub(crate) fn stop_reading(&mut self) {
        self.input.clear();
        self.waiting = 0;
    }

    /// The peer has said what it came for: from here on it may be quiet.
    pub(crate) const fn opened(&mut self) {
        self.open = true;
    }

    /// When to be told the time; at once where it was never told.
    pub(crate) fn poll_timeout(&self) -> Duration {
        let Some(started) = self.started else { return Duration::ZERO };
        let idle = self.config.idle_timeout;
        if !self.open {
            started.saturating_add(self.config.handshake_timeout)
        } else if self.pinged {
            self.heard.saturating_add(idle)
        } else {
            self.heard.saturating_add(idle / 2)
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.started.is_none() {
            self.heard(now);
        }
        if now < self.poll_timeout() {
            return Ok(());
        }
        if !self.open {
            return Err(Error::HandshakeTimeout);
        }
        if now >= self.heard.saturating_add(self.config.idle_timeout) {
            return Err(Error::IdleTimeout);
        }
        self.pinged = true;
        self.event(event::PING_REQUEST, &[now.as_millis() as u32])
    }
}
