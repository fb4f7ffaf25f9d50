//! Whole sessions against `rml_rtmp`: its client at our server, our client at its server.

mod peer;

use std::time::Duration;

use airloom_rtmp::client::{self, Target};
use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::server::{self, RequestKind};
use airloom_rtmp::{Config, Deliver, EncodedTag};
use bytes::Bytes;
use peer::{AAC_HEADER, AVC_HEADER};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult,
    PublishRequestType, ServerSession, ServerSessionConfig, ServerSessionEvent,
    ServerSessionResult,
};
use rml_rtmp::time::RtmpTimestamp;

const NOW: Duration = Duration::ZERO;

fn tags() -> Config {
    let mut config = Config::default();
    config.deliver = Deliver::Tags;
    config
}

/// Answers of the peer, split into what it sends and what it says.
fn client_results(
    results: Vec<ClientSessionResult>,
    sent: &mut Vec<u8>,
) -> Vec<ClientSessionEvent> {
    let mut events = Vec::new();
    for result in results {
        match result {
            ClientSessionResult::OutboundResponse(packet) => sent.extend(packet.bytes),
            ClientSessionResult::RaisedEvent(event) => events.push(event),
            ClientSessionResult::UnhandleableMessageReceived(_) => {}
        }
    }
    events
}

/// Gives bytes to our server, and answers what it sends and says.
fn serve(session: &mut server::Session, bytes: &[u8]) -> (Vec<u8>, Vec<server::Output>) {
    session.handle_input(NOW, Bytes::copy_from_slice(bytes)).unwrap();
    let (mut sent, mut said) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll_output() {
        match output {
            server::Output::Send(bytes) => sent.extend_from_slice(&bytes),
            server::Output::Request(request) => {
                session.accept(request.id).unwrap();
                said.push(server::Output::Request(request));
            }
            other => said.push(other),
        }
    }
    (sent, said)
}

fn connected() -> (server::Session, ClientSession) {
    let mut session = server::Session::new(tags());
    let mut handshake = Handshake::new(PeerType::Client);
    let mut to_server = handshake.generate_outbound_p0_and_p1().unwrap();
    let mut rest = None;
    while rest.is_none() {
        let (sent, _) = serve(&mut session, &to_server);
        match handshake.process_bytes(&sent).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => to_server = response_bytes,
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                to_server = response_bytes;
                rest = Some(remaining_bytes);
            }
        }
    }
    let (mut peer, results) = ClientSession::new(ClientSessionConfig::new()).unwrap();
    client_results(results, &mut to_server);
    let connect = peer.request_connection("live".to_owned()).unwrap();
    client_results(vec![connect], &mut to_server);
    let events = exchange(&mut session, &mut peer, to_server).0;
    assert!(events.contains(&ClientSessionEvent::ConnectionRequestAccepted), "{events:?}");
    (session, peer)
}

/// Carries bytes to and fro until both are quiet.
fn exchange(
    session: &mut server::Session,
    peer: &mut ClientSession,
    mut to_server: Vec<u8>,
) -> (Vec<ClientSessionEvent>, Vec<server::Output>) {
    let (mut events, mut outputs) = (Vec::new(), Vec::new());
    loop {
        let (sent, said) = serve(session, &to_server);
        outputs.extend(said);
        if sent.is_empty() {
            return (events, outputs);
        }
        to_server.clear();
        let results = peer.handle_input(&sent).unwrap();
        events.extend(client_results(results, &mut to_server));
    }
}

