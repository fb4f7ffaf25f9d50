//! Sending one stream to many players: what is encoded once, and what each of them costs.

use std::time::Duration;

use airloom_rtmp::chunk::Reader;
use airloom_rtmp::client::{self, Target};
use airloom_rtmp::flv;
use airloom_rtmp::server::{Output, RequestId, Session};
use airloom_rtmp::{Config, EncodedTag, Limits, MessageType};
use bytes::{Bytes, BytesMut};
use rml_rtmp::sessions::{ServerSession, ServerSessionConfig, ServerSessionResult};
use rml_rtmp::time::RtmpTimestamp;

use super::{Digest, Receiver};
use crate::input::{Input, Kind, Tag};
use crate::measure::{Contender, Tally};
use crate::{Failure, Heat, named};

/// What rml_rtmp is told to use, too; ours by default, 60,000, copies less.
const CHUNK_SIZE: u32 = 4096;

/// Someone who sends a stream to players.
trait Sender: Sized {
    /// With so many of them waiting.
    fn new(players: usize, chunk_size: u32) -> Result<Self, Failure>;
    /// Gives a message to each of them, and what they are sent to `wire`: player and bytes.
    fn send(&mut self, tag: &Tag, wire: &mut dyn FnMut(usize, Bytes)) -> Result<(), Failure>;
}

struct Airloom {
    players: Vec<(Session, RequestId)>,
    chunk_size: u32,
}

impl Sender for Airloom {
    fn new(players: usize, chunk_size: u32) -> Result<Self, Failure> {
        let players = (0..players).map(|_| player(chunk_size)).collect::<Result<_, _>>()?;
        Ok(Self { players, chunk_size })
    }

    fn send(&mut self, tag: &Tag, wire: &mut dyn FnMut(usize, Bytes)) -> Result<(), Failure> {
        let kind = if tag.kind == Kind::Video { flv::Kind::Video } else { flv::Kind::Audio };
        let tag = flv::Tag::new(kind, tag.timestamp.into(), tag.body.clone());
        let encoded = EncodedTag::new(&tag, self.chunk_size);
        for (index, (session, request)) in self.players.iter_mut().enumerate() {
            session.send_encoded(*request, &encoded)?;
            while let Some(output) = session.poll_output() {
                if let Output::Send(bytes) = output {
                    wire(index, bytes);
                }
            }
        }
        Ok(())
    }
}

/// A server session that plays to somebody.
fn player(chunk_size: u32) -> Result<(Session, RequestId), Failure> {
    let mut config = Config::default();
    config.chunk_size = chunk_size;
    let mut server = Session::new(config);
    let target = Target::parse("rtmp://127.0.0.1/live/bench")?;
    let mut client = client::Session::play(Config::default(), target);
    let mut playing = None;
    loop {
        match client.poll_output() {
            Some(client::Output::Send(bytes)) => server.handle_input(Duration::ZERO, bytes)?,
            Some(client::Output::Ready) => break,
            Some(_) => continue,
            None => match server.poll_output().ok_or("the player never gets ready")? {
                Output::Send(bytes) => client.handle_input(Duration::ZERO, bytes)?,
                Output::Request(request) => {
                    server.accept(request.id)?;
                    playing = Some(request.id);
                }
                _ => {}
            },
        }
    }
    while server.poll_output().is_some() {}
    Ok((server, playing.ok_or("nothing is played")?))
}

struct Rml(Vec<ServerSession>);

impl Sender for Rml {
    fn new(players: usize, chunk_size: u32) -> Result<Self, Failure> {
        let session = || -> Result<ServerSession, Failure> {
            let mut config = ServerSessionConfig::new();
            config.chunk_size = chunk_size;
            let (session, results) =
                ServerSession::new(config).map_err(|error| format!("{error:?}"))?;
            // Set Chunk Size and the like: sent before.
            let sent = results
                .iter()
                .filter(|result| matches!(result, ServerSessionResult::OutboundResponse(_)));
            if sent.count() == 0 { Err("announces nothing".into()) } else { Ok(session) }
        };
        (0..players).map(|_| session()).collect::<Result<_, _>>().map(Self)
    }

