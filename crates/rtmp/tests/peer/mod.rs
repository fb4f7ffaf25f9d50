//! A scripted peer: says what it is told to, and writes down what it hears.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use airloom_rtmp::amf0::{self, Value};
use airloom_rtmp::handshake;
use airloom_rtmp::server::{Connect, Output, RequestId, RequestKind, Session};
use airloom_rtmp::{Closed, Config, Error, Limits, Message, MessageType, chunk};
use bytes::{Bytes, BytesMut};

/// A client of a server session, command by command.
pub struct Peer {
    pub session: Session,
    pub now: Duration,
    /// Bytes of one piece given to the session.
    pub step: usize,
    writer: chunk::Writer,
    reader: chunk::Reader,
    /// What the session said, bytes left out.
    pub outputs: Vec<Output>,
    /// What the session sent.
    pub heard: Vec<Message>,
}

pub const AVC_HEADER: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F,
    0x0A, 0x69, 1, 0, 2, 0x68, 0xCE,
];
pub const AAC_HEADER: &[u8] = &[0xAF, 0, 0x11, 0x90];

impl Peer {
    /// A peer before its handshake.
    pub fn silent(config: Config) -> Self {
        Self {
            session: Session::new(config),
            now: Duration::ZERO,
            step: usize::MAX,
            writer: chunk::Writer::default(),
            reader: chunk::Reader::new(Limits::default()),
            outputs: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// A peer after its handshake.
    pub fn new(config: Config) -> Self {
        let mut peer = Self::silent(config);
        peer.shake_hands();
        peer
    }

    /// A peer that connected to `live` and created message stream 1.
    pub fn connected(config: Config) -> Self {
        let mut peer = Self::new(config);
        peer.connect("live");
        let request = peer.request();
        peer.session.accept(request).unwrap();
        peer.command(0, "createStream", 2.0, &[Value::Null]);
        assert_eq!(peer.take("_result", 2.0)[1].number(), Some(1.0));
        peer
    }

    /// A peer that publishes `name` on message stream 1.
    pub fn publishing(config: Config, name: &str) -> (Self, RequestId) {
        let mut peer = Self::connected(config);
        let request = peer.publish(1, name);
        peer.session.accept(request).unwrap();
        peer.drain();
        assert_eq!(peer.status(), "NetStream.Publish.Start");
        peer.outputs.clear();
        (peer, request)
    }

    pub fn shake_hands(&mut self) {
        let mut client = handshake::Client::new(None, 7);
        self.raw(&client.hello()).unwrap();
        let mut reply = Bytes::from(self.sent());
        let c2 = client.read(&mut reply).unwrap().unwrap();
        assert!(client.is_done() && reply.is_empty());
        self.raw(&c2).unwrap();
    }

    /// Gives bytes to the session.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for piece in bytes.chunks(self.step.min(bytes.len().max(1))) {
            self.session.handle_input(self.now, Bytes::copy_from_slice(piece))?;
        }
        Ok(())
    }

    pub fn send(
        &mut self,
        message_type: MessageType,
        message_stream: u32,
        timestamp: u32,
        payload: &[u8],
    ) -> Result<(), Error> {
        let payload = Bytes::copy_from_slice(payload);
        let chunk_stream = u32::from(message_type.0) + 3;
        let message = Message { chunk_stream, timestamp, message_type, message_stream, payload };
        let mut bytes = Vec::new();
        self.writer.write(&message, &mut bytes).unwrap();
        self.raw(&bytes)
    }

    pub fn command(&mut self, stream: u32, name: &str, transaction: f64, values: &[Value]) {
        self.send(MessageType::COMMAND_AMF0, stream, 0, &command(name, transaction, values))
            .unwrap();
    }

    pub fn connect(&mut self, app: &str) {
        let object = Value::object([
            ("app", Value::from(app)),
            ("flashVer", "FMLE/3.0".into()),
            ("tcUrl", "rtmp://h/live".into()),
        ]);
        self.command(0, "connect", 1.0, &[object]);
    }

