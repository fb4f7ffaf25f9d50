use std::sync::Arc;

use super::request::{Connect, Play, Publish, Request, RequestKind, split_query};
use super::streams::{Playback, Role};
use super::{Output, Rejection, RequestId, Session};
use crate::amf0::Value;
use crate::chunk::INITIAL_SIZE;
use crate::command::{Command, Transaction, info};
use crate::connection::event;
use crate::inlet::Inlet;
use crate::{Error, Message, MessageType};

use bytes::Bytes;

/// A request that waits for its decision.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) id: RequestId,
    transaction: Transaction,
    stream: u32,
    what: What,
}

#[derive(Debug)]
enum What {
    Connect(Arc<Connect>),
    Publish { name: String },
    Play { name: String, reset: bool },
}

/// The chunk stream of what is said about a message stream.
const STATUS: u32 = 5;

impl Session {
    /// Acts upon a command. Unknown ones are passed over, and so is all but `connect` before it.
    pub(super) fn command(&mut self, message: &Message) -> Result<(), Error> {
        let limits = &self.line.connection.config().limits;
        let Some(command) = Command::decode(message, limits)? else { return Ok(()) };
        let stream = message.message_stream;
        let name = command.name.as_str().unwrap_or_default();
        if self.peer.is_none() {
            if name == "connect" {
                self.connect(&command);
            }
            return Ok(());
        }
        match name {
            "createStream" => self.create_stream(&command),
            "publish" => self.publish(stream, &command),
            "play" => self.play(stream, &command),
            "deleteStream" => {
                let id = command.argument(0).and_then(Value::number).unwrap_or_default();
                let role = self.streams.remove(id as u32);
                self.ended(role.as_ref());
                Ok(())
            }
            "closeStream" => self.close_stream(stream),
            "FCUnpublish" => self.fc_unpublish(&command),
            "FCPublish" => {
                self.fc_status("onFCPublish", "NetStream.Publish.Start", &command.text(0))?;
                self.result(&command, Value::Undefined)
            }
            "FCSubscribe" => {
                self.fc_status("onFCSubscribe", "NetStream.Play.Start", &command.text(0))
            }
            "releaseStream" => self.result(&command, Value::Undefined),
            "_checkbw" => self.result(&command, Value::Null),
            "getStreamLength" => self.result(&command, Value::Number(0.0)),
            "pause" | "pauseRaw" => {
                let paused = command.argument(0).and_then(Value::boolean).unwrap_or(true);
                self.pause(stream, paused)
            }
            "seek" => {
                let words = "A live stream cannot be sought in.";
                self.status(stream, &Command::status("error", "NetStream.Seek.Failed", words))
            }
            "receiveAudio" | "receiveVideo" => {
                let wanted = command.argument(0).and_then(Value::boolean).unwrap_or(true);
                if let Some(Role::Playing(playback)) = self.streams.find(stream) {
                    let flag = if name == "receiveAudio" {
                        &mut playback.audio
                    } else {
                        &mut playback.video
                    };
                    *flag = wanted;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ask(&mut self, transaction: Transaction, stream: u32, what: What, kind: RequestKind) {
        self.requests = self.requests.wrapping_add(1);
        let id = RequestId(self.requests);
        self.pending = Some(Pending { id, transaction, stream, what });
        self.line.events.push_back(Output::Request(Request { id, kind }));
    }

    fn connect(&mut self, command: &Command) {
        let object = command.values.first().cloned().unwrap_or(Value::Null);
        let connect = Arc::new(Connect::new(object));
        let what = What::Connect(Arc::clone(&connect));
        self.ask(command.transaction, 0, what, RequestKind::Connect(connect));
        self.line.connection.opened();
    }

    fn create_stream(&mut self, command: &Command) -> Result<(), Error> {
        let id = self.streams.create()?;
        self.result(command, Value::Number(id.into()))
    }

    fn publish(&mut self, stream: u32, command: &Command) -> Result<(), Error> {
        self.stop_using(stream)?;
        let Some(connect) = self.peer.clone() else { return Ok(()) };
        let (name, query) = split_query(&command.text(0));
        let mode = super::Mode::new(&command.text(1));
        let what = What::Publish { name: name.clone() };
        let kind = RequestKind::Publish(Publish { connect, name, query, mode });
        self.ask(command.transaction, stream, what, kind);
        Ok(())
    }

    fn play(&mut self, stream: u32, command: &Command) -> Result<(), Error> {
        let number =
            |index| command.argument(index).and_then(Value::number).map(|number| number as i64);
        let (name, query) = split_query(&command.text(0));
        let reset = match command.argument(3) {
            Some(Value::Boolean(reset)) => *reset,
            // A number, as Flash sends it: 0 and 2 keep what was there, 1 and 3 do not.
            Some(Value::Number(reset)) => *reset as i64 & 1 == 1,
            _ => true,
        };
        self.stop_using(stream)?;
        let Some(connect) = self.peer.clone() else { return Ok(()) };
        let what = What::Play { name: name.clone(), reset };
        let kind = RequestKind::Play(Play {
            connect,
            name,
            query,
            start: number(1).unwrap_or(-2),
            duration: number(2).unwrap_or(-1),
            reset,
        });
        self.ask(command.transaction, stream, what, kind);
        Ok(())
    }

    /// A stream that is published or played anew ends what it was used for.
    fn stop_using(&mut self, stream: u32) -> Result<(), Error> {
        let role = std::mem::replace(self.streams.role(stream)?, Role::Idle);
        self.ended(Some(&role));
        Ok(())
    }

    /// Tells the integrator what is over; answers whether that was a publication.
    fn ended(&mut self, role: Option<&Role>) -> bool {
        match role {
            Some(&Role::Publishing { request, .. }) => {
                self.line.events.push_back(Output::Unpublished { request });
                true
            }
            Some(&Role::Playing(Playback { request, .. })) => {
                self.line.events.push_back(Output::PlayStopped { request });
                false
            }
            Some(Role::Idle) | None => false,
        }
    }

    fn close_stream(&mut self, stream: u32) -> Result<(), Error> {
        let Some(role) = self.streams.find(stream) else { return Ok(()) };
        let role = std::mem::replace(role, Role::Idle);
        if self.ended(Some(&role)) { self.unpublish_success(stream) } else { Ok(()) }
    }

    fn fc_unpublish(&mut self, command: &Command) -> Result<(), Error> {
        let (name, _) = split_query(&command.text(0));
        self.fc_status("onFCUnpublish", "NetStream.Unpublish.Success", &name)?;
        self.result(command, Value::Undefined)?;
        match self.streams.publication(&name) {
            Some(stream) => self.close_stream(stream),
            None => Ok(()),
        }
    }

    fn unpublish_success(&mut self, stream: u32) -> Result<(), Error> {
        let words = "Publishing ended.";
        self.status(stream, &Command::status("status", "NetStream.Unpublish.Success", words))
    }

    fn pause(&mut self, stream: u32, paused: bool) -> Result<(), Error> {
        let Some(Role::Playing(playback)) = self.streams.find(stream) else { return Ok(()) };
        let request = playback.request;
        self.line.events.push_back(Output::Paused { request, paused });
        let (code, words) = if paused {
            ("NetStream.Pause.Notify", "Paused.")
        } else {
            ("NetStream.Unpause.Notify", "Playing on.")
        };
        self.status(stream, &Command::status("status", code, words))
    }

    /// Answers a call, if it wants an answer.
    fn result(&mut self, command: &Command, value: Value) -> Result<(), Error> {
        if command.transaction.is_none() {
            return Ok(());
        }
        let result = Command::new("_result", command.transaction, vec![Value::Null, value]);
        self.line.connection.command(0, &result)
    }

    fn status(&mut self, stream: u32, status: &Command) -> Result<(), Error> {
        self.line.connection.send(STATUS, MessageType::COMMAND_AMF0, stream, status.encode()?)
    }

    fn fc_status(&mut self, name: &str, code: &str, words: &str) -> Result<(), Error> {
        let info = Value::object([("code", Value::from(code)), ("description", words.into())]);
        self.line
            .connection
            .command(0, &Command::new(name, Transaction::NONE, vec![Value::Null, info]))
    }

    pub(super) fn ask_to_reconnect(&mut self, tc_url: Option<&str>) -> Result<(), Error> {
        let mut members = vec![
            ("level", Value::from("status")),
            ("code", "NetConnection.Connect.ReconnectRequest".into()),
            ("description", "Please connect again.".into()),
        ];
        members.extend(tc_url.map(|url| ("tcUrl", url.into())));
        let values = vec![Value::Null, Value::object(members)];
        self.line.connection.command(0, &Command::new("onStatus", Transaction::NONE, values))
    }

    pub(super) fn grant(&mut self, pending: Pending) -> Result<(), Error> {
        let Pending { id: request, transaction, stream, what } = pending;
        match what {
            What::Connect(connect) => {
                let encoding = connect.object.member("objectEncoding").and_then(Value::number);
                let enhanced = connect.enhanced.is_announced();
                self.peer = Some(connect);
                self.grant_connect(transaction, encoding.unwrap_or_default(), enhanced)
            }
            What::Publish { name } => {
                let inlet = Box::new(Inlet::new(self.line.connection.config()));
                let words = format!("{name} is published.");
                *self.streams.role(stream)? = Role::Publishing { request, name, inlet };
                self.line.connection.event(event::STREAM_BEGIN, &[stream])?;
                let code = "NetStream.Publish.Start";
                self.status(stream, &Command::status("status", code, &words))
            }
            What::Play { name, reset } => {
                let playback = Playback { request, audio: true, video: true };
                *self.streams.role(stream)? = Role::Playing(playback);
                self.grant_play(stream, &name, reset)
            }
        }
    }

    fn grant_connect(
        &mut self,
        transaction: Transaction,
        object_encoding: f64,
        enhanced: bool,
    ) -> Result<(), Error> {
        let window = self.line.connection.config().window;
        self.line.connection.announce_window(window)?;
        let mut bandwidth = window.to_be_bytes().to_vec();
        bandwidth.push(LIMIT_DYNAMIC);
        self.line.connection.control(MessageType::SET_PEER_BANDWIDTH, bandwidth.into())?;
        if self.chunk_size() != INITIAL_SIZE {
            self.line.connection.announce_chunk_size()?;
        }
        let mut properties = vec![
            // Encoders look for a version they know, and for the bits of a full server.
            ("fmsVer", Value::from("FMS/3,5,7,7009")),
            ("capabilities", Value::from(31.0)),
            ("mode", Value::from(1.0)),
        ];
        let Value::Object(mut info) =
            info("status", "NetConnection.Connect.Success", "Connection succeeded.")
        else {
            return Ok(());
        };
        info.push(("objectEncoding".into(), object_encoding.into()));
        if enhanced {
            // Where these belong is not said; some look here and some there.
            let own = &self.line.connection.config().enhanced;
            properties.extend(own.properties());
            info.extend(own.properties().map(|(name, value)| (name.into(), value)));
        }
        let values = vec![Value::object(properties), Value::Object(info)];
        self.line.connection.command(0, &Command::new("_result", transaction, values))
    }

    fn grant_play(&mut self, stream: u32, name: &str, reset: bool) -> Result<(), Error> {
        self.line.connection.event(event::STREAM_BEGIN, &[stream])?;
        if reset {
            let words = format!("Playing and resetting {name}.");
            let status = Command::status("status", "NetStream.Play.Reset", &words);
            self.status(stream, &status)?;
        }
        let words = format!("Started playing {name}.");
        self.status(stream, &Command::status("status", "NetStream.Play.Start", &words))?;
        // Flash shows nothing that it may not sample without being told so.
        let access = b"\x02\0\x11|RtmpSampleAccess\x01\x01\x01\x01";
        let payload = Bytes::from_static(access);
        self.line.connection.send(STATUS, MessageType::DATA_AMF0, stream, payload)
    }

    pub(super) fn refuse(&mut self, pending: &Pending, rejection: Rejection) -> Result<(), Error> {
        match pending.what {
            What::Connect(_) => {
                let (code, words) = rejection.connect();
                let values = vec![Value::Null, info("error", code, words)];
                self.line
                    .connection
                    .command(0, &Command::new("_error", pending.transaction, values))
            }
            What::Publish { .. } => {
                let (code, words) = rejection.publish();
                self.status(pending.stream, &Command::status("error", code, words))
            }
            What::Play { .. } => {
                let (code, words) = rejection.play();
                self.status(pending.stream, &Command::status("error", code, words))
            }
        }
    }
}

/// Set Peer Bandwidth's limit type (5.4.5).
const LIMIT_DYNAMIC: u8 = 2;