    fn send(&mut self, tag: &Tag, wire: &mut dyn FnMut(usize, Bytes)) -> Result<(), Failure> {
        for (index, session) in self.0.iter_mut().enumerate() {
            let (data, time) = (tag.body.clone(), RtmpTimestamp::new(tag.timestamp));
            let packet = if tag.kind == Kind::Video {
                session.send_video_data(1, data, time, false)
            } else {
                session.send_audio_data(1, data, time, false)
            };
            wire(index, packet.map_err(|error| format!("{error:?}"))?.bytes.into());
        }
        Ok(())
    }
}

/// Puts a sender among the contenders; its check is that the last player can read every message.
fn enter<'a, S: Sender + 'a>(
    contenders: &mut Vec<Contender<'a>>,
    name: String,
    tags: &'a [Tag],
    players: usize,
    chunk_size: u32,
) {
    let mut contender = Contender::with_setup(
        name,
        move || S::new(players, chunk_size).map_err(|error| format!("{error}")),
        move |sender| {
            let sender = sender.as_mut().map_err(|error| Failure::from(error.as_str()))?;
            // What is on the wire differs by its headers: what counts is what was sent.
            let (mut wire, mut tally) = (0, Tally::default());
            for tag in tags {
                sender.send(tag, &mut |_, bytes| wire += std::hint::black_box(bytes).len())?;
                for _ in 0..players {
                    tally.add(tag.body.len());
                }
            }
            if wire as u64 > tally.bytes { Ok(tally) } else { Err("sends too little".into()) }
        },
    );
    contender.check = Box::new(move || {
        let mut sender = S::new(players, chunk_size)?;
        let (mut expected, mut read) = (Digest::default(), Digest::default());
        let mut reader = Reader::new(Limits::default());
        let size = chunk_size.to_be_bytes();
        let set = [&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0], &size[..]].concat();
        reader.read(&mut set[..].into())?;
        for tag in tags {
            expected.message(tag.kind.id(), tag.timestamp, tag.body.clone().into());
            let mut sent = Vec::new();
            sender.send(tag, &mut |player, bytes| {
                if player + 1 == players {
                    sent.extend_from_slice(&bytes);
                }
            })?;
            let mut sent = BytesMut::from(&sent[..]);
            while let Some(message) = reader.read(&mut sent)? {
                if matches!(message.message_type, MessageType::AUDIO | MessageType::VIDEO) {
                    let body = message.payload.into();
                    read.message(message.message_type.0, message.timestamp, body);
                }
            }
        }
        if read.0 == expected.0 {
            Ok("every byte and time".to_owned())
        } else {
            Err("sends other messages than it was given".into())
        }
    });
    contenders.push(contender);
}

/// One heat for a single player, and one for ten.
pub(super) fn heats(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    for players in [1, 10] {
        let key = format!("rtmp/play/{players}");
        if !named(word, &key) {
            continue;
        }
        let tags: Vec<_> =
            input.tags.iter().filter(|tag| tag.kind != Kind::Script).cloned().collect();
        let body = tags.iter().map(|tag| tag.body.len()).sum::<usize>();
        let source = vec![7; body];
        let mut copy = vec![1; body];
        let mut contenders = vec![Contender::new("memcpy for each player", move || {
            for _ in 0..players {
                copy.copy_from_slice(std::hint::black_box(&source));
                std::hint::black_box(&copy);
            }
            Ok(Tally { items: players as u64, bytes: (players * body) as u64 })
        })];
        for chunk_size in [CHUNK_SIZE, Config::default().chunk_size] {
            let name = format!("airloom-rtmp `EncodedTag`, chunks of {chunk_size} B");
            enter::<Airloom>(&mut contenders, name, &tags, players, chunk_size);
        }
        let name = format!("rml_rtmp 0.8 `ServerSession`, chunks of {CHUNK_SIZE} B");
        enter::<Rml>(&mut contenders, name, &tags, players, CHUNK_SIZE);
        run(Heat {
            key,
            title: format!("RTMP, messages to the bytes for {players} players"),
            method: "Media messages are encoded and handed to the sessions of players that are \
                     there already; what is to be written to their sockets is dropped.",
            bytes: (players * body) as u64,
            items: (players * tags.len()) as u64,
            item: "message and player",
            contenders,
        });
    }
}
