//! Sessions that are sent anything, in any order: no panic, no endless loop, and after an error
//! the session is closed.

mod peer;

use std::time::Duration;

use airloom_rtmp::client::{self, Target};
use airloom_rtmp::server::{self, Output, Rejection};
use airloom_rtmp::{Config, Error, Message, MessageType, chunk, handshake};
use bytes::Bytes;
use peer::{AAC_HEADER, AVC_HEADER, Peer};
use proptest::prelude::*;

/// What a peer may do next, sensible or not.
#[derive(Debug, Clone)]
enum Act {
    Command(&'static str, u32, Vec<u8>),
    Message(u8, u32, u32, Vec<u8>),
    Raw(Vec<u8>),
    Accept,
    Reject,
    Wait(u64),
    Finish,
}

const NAMES: [&str; 12] = [
    "connect",
    "createStream",
    "publish",
    "play",
    "deleteStream",
    "closeStream",
    "FCUnpublish",
    "pause",
    "seek",
    "_result",
    "_error",
    "onStatus",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(prop_oneof![0..0x12u8, any::<u8>()], 0..40),
        Just(vec![5, 2, 0, 3, b'k', b'e', b'y']),
        Just(vec![3, 0, 3, b'a', b'p', b'p', 2, 0, 4, b'l', b'i', b'v', b'e', 0, 0, 9]),
        Just(vec![5, 0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0]),
        Just(AVC_HEADER.to_vec()),
        Just(AAC_HEADER.to_vec()),
        Just(vec![0x27; 2000]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..NAMES.len(), 0..4u32, bytes())
            .prop_map(|(name, stream, bytes)| Act::Command(NAMES[name], stream, bytes)),
        6 => (prop_oneof![0..23u8, Just(8), Just(9), Just(18)], 0..3u32, any::<u32>(), bytes())
            .prop_map(|(kind, stream, time, bytes)| Act::Message(kind, stream, time, bytes)),
        1 => bytes().prop_map(Act::Raw),
        4 => Just(Act::Accept),
        1 => Just(Act::Reject),
        1 => (0..40u64).prop_map(Act::Wait),
        1 => Just(Act::Finish),
    ]
}

fn wire(writer: &mut chunk::Writer, act: &Act) -> Option<Bytes> {
    let (kind, stream, timestamp, payload) = match act {
        Act::Raw(bytes) => return Some(bytes.clone().into()),
        Act::Command(name, stream, bytes) => {
            let mut payload = peer::command(name, 1.0, &[]);
            payload.extend(bytes);
            (20, *stream, 0, payload)
        }
        Act::Message(kind, stream, time, payload) => (*kind, *stream, *time, payload.clone()),
        _ => return None,
    };
    let message = Message {
        chunk_stream: 2 + u32::from(kind) % 5,
        timestamp,
        message_type: MessageType(kind),
        message_stream: stream,
        payload: payload.into(),
    };
    let mut out = Vec::new();
    writer.write(&message, &mut out).unwrap();
    Some(out.into())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_server_survives_anything(acts in prop::collection::vec(act(), 0..60), step in 1..200usize) {
        let mut config = Config::default();
        config.limits.outputs = 4;
        config.limits.message_streams = 2;
        let mut session = server::Session::new(config);
        let mut client = handshake::Client::new(None, 0);
        session.handle_input(Duration::ZERO, client.hello()).unwrap();
        let mut reply = Vec::new();
        while let Some(Output::Send(bytes)) = session.poll_output() {
            reply.extend_from_slice(&bytes);
        }
        let c2 = client.read(&mut reply.into()).unwrap().unwrap();
        session.handle_input(Duration::ZERO, c2).unwrap();
        let mut writer = chunk::Writer::default();
        let (mut now, mut last, mut over) = (Duration::ZERO, None, false);
        for act in &acts {
            let result = match act {
                Act::Accept => last.map_or(Ok(()), |id| session.accept(id)),
                Act::Reject => last.map_or(Ok(()), |id| session.reject(id, Rejection::Failed)),
                Act::Wait(seconds) => {
                    now += Duration::from_secs(*seconds);
                    session.handle_timeout(now)
                }
                Act::Finish => {
                    session.finish();
                    Ok(())
                }
                _ => {
                    let bytes = wire(&mut writer, act).unwrap_or_default();
                    let mut pieces = bytes.chunks(step);
                    pieces.try_for_each(|piece| {
                        session.handle_input(now, Bytes::copy_from_slice(piece))
                    })
                }
            };
            if over {
                prop_assert!(matches!(act, Act::Wait(_) | Act::Finish | Act::Raw(_)) || result.is_err() || last.is_none());
                prop_assert_eq!(session.poll_output(), None);
                prop_assert_eq!(session.poll_timeout(), None);
                continue;
            }
            while let Some(output) = session.poll_output() {
                prop_assert!(!over, "said after the end: {:?}", output);
                match output {
                    Output::Request(request) => last = Some(request.id),
                    Output::Closed(_) => over = true,
                    _ => {}
                }
            }
            match result {
                Ok(()) | Err(Error::NoRequest(_)) => {}
                Err(_) => prop_assert!(over),
            }
        }
        prop_assert!(session.held_bytes() <= 4 << 20);
    }

    #[test]
    fn a_client_survives_anything(
        acts in prop::collection::vec(act(), 0..60), step in 1..200usize, play in any::<bool>(),
    ) {
        let target = Target::parse("rtmp://h/live/key").unwrap();
        let config = Config::default();
        let mut session = if play {
            client::Session::play(config, target)
        } else {
            client::Session::publish(config, target)
        };
        let mut server = handshake::Server::new(0);
        let Some(client::Output::Send(mut hello)) = session.poll_output() else { panic!() };
        let reply = server.read(&mut hello).unwrap().unwrap();
        session.handle_input(Duration::ZERO, reply).unwrap();
        let mut writer = chunk::Writer::default();
        let mut over = false;
        for act in &acts {
            if let Some(bytes) = wire(&mut writer, act) {
                for piece in bytes.chunks(step) {
                    let _ = session.handle_input(Duration::ZERO, Bytes::copy_from_slice(piece));
                }
            }
            while let Some(output) = session.poll_output() {
                prop_assert!(!over, "said after the end: {:?}", output);
                over = matches!(output, client::Output::Closed(_));
            }
        }
    }

    #[test]
    fn a_server_survives_noise(
        noise in prop::collection::vec(any::<u8>(), 0..3000), published in any::<bool>(),
    ) {
        let mut peer = if published {
            Peer::publishing(Config::default(), "key").0
        } else {
            Peer::silent(Config::default())
        };
        let result = peer.raw(&noise);
        let outputs = std::iter::from_fn(|| peer.session.poll_output());
        let closed = outputs.filter(|output| matches!(output, Output::Closed(_))).count();
        prop_assert_eq!(closed, usize::from(result.is_err()));
    }
}