    pub fn publish(&mut self, stream: u32, name: &str) -> RequestId {
        self.command(stream, "publish", 5.0, &[Value::Null, name.into(), "live".into()]);
        self.request()
    }

    pub fn play(&mut self, stream: u32, name: &str) -> RequestId {
        self.command(stream, "play", 4.0, &[Value::Null, name.into(), Value::from(-2000.0)]);
        self.request()
    }

    pub fn video(&mut self, time: u32, payload: &[u8]) {
        self.send(MessageType::VIDEO, 1, time, payload).unwrap();
    }

    pub fn audio(&mut self, time: u32, payload: &[u8]) {
        self.send(MessageType::AUDIO, 1, time, payload).unwrap();
    }

    /// Takes everything the session has to say, and answers the bytes it sends.
    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(bytes) => sent.extend_from_slice(&bytes),
                other => self.outputs.push(other),
            }
        }
        assert_eq!(self.session.queued_bytes(), 0);
        sent
    }

    /// Takes everything the session has to say, and reads the messages it sends.
    pub fn drain(&mut self) {
        let mut sent = BytesMut::from(&self.sent()[..]);
        while let Some(message) = self.reader.read(&mut sent).unwrap() {
            self.heard.push(message);
        }
    }

    /// The last request.
    #[track_caller]
    pub fn request(&mut self) -> RequestId {
        self.drain();
        let last = self.outputs.iter().rev().find_map(|output| match output {
            Output::Request(request) => Some(request.id),
            _ => None,
        });
        last.expect("no request")
    }

    /// What is wanted by the last request.
    #[track_caller]
    pub fn wanted(&mut self) -> RequestKind {
        self.drain();
        let last = self.outputs.iter().rev().find_map(|output| match output {
            Output::Request(request) => Some(request.kind.clone()),
            _ => None,
        });
        last.expect("no request")
    }

    #[track_caller]
    pub fn wanted_connect(&mut self) -> Arc<Connect> {
        let RequestKind::Connect(connect) = self.wanted() else { panic!("no connect") };
        connect
    }

    /// Every command heard: its message stream, name, transaction and values.
    pub fn commands(&self) -> Vec<(u32, String, f64, Vec<Value>)> {
        let commands =
            self.heard.iter().filter(|message| message.message_type == MessageType::COMMAND_AMF0);
        commands
            .map(|message| {
                let values = amf0::decode(&message.payload, &Limits::default()).unwrap();
                let name = values[0].text().unwrap().to_owned();
                (message.message_stream, name, values[1].number().unwrap(), values[2..].to_vec())
            })
            .collect()
    }

    /// The values of the answer `name` to `transaction`.
    #[track_caller]
    pub fn take(&mut self, name: &str, transaction: f64) -> Vec<Value> {
        self.drain();
        let commands = self.commands();
        let found =
            commands.iter().find(|(_, n, t, _)| n == name && t.to_bits() == transaction.to_bits());
        found.unwrap_or_else(|| panic!("no {name} {transaction} in {commands:?}")).3.clone()
    }

    /// The code of the last status.
    #[track_caller]
    pub fn status(&mut self) -> String {
        self.drain();
        let commands = self.commands();
        let last = commands.iter().rev().find(|(_, name, _, _)| name == "onStatus");
        let info = &last.expect("no status").3[1];
        info.member("code").and_then(Value::text).unwrap().to_owned()
    }

    /// Why the session closed.
    pub fn closed(&mut self) -> Option<Closed> {
        self.drain();
        match self.outputs.last() {
            Some(Output::Closed(closed)) => Some(*closed),
            _ => None,
        }
    }
}

/// A command's payload.
pub fn command(name: &str, transaction: f64, values: &[Value]) -> Vec<u8> {
    let mut payload = Vec::new();
    amf0::encode(&Value::from(name), &mut payload).unwrap();
    amf0::encode(&Value::from(transaction), &mut payload).unwrap();
    for value in values {
        amf0::encode(value, &mut payload).unwrap();
    }
    payload
}