#[test]
fn its_client_publishes_here() {
    let (mut session, mut peer) = connected();
    let mut wire = Vec::new();
    let ask = peer.request_publishing("key".to_owned(), PublishRequestType::Live).unwrap();
    client_results(vec![ask], &mut wire);
    let (events, outputs) = exchange(&mut session, &mut peer, wire);
    assert!(events.contains(&ClientSessionEvent::PublishRequestAccepted), "{events:?}");
    let publish = outputs.iter().find_map(|output| match output {
        server::Output::Request(request) => match &request.kind {
            RequestKind::Publish(publish) => Some((request.id, publish.name.clone())),
            _ => None,
        },
        _ => None,
    });
    let (id, name) = publish.unwrap();
    assert_eq!(name, "key");

    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for index in 0..50u32 {
        let (time, size) = (index * 33, 10 + index as usize * 200);
        let data = Bytes::from(vec![0x27; size]);
        let packet = peer.publish_video_data(data.clone(), RtmpTimestamp::new(time), false);
        client_results(vec![packet.unwrap()], &mut wire);
        let tag = Tag::new(Kind::Video, time.into(), data);
        expected.push(server::Output::Tag { request: id, tag });
    }
    let (_, outputs) = exchange(&mut session, &mut peer, wire);
    assert_eq!(outputs, expected);

    let mut wire = Vec::new();
    client_results(peer.stop_publishing().unwrap(), &mut wire);
    let (_, outputs) = exchange(&mut session, &mut peer, wire);
    assert_eq!(outputs, [server::Output::Unpublished { request: id }]);
}

#[test]
fn its_client_plays_from_here() {
    let (mut session, mut peer) = connected();
    let mut wire = Vec::new();
    client_results(vec![peer.request_playback("key".to_owned()).unwrap()], &mut wire);
    let (events, outputs) = exchange(&mut session, &mut peer, wire);
    assert!(events.contains(&ClientSessionEvent::PlaybackRequestAccepted), "{events:?}");
    let Some(server::Output::Request(request)) = outputs.last() else { panic!("{outputs:?}") };
    let mut expected = Vec::new();
    for (time, size) in [(0u32, 5usize), (0x100_0000, 70_000), (0xFFFF_FFFF, 300), (4, 150_000)] {
        let tag = Tag::new(Kind::Audio, time.into(), vec![0xAF; size].into());
        let encoded = EncodedTag::new(&tag, session.chunk_size());
        session.send_encoded(request.id, &encoded).unwrap();
        let timestamp = RtmpTimestamp::new(time);
        expected.push(ClientSessionEvent::AudioDataReceived { timestamp, data: tag.data });
    }
    let (events, _) = exchange(&mut session, &mut peer, Vec::new());
    assert_eq!(events, expected);
}

/// Their server, driven as a socket would.
struct TheirServer {
    handshake: Option<Handshake>,
    session: ServerSession,
    first: Vec<u8>,
    events: Vec<ServerSessionEvent>,
}

impl TheirServer {
    fn new() -> Self {
        let (session, results) = ServerSession::new(ServerSessionConfig::new()).unwrap();
        let mut first = Vec::new();
        for result in results {
            if let ServerSessionResult::OutboundResponse(packet) = result {
                first.extend(packet.bytes);
            }
        }
        let handshake = Some(Handshake::new(PeerType::Server));
        Self { handshake, session, first, events: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        let mut rest = bytes.to_vec();
        if let Some(handshake) = &mut self.handshake {
            match handshake.process_bytes(bytes).unwrap() {
                HandshakeProcessResult::InProgress { response_bytes } => return response_bytes,
                HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                    sent.extend(response_bytes);
                    sent.extend(std::mem::take(&mut self.first));
                    rest = remaining_bytes;
                    self.handshake = None;
                }
            }
        }
        let results = self.session.handle_input(&rest).unwrap();
        self.results(results, &mut sent);
        sent
    }

