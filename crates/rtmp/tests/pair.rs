//! Our server and our client, on virtual time and a wire that splits anywhere.

mod peer;

use std::time::Duration;

use airloom_rtmp::client::{self, Target};
use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::handshake::Scheme;
use airloom_rtmp::server::{self, Rejection, RequestId, RequestKind};
use airloom_rtmp::{Closed, Config, Deliver, Error, GopCache};
use bytes::Bytes;
use peer::{AAC_HEADER, AVC_HEADER};
use proptest::prelude::*;

/// A client and a server, with a wire between them that carries `step` bytes at a time.
struct Pair {
    now: Duration,
    step: usize,
    client: client::Session,
    server: server::Session,
    /// Outputs other than bytes.
    from_client: Vec<client::Output>,
    from_server: Vec<server::Output>,
}

impl Pair {
    fn new(client: client::Session, config: Config, step: usize) -> Self {
        Self {
            now: Duration::ZERO,
            step,
            client,
            server: server::Session::new(config),
            from_client: Vec::new(),
            from_server: Vec::new(),
        }
    }

    /// Runs until both are quiet.
    fn run(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.client.poll_output() {
                quiet = false;
                match output {
                    client::Output::Send(bytes) => {
                        for piece in bytes.chunks(self.step) {
                            let piece = Bytes::copy_from_slice(piece);
                            let _ = self.server.handle_input(self.now, piece);
                        }
                    }
                    other => self.from_client.push(other),
                }
            }
            while let Some(output) = self.server.poll_output() {
                quiet = false;
                match output {
                    server::Output::Send(bytes) => {
                        for piece in bytes.chunks(self.step) {
                            let piece = Bytes::copy_from_slice(piece);
                            let _ = self.client.handle_input(self.now, piece);
                        }
                    }
                    other => self.from_server.push(other),
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// Runs until a request is made, and accepts it.
    fn accept(&mut self) -> server::Request {
        self.run();
        let Some(server::Output::Request(request)) = self.from_server.pop() else {
            panic!("{:?}", self.from_server)
        };
        self.server.accept(request.id).unwrap();
        self.run();
        request
    }
}

fn target() -> Target {
    Target::parse("rtmp://127.0.0.1/live/key?token=1").unwrap()
}

fn tags() -> Config {
    let mut config = Config::default();
    config.deliver = Deliver::Tags;
    config
}

fn publishing(config: Config, step: usize) -> (Pair, RequestId) {
    let client = client::Session::publish(config.clone(), target());
    let mut pair = Pair::new(client, config, step);
    assert!(matches!(
        pair.client.send_tag(&Tag::new(Kind::Audio, 0, Bytes::new())),
        Err(Error::NotReady)
    ));
    let connect = pair.accept();
    let RequestKind::Connect(connect) = connect.kind else { panic!("{connect:?}") };
    assert_eq!((&connect.app[..], &connect.tc_url[..]), ("live", "rtmp://127.0.0.1:1935/live"));
    assert_eq!(connect.enhanced.four_cc_list, ["*"]);
    let publish = pair.accept();
    let RequestKind::Publish(wanted) = &publish.kind else { panic!("{publish:?}") };
    assert_eq!((&wanted.name[..], &wanted.query[..]), ("key", "token=1"));
    assert_eq!(pair.from_client, [client::Output::Ready]);
    pair.from_client.clear();
    (pair, publish.id)
}

#[test]
fn a_publication_from_hello_to_goodbye() {
    use server::Output::{Metadata, Sample, Track, Unpublished};
    for step in [1, 1000, usize::MAX] {
        for scheme in [None, Some(Scheme::Zero), Some(Scheme::One)] {
            let mut config = Config::default();
            config.handshake = scheme;
            config.deliver = Deliver::Samples;
            let (mut pair, request) = publishing(config, step);
            let metadata = b"\x02\0\x0aonMetaData\x08\0\0\0\0\0\0\x09";
            for (kind, time, data) in [
                (Kind::Script, 0, &metadata[..]),
                (Kind::Video, 0, AVC_HEADER),
                (Kind::Audio, 0, AAC_HEADER),
                (Kind::Video, 5, b"\x17\x01\0\0\x21key"),
                (Kind::Audio, 7, b"\xAF\x01sound"),
            ] {
                pair.client.send_tag(&Tag::new(kind, time, data.into())).unwrap();
            }
            pair.client.finish();
            pair.run();
            let [
                Metadata { metadata: received, .. },
                Track { .. },
                Track { .. },
                Sample { sample: video, .. },
                Sample { sample: audio, .. },
                Unpublished { request: ended },
            ] = &pair.from_server[..]
            else {
                panic!("{:?}", pair.from_server)
            };
            assert_eq!(received.tag.data, metadata[..]);
            assert_eq!((video.decode_time.ticks(), &video.data[..]), (5, &b"key"[..]));
            assert_eq!((audio.decode_time.ticks(), &audio.data[..]), (7, &b"sound"[..]));
            assert_eq!(*ended, request);
            assert_eq!(pair.from_client, [client::Output::Closed(Closed::Finished)]);
        }
    }
}

#[test]
fn a_refusal_reaches_the_client() {
    let client = client::Session::publish(tags(), target());
    let mut pair = Pair::new(client, tags(), usize::MAX);
    pair.accept();
    let Some(server::Output::Request(request)) = pair.from_server.pop() else { panic!() };
    pair.server.reject(request.id, Rejection::BadName).unwrap();
    pair.run();
    let [client::Output::Rejected { code, .. }, client::Output::Closed(Closed::Rejected)] =
        &pair.from_client[..]
    else {
        panic!("{:?}", pair.from_client)
    };
    assert_eq!(*code, "NetStream.Publish.BadName");
    assert_eq!(pair.from_server, [server::Output::Closed(Closed::Rejected)]);
}

#[test]
fn a_late_player_starts_on_the_key_frame() {
    let client = client::Session::play(tags(), target());
    let mut pair = Pair::new(client, tags(), usize::MAX);
    let mut cache = GopCache::new(1000, 1 << 20);
    let chunk_size = pair.server.chunk_size();
    let mut push = |kind, time, data: &[u8]| {
        let tag = Tag::new(kind, time, Bytes::copy_from_slice(data));
        cache.push(&tag);
        tag
    };
    push(Kind::Video, 0, AVC_HEADER);
    push(Kind::Audio, 0, AAC_HEADER);
    push(Kind::Video, 1000, b"\x17\x01\0\0\0old");
    let key = push(Kind::Video, 2000, b"\x17\x01\0\0\0key");
    let inter = push(Kind::Video, 2033, b"\x27\x01\0\0\0inter");
    pair.accept();
    let play = pair.accept();
    assert!(matches!(play.kind, RequestKind::Play(_)));
    for tag in cache.replay(chunk_size) {
        pair.server.send_encoded(play.id, &tag).unwrap();
    }
    pair.server.end_play(play.id).unwrap();
    pair.run();
    let expected = [
        client::Output::Ready,
        client::Output::Tag(Tag::new(Kind::Video, 2000, AVC_HEADER.into())),
        client::Output::Tag(Tag::new(Kind::Audio, 2000, AAC_HEADER.into())),
        client::Output::Tag(key),
        client::Output::Tag(inter),
        client::Output::Ended,
    ];
    assert_eq!(pair.from_client, expected);
}

#[test]
fn a_reconnect_request_reaches_the_client() {
    let (mut pair, _) = publishing(tags(), usize::MAX);
    pair.server.request_reconnect(Some("rtmp://other/live")).unwrap();
    pair.server.request_reconnect(None).unwrap();
    pair.run();
    let reconnect =
        |tc_url: Option<&str>| client::Output::Reconnect { tc_url: tc_url.map(str::to_owned) };
    assert_eq!(pair.from_client, [reconnect(Some("rtmp://other/live")), reconnect(None)]);
    // Until it leaves, it goes on.
    pair.client.send_tag(&Tag::new(Kind::Audio, 0, AAC_HEADER.into())).unwrap();
}

#[test]
fn quiet_players_are_kept_alive_by_pings() {
    let client = client::Session::play(tags(), target());
    let mut pair = Pair::new(client, tags(), usize::MAX);
    pair.accept();
    pair.accept();
    for _ in 0..100 {
        let wake = pair.server.poll_timeout().min(pair.client.poll_timeout()).unwrap();
        assert!(wake >= pair.now);
        pair.now = wake;
        pair.server.handle_timeout(wake).unwrap();
        pair.client.handle_timeout(wake).unwrap();
        pair.run();
    }
    assert!(pair.now > Duration::from_secs(1000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_tag_arrives_once_and_in_order(
        tags_sent in prop::collection::vec(
            (any::<bool>(), 0..50i64, prop_oneof![1..50usize, 100..5000usize, Just(130_000)]), 0..30,
        ),
        start in prop_oneof![Just(0i64), Just(0xFF_FFF0), Just(0xFFFF_FFF0)],
        chunk_size in prop_oneof![Just(128u32), 129..5000u32, Just(60_000)],
        step in prop_oneof![Just(7usize), 100..70_000usize],
    ) {
        let mut config = tags();
        config.chunk_size = chunk_size;
        let (mut pair, request) = publishing(config, step);
        let mut time = start;
        let mut expected = Vec::new();
        // The first says where the clock starts: what it was before the wrap is not on the wire.
        for (video, delta, size) in [(true, 0, 1)].into_iter().chain(tags_sent) {
            time += delta;
            let (kind, byte) = if video { (Kind::Video, 0x27) } else { (Kind::Audio, 0x2F) };
            let tag = Tag::new(kind, time, vec![byte; size].into());
            pair.client.send_tag(&tag).unwrap();
            expected.push(server::Output::Tag { request, tag });
        }
        pair.run();
        prop_assert_eq!(&pair.from_server, &expected);
        prop_assert_eq!(pair.server.held_bytes(), 0);
    }
}
