//! The same through whole server sessions: handshake, commands, then media.

use std::time::Duration;

use airloom_rtmp::server::{Output, Session};
use airloom_rtmp::{Config, Deliver};
use bytes::{Bytes, BytesMut};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ServerSession, ServerSessionConfig, ServerSessionEvent, ServerSessionResult,
};
use rtmp_runtime::server::{ServerEvent, ServerSession as RuntimeSession};

use super::{PIECE, Receiver};
use crate::input::{ChunkWriter, Input, Kind, publish_commands};
use crate::measure::{Contender, Tally};
use crate::{Failure, Heat, named};

const CHUNK_SIZE: usize = 4096;

/// What a publisher sends, in pieces as a socket delivers them.
struct Publication {
    pieces: Vec<Bytes>,
    /// Audio and video messages, sequence headers included, with their bodies.
    expected: Tally,
}

impl Publication {
    fn new(input: &Input) -> Self {
        // Simple handshake. The last part should repeat what the server sent, which nobody checks.
        let mut hello = vec![3];
        hello.resize(1537, 0);
        let mut pieces = vec![Bytes::from(hello), Bytes::from(vec![0; 1536])];
        pieces.extend(publish_commands(CHUNK_SIZE, 1935, "bench").map(Bytes::from));
        let mut media = BytesMut::with_capacity(input.file.len() + input.file.len() / 64);
        let mut writer = ChunkWriter::new(CHUNK_SIZE);
        let mut expected = Tally::default();
        for tag in &input.tags {
            if tag.kind != Kind::Script {
                writer.write(tag, &mut media);
                expected.add(tag.body.len());
            }
        }
        let mut media = media.freeze();
        while !media.is_empty() {
            pieces.push(media.split_to(PIECE.min(media.len())));
        }
        Self { pieces, expected }
    }
}

fn airloom(
    publication: &Publication,
    deliver: Deliver,
    receiver: &mut dyn Receiver,
) -> Result<(), Failure> {
    let mut config = Config::default();
    config.deliver = deliver;
    let mut session = Session::new(config);
    for piece in &publication.pieces {
        session.handle_input(Duration::ZERO, piece.clone())?;
        while let Some(output) = session.poll_output() {
            match output {
                Output::Request(request) => session.accept(request.id)?,
                Output::Tag { tag, .. } => {
                    receiver.message(tag.kind as u8, tag.timestamp as u32, tag.data.into());
                }
                Output::Sample { sample, .. } => {
                    receiver.message(0, sample.decode_time.ticks() as u32, sample.data.into());
                }
                other => {
                    std::hint::black_box(other);
                }
            }
        }
    }
    Ok(())
}

fn rml(publication: &Publication, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let failed = |error| format!("{error:?}");
    let mut handshake = Handshake::new(PeerType::Server);
    let (mut session, mut results) =
        ServerSession::new(ServerSessionConfig::new()).map_err(failed)?;
    let mut shaken = false;
    for piece in &publication.pieces {
        let mut input: &[u8] = piece;
        let rest;
        if !shaken {
            match handshake.process_bytes(piece).map_err(|error| format!("{error:?}"))? {
                HandshakeProcessResult::InProgress { .. } => continue,
                HandshakeProcessResult::Completed { remaining_bytes, .. } => {
                    shaken = true;
                    rest = remaining_bytes;
                    input = &rest;
                }
            }
        }
        results.extend(session.handle_input(input).map_err(failed)?);
        while !results.is_empty() {
            for result in std::mem::take(&mut results) {
                match result {
                    ServerSessionResult::RaisedEvent(
                        ServerSessionEvent::ConnectionRequested { request_id, .. }
                        | ServerSessionEvent::PublishStreamRequested { request_id, .. },
                    ) => results.extend(session.accept_request(request_id).map_err(failed)?),
                    ServerSessionResult::RaisedEvent(ServerSessionEvent::AudioDataReceived {
                        data,
                        timestamp,
                        ..
                    }) => receiver.message(8, timestamp.value, data.into()),
                    ServerSessionResult::RaisedEvent(ServerSessionEvent::VideoDataReceived {
                        data,
                        timestamp,
                        ..
                    }) => receiver.message(9, timestamp.value, data.into()),
                    other => {
                        std::hint::black_box(other);
                    }
                }
            }
        }
    }
    Ok(())
}

fn runtime(publication: &Publication, receiver: &mut dyn Receiver) -> Result<(), Failure> {
    let mut session = RuntimeSession::with_defaults();
    for piece in &publication.pieces {
        let (replies, events) = session.handle_data(piece)?;
        std::hint::black_box(replies);
        for event in events {
            if let ServerEvent::Media { flv } = event {
                // A whole tag: the body, and 15 bytes around it.
                receiver.message(0, 0, flv.into());
            }
        }
    }
    Ok(())
}

/// One session over the whole publication.
type Run = fn(&Publication, &mut dyn Receiver) -> Result<(), Failure>;

pub(super) fn heat(word: &str, input: &Input, run: &mut dyn FnMut(Heat<'_>)) {
    if !named(word, "rtmp/session") {
        return;
    }
    let publication = &Publication::new(input);
    let bytes = publication.pieces.iter().map(Bytes::len).sum::<usize>();
    let source = publication.pieces.concat();
    let mut copy = vec![1; bytes];
    let mut contenders = vec![Contender::new("memcpy", || {
        copy.copy_from_slice(std::hint::black_box(&source));
        Ok(Tally { items: 1, bytes: std::hint::black_box(&copy).len() as u64 })
    })];
    for (name, read) in [
        ("airloom-rtmp `server::Session`, tags", (|p, r| airloom(p, Deliver::Tags, r)) as Run),
        ("rml_rtmp 0.8 `ServerSession`", rml),
        ("rtmp-runtime 0.8 `ServerSession`", runtime),
    ] {
        contenders.push(Contender::new(name, move || {
            let mut tally = Tally::default();
            read(publication, &mut tally)?;
            let expected = publication.expected;
            if tally.items == expected.items && tally.bytes >= expected.bytes {
                Ok(tally)
            } else {
                Err(format!("delivers {} of {} messages", tally.items, expected.items).into())
            }
        }));
    }
    let samples = input.samples().count() as u64;
    contenders.push(Contender::new("airloom-rtmp `server::Session`, samples", move || {
        let mut tally = Tally::default();
        airloom(publication, Deliver::Samples, &mut tally)?;
        if tally.items == samples { Ok(tally) } else { Err("loses samples".into()) }
    }));
    run(Heat {
        key: "rtmp/session".to_owned(),
        title: format!("RTMP, a whole server session, chunks of {CHUNK_SIZE} B"),
        method: "Handshake, connect, publish and media in pieces of 64 KiB that are in memory \
                 already; what is sent back is dropped, and so is the media.",
        bytes: bytes as u64,
        items: publication.expected.items,
        item: "message",
        contenders,
    });
}