    fn results(&mut self, results: Vec<ServerSessionResult>, sent: &mut Vec<u8>) {
        for result in results {
            match result {
                ServerSessionResult::OutboundResponse(packet) => sent.extend(packet.bytes),
                ServerSessionResult::RaisedEvent(event) => {
                    let request = match &event {
                        ServerSessionEvent::ConnectionRequested { request_id, .. }
                        | ServerSessionEvent::ReleaseStreamRequested { request_id, .. }
                        | ServerSessionEvent::PublishStreamRequested { request_id, .. }
                        | ServerSessionEvent::PlayStreamRequested { request_id, .. } => {
                            Some(*request_id)
                        }
                        _ => None,
                    };
                    self.events.push(event);
                    if let Some(request) = request {
                        let results = self.session.accept_request(request).unwrap();
                        self.results(results, sent);
                    }
                }
                ServerSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
    }
}

/// Carries bytes to and fro until both are quiet, and answers what our client said.
fn converse(session: &mut client::Session, server: &mut TheirServer) -> Vec<client::Output> {
    let mut said = Vec::new();
    loop {
        let mut sent = Vec::new();
        while let Some(output) = session.poll_output() {
            match output {
                client::Output::Send(bytes) => sent.extend_from_slice(&bytes),
                other => said.push(other),
            }
        }
        if sent.is_empty() {
            return said;
        }
        let reply = server.take(&sent);
        if !said.iter().any(|output| matches!(output, client::Output::Closed(_))) {
            session.handle_input(NOW, &reply[..]).unwrap();
        }
    }
}

#[test]
fn our_client_publishes_there() {
    let target = Target::parse("rtmp://127.0.0.1/live/key").unwrap();
    let mut session = client::Session::publish(tags(), target);
    let mut server = TheirServer::new();
    assert_eq!(converse(&mut session, &mut server), [client::Output::Ready]);
    server.events.clear();
    let sent = [
        Tag::new(Kind::Video, 0, AVC_HEADER.into()),
        Tag::new(Kind::Audio, 0, AAC_HEADER.into()),
        Tag::new(Kind::Video, 0x100_0000, vec![0x17; 70_000].into()),
        Tag::new(Kind::Video, 0x100_0021, vec![0x27; 700].into()),
    ];
    for tag in &sent {
        session.send_tag(tag).unwrap();
    }
    assert_eq!(converse(&mut session, &mut server), []);
    let received: Vec<_> = server
        .events
        .iter()
        .map(|event| match event {
            ServerSessionEvent::VideoDataReceived { data, timestamp, .. } => {
                Tag::new(Kind::Video, timestamp.value.into(), data.clone())
            }
            ServerSessionEvent::AudioDataReceived { data, timestamp, .. } => {
                Tag::new(Kind::Audio, timestamp.value.into(), data.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(received, sent);
    server.events.clear();
    session.finish();
    let closed = client::Output::Closed(airloom_rtmp::Closed::Finished);
    assert_eq!(converse(&mut session, &mut server), [closed]);
    let finished = |event: &ServerSessionEvent| {
        matches!(event, ServerSessionEvent::PublishStreamFinished { .. })
    };
    assert!(server.events.iter().any(finished), "{:?}", server.events);
}

#[test]
fn our_client_plays_from_there() {
    let target = Target::parse("rtmp://127.0.0.1/live/key").unwrap();
    let mut session = client::Session::play(tags(), target);
    let mut server = TheirServer::new();
    assert_eq!(converse(&mut session, &mut server), [client::Output::Ready]);
    let stream = server.events.iter().find_map(|event| match event {
        ServerSessionEvent::PlayStreamRequested { stream_id, .. } => Some(*stream_id),
        _ => None,
    });
    let stream = stream.unwrap();
    let mut expected = Vec::new();
    for (time, size) in [(0u32, 5usize), (33, 5), (66, 5), (0x100_0000, 70_000)] {
        let data = Bytes::from(vec![0x27; size]);
        let timestamp = RtmpTimestamp::new(time);
        let packet =
            server.session.send_video_data(stream, data.clone(), timestamp, false).unwrap();
        session.handle_input(NOW, &packet.bytes[..]).unwrap();
        expected.push(client::Output::Tag(Tag::new(Kind::Video, time.into(), data)));
    }
    assert_eq!(converse(&mut session, &mut server), expected);
}
