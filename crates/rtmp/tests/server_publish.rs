//! Publishing to a server session.

mod peer;

use std::time::Duration;

use airloom_media::{Delta, Sample, Timestamp};
use airloom_rtmp::amf0::Value;
use airloom_rtmp::flv::{CodecId, Kind, Skip, Tag, TagReader};
use airloom_rtmp::server::{Mode, Output, Rejection, RequestKind};
use airloom_rtmp::{Closed, Config, Deliver, Error, MessageType};
use bytes::Bytes;
use peer::{AAC_HEADER, AVC_HEADER, Peer};

fn samples() -> Config {
    let mut config = Config::default();
    config.deliver = Deliver::Samples;
    config
}

#[test]
fn connect_gets_what_encoders_look_for() {
    let mut peer = Peer::new(Config::default());
    peer.connect("live?token=1");
    let connect = peer.wanted_connect();
    assert_eq!((&connect.app[..], &connect.query[..]), ("live", "token=1"));
    assert_eq!((&connect.flash_ver[..], &connect.tc_url[..]), ("FMLE/3.0", "rtmp://h/live"));
    assert!(!connect.enhanced.is_announced());
    let request = peer.request();
    peer.session.accept(request).unwrap();
    let values = peer.take("_result", 1.0);
    let [properties, info] = &values[..] else { panic!("{values:?}") };
    assert!(properties.member("fmsVer").and_then(Value::text).is_some());
    assert_eq!(properties.member("capabilities").and_then(Value::number), Some(31.0));
    assert_eq!(info.member("code").and_then(Value::text), Some("NetConnection.Connect.Success"));
    assert_eq!(info.member("objectEncoding").and_then(Value::number), Some(0.0));
    assert_eq!(info.member("capsEx"), None);
    let kinds: Vec<_> = peer.heard.iter().map(|message| message.message_type).collect();
    assert_eq!(
        kinds,
        [
            MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE,
            MessageType::SET_PEER_BANDWIDTH,
            MessageType::SET_CHUNK_SIZE,
            MessageType::COMMAND_AMF0,
        ]
    );
}

// MTX#3685, #2232, HaishinKit#1486.
#[test]
fn an_enhanced_peer_is_understood_and_answered() {
    let mut peer = Peer::new(Config::default());
    let object = Value::object([
        ("app", Value::from("live")),
        ("fourCcList", Value::StrictArray(vec!["av01".into(), "hvc1".into()])),
        ("capsEx", Value::from(3.0)),
        ("odd", Value::StrictArray(vec![Value::Null, Value::Undefined])),
    ]);
    peer.command(0, "connect", 1.0, &[object]);
    assert_eq!(peer.wanted_connect().enhanced.four_cc_list, ["av01", "hvc1"]);
    let request = peer.request();
    peer.session.accept(request).unwrap();
    let values = peer.take("_result", 1.0);
    for object in &values {
        let map = object.member("videoFourCcInfoMap").unwrap();
        assert_eq!(map.member("*").and_then(Value::number), Some(4.0));
        assert!(object.member("capsEx").is_some());
    }
}

/// What OBS (librtmp) says, in the order it says it, without waiting for answers it does not need.
fn obs(peer: &mut Peer) -> airloom_rtmp::server::RequestId {
    peer.send(MessageType::SET_CHUNK_SIZE, 0, 0, &4096u32.to_be_bytes()).unwrap();
    peer.connect("live");
    let request = peer.request();
    peer.session.accept(request).unwrap();
    peer.take("_result", 1.0);
    peer.send(MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, 0, 0, &2_500_000u32.to_be_bytes()).unwrap();
    peer.command(0, "releaseStream", 2.0, &[Value::Null, "key?a=b".into()]);
    peer.command(0, "FCPublish", 3.0, &[Value::Null, "key?a=b".into()]);
    peer.command(0, "createStream", 4.0, &[Value::Null]);
    for transaction in [2.0, 3.0] {
        assert_eq!(peer.take("_result", transaction), [Value::Null, Value::Undefined]);
    }
    assert_eq!(peer.take("_result", 4.0)[1].number(), Some(1.0));
    peer.publish(1, "key?a=b")
}

#[test]
fn obs_publishes_and_stops_and_publishes_again() {
    for step in [usize::MAX, 1] {
        let mut peer = Peer::new(samples());
        peer.step = step;
        let first = obs(&mut peer);
        let RequestKind::Publish(publish) = peer.wanted() else { panic!() };
        assert_eq!((&publish.connect.app[..], &publish.name[..]), ("live", "key"));
        assert_eq!((&publish.query[..], publish.mode), ("a=b", Mode::Live));
        peer.session.accept(first).unwrap();
        assert_eq!(peer.status(), "NetStream.Publish.Start");
        peer.outputs.clear();
        let metadata = peer::command("@setDataFrame", 0.0, &[]);
        let metadata = [
            &metadata[..metadata.len() - 9],
            b"\x02\0\x0aonMetaData\x08\0\0\0\0\0\x05width\0\x40\x84\0\0\0\0\0\0\0\0\x09",
        ];
        peer.send(MessageType::DATA_AMF0, 1, 0, &metadata.concat()).unwrap();
        peer.video(0, AVC_HEADER);
        peer.audio(0, AAC_HEADER);
        peer.video(0, b"\x17\x01\0\0\x42\0\0\0\x01\x65");
        peer.audio(21, b"\xAF\x01aac");
        peer.drain();
        let [
            Output::Metadata { metadata, .. },
            Output::Track { track: video, .. },
            Output::Track { track: audio, .. },
            Output::Sample { request, sample },
            Output::Sample { sample: sound, .. },
        ] = &peer.outputs[..]
        else {
            panic!("{:?}", peer.outputs)
        };
        assert_eq!(*request, first);
        assert_eq!(metadata.values.member("width").and_then(Value::number), Some(640.0));
        assert!(metadata.tag.data.starts_with(b"\x02\0\x0aonMetaData"));
        assert_eq!(video.codec.to_string(), "avc1.42C00D");
        assert_eq!(audio.codec.to_string(), "mp4a.40.2");
        let expected = Sample {
            track: TagReader::VIDEO,
            decode_time: Timestamp::ZERO,
            composition_offset: Delta::new(0x42),
            duration: None,
            sync: true,
            data: Bytes::from_static(b"\0\0\0\x01\x65"),
        };
        assert_eq!(*sample, expected);
        assert_eq!((sound.decode_time.ticks(), &sound.data[..]), (21, &b"aac"[..]));
        peer.outputs.clear();

        peer.command(0, "FCUnpublish", 6.0, &[Value::Null, "key?a=b".into()]);
        peer.command(0, "deleteStream", 7.0, &[Value::Null, Value::from(1.0)]);
        assert_eq!(peer.status(), "NetStream.Unpublish.Success");
        assert_eq!(peer.outputs, [Output::Unpublished { request: first }]);
        // Media that was still on its way belongs to nobody.
        peer.audio(42, b"\xAF\x01aac");
        peer.drain();
        assert_eq!(peer.outputs.len(), 1);

        peer.command(0, "createStream", 8.0, &[Value::Null]);
        assert_eq!(peer.take("_result", 8.0)[1].number(), Some(1.0));
        let second = peer.publish(1, "key");
        assert_ne!(first, second);
        peer.session.accept(second).unwrap();
        assert_eq!(peer.status(), "NetStream.Publish.Start");
    }
}

#[test]
fn every_way_to_stop_ends_the_publication_once() {
    let name = || Value::from("key");
    let ways: [(&str, u32, Value); 3] = [
        ("closeStream", 1, Value::Null),
        ("deleteStream", 0, Value::from(1.0)),
        ("FCUnpublish", 0, name()),
    ];
    for (command, stream, argument) in ways {
        let (mut peer, request) = Peer::publishing(Config::default(), "key");
        peer.command(stream, command, 0.0, &[Value::Null, argument]);
        peer.drain();
        assert_eq!(peer.outputs, [Output::Unpublished { request }], "{command}");
        peer.command(1, "closeStream", 0.0, &[Value::Null]);
        peer.drain();
        assert_eq!(peer.outputs.len(), 1, "{command}");
        let again = peer.publish(1, "key");
        peer.session.accept(again).unwrap();
        assert_eq!(peer.status(), "NetStream.Publish.Start");
    }
}

#[test]
fn publishing_anew_on_the_same_stream_ends_the_old_one() {
    let (mut peer, old) = Peer::publishing(Config::default(), "key");
    let new = peer.publish(1, "other");
    assert_eq!(peer.outputs[0], Output::Unpublished { request: old });
    peer.session.accept(new).unwrap();
    assert_eq!(peer.status(), "NetStream.Publish.Start");
}

#[test]
fn refusals_carry_their_codes_and_close() {
    // MTX#5657, SRS#3436, sergey-dryabzhinsky/nginx-rtmp-module#189: OBS stops retrying.
    // SRS#454, obs-studio#3078: the name is taken.
    for (rejection, code) in [
        (Rejection::Unauthorized, "NetStream.Publish.Unauthorized"),
        (Rejection::BadName, "NetStream.Publish.BadName"),
        (Rejection::Failed, "NetStream.Publish.Failed"),
    ] {
        let mut peer = Peer::connected(Config::default());
        let request = peer.publish(1, "key");
        peer.session.reject(request, rejection).unwrap();
        assert_eq!(peer.status(), code);
        assert_eq!(peer.closed(), Some(Closed::Rejected));
        assert_eq!(peer.session.poll_output(), None);
        assert_eq!(peer.session.poll_timeout(), None);
        assert_eq!(peer.raw(b"x"), Err(Error::Closed));
        assert_eq!(peer.session.accept(request), Err(Error::Closed));
    }
    for (rejection, code) in [
        (Rejection::InvalidApp, "NetConnection.Connect.InvalidApp"),
        (Rejection::Unauthorized, "NetConnection.Connect.Rejected"),
        (Rejection::Failed, "NetConnection.Connect.Rejected"),
    ] {
        let mut peer = Peer::new(Config::default());
        peer.connect("nope");
        let request = peer.request();
        peer.session.reject(request, rejection).unwrap();
        let info = &peer.take("_error", 1.0)[1];
        assert_eq!(info.member("code").and_then(Value::text), Some(code));
        assert_eq!(info.member("level").and_then(Value::text), Some("error"));
        assert_eq!(peer.closed(), Some(Closed::Rejected));
    }
}

#[test]
fn what_follows_a_request_waits_for_the_decision() {
    let mut peer = Peer::connected(samples());
    let request = peer.publish(1, "key");
    // An encoder that does not wait.
    peer.video(0, AVC_HEADER);
    peer.video(0, b"\x17\x01\0\0\0\0\0\0\x01\x65");
    peer.drain();
    assert!(matches!(peer.outputs.last(), Some(Output::Request(_))));
    assert!(peer.session.held_bytes() > 0);
    peer.session.accept(request).unwrap();
    peer.drain();
    assert!(matches!(peer.outputs.last(), Some(Output::Sample { .. })));
    assert_eq!(peer.session.held_bytes(), 0);
    assert_eq!(peer.session.accept(request), Err(Error::NoRequest(request)));
}

#[test]
fn input_that_waits_is_bounded() {
    let mut config = Config::default();
    config.limits.held_input = 1000;
    let mut peer = Peer::connected(config);
    peer.publish(1, "key");
    peer.send(MessageType::VIDEO, 1, 0, &[0x17; 900]).unwrap();
    let error = peer.send(MessageType::VIDEO, 1, 0, &[0x17; 900]).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: "held_input", max: 1000, .. }), "{error}");
    assert_eq!(peer.closed(), Some(Closed::Failed(error)));
}

#[test]
fn late_draining_is_safe() {
    let mut config = samples();
    config.limits.outputs = 3;
    let (mut peer, _) = Peer::publishing(config, "key");
    peer.audio(0, AAC_HEADER);
    for time in 0..100 {
        peer.audio(time, b"\xAF\x01x");
    }
    assert!(peer.session.held_bytes() > 0);
    peer.drain();
    let times: Vec<_> = peer.outputs[1..]
        .iter()
        .map(|output| match output {
            Output::Sample { sample, .. } => sample.decode_time.ticks(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(times, (0..100).collect::<Vec<_>>());
}

#[test]
fn what_is_delivered_is_what_was_asked_for() {
    for deliver in [Deliver::Tags, Deliver::Samples, Deliver::Both] {
        let mut config = Config::default();
        config.deliver = deliver;
        let (mut peer, request) = Peer::publishing(config, "key");
        peer.audio(5, AAC_HEADER);
        peer.send(MessageType::DATA_AMF0, 1, 5, b"\x02\0\x0aonTextData\x05").unwrap();
        peer.drain();
        let tags: Vec<_> =
            peer.outputs.iter().filter(|output| matches!(output, Output::Tag { .. })).collect();
        if deliver.tags() {
            let tag = Tag::new(Kind::Audio, 5, AAC_HEADER.into());
            let text = Tag::new(Kind::Script, 5, Bytes::from_static(b"\x02\0\x0aonTextData\x05"));
            let expected = [tag, text].map(|tag| Output::Tag { request, tag });
            assert_eq!(tags, expected.iter().collect::<Vec<_>>());
        } else {
            assert!(tags.is_empty());
        }
        let tracks = peer.outputs.iter().any(|output| matches!(output, Output::Track { .. }));
        assert_eq!(tracks, deliver.samples());
    }
}

// SRS#3803: passed over or passed on, never fatal.
#[test]
fn unknown_things_are_passed_over() {
    let (mut peer, request) = Peer::publishing(Config::default(), "key");
    peer.command(0, "somethingElse", 9.0, &[Value::Null]);
    peer.command(1, "@weird", 0.0, &[]);
    peer.send(MessageType(99), 1, 0, b"?").unwrap();
    peer.send(MessageType::SHARED_OBJECT_AMF0, 0, 0, b"\xFF\xFF").unwrap();
    peer.send(MessageType::DATA_AMF0, 1, 0, b"\x02\0\x0f@clearDataFrame\x02\0\x0aonMetaData")
        .unwrap();
    peer.drain();
    assert_eq!(peer.outputs, []);
    // Data that is no AMF is handed on; so is data of another kind of AMF.
    peer.send(MessageType::DATA_AMF0, 1, 0, b"\xEE").unwrap();
    peer.send(MessageType::DATA_AMF3, 1, 0, b"\0\x02\0\x06onCues\x05").unwrap();
    peer.drain();
    let data: [&'static [u8]; 2] = [b"\xEE", b"\x02\0\x06onCues\x05"];
    let tags = data.map(|data| Tag::new(Kind::Script, 0, data.into()));
    assert_eq!(peer.outputs, tags.map(|tag| Output::Tag { request, tag }));
}

#[test]
fn commands_wrapped_in_amf3_are_commands() {
    let mut peer = Peer::connected(Config::default());
    let mut payload = vec![0];
    payload.extend(peer::command("publish", 5.0, &[Value::Null, "key".into(), "record".into()]));
    // What real AMF3 follows is left alone.
    payload.extend([0x11, 0x0A, 0x0B, 0x01]);
    peer.send(MessageType::COMMAND_AMF3, 1, 0, &payload).unwrap();
    let RequestKind::Publish(publish) = peer.wanted() else { panic!() };
    assert_eq!((&publish.name[..], publish.mode), ("key", Mode::Record));
}

#[test]
fn before_connect_nothing_else_counts() {
    let mut peer = Peer::new(Config::default());
    peer.command(0, "createStream", 2.0, &[Value::Null]);
    peer.command(1, "publish", 3.0, &[Value::Null, "key".into()]);
    peer.drain();
    assert_eq!((peer.outputs.len(), peer.heard.len()), (0, 0));
}

// Measured: kills an nginx-rtmp worker and its other publishers.
#[test]
fn nested_amf_of_great_depth_is_a_typed_error() {
    let deep = b"\x03\0\x01a".repeat(10_000);
    let mut peer = Peer::new(Config::default());
    let payload = [&peer::command("connect", 1.0, &[])[..], &deep].concat();
    let error = peer.send(MessageType::COMMAND_AMF0, 0, 0, &payload).unwrap_err();
    assert_eq!(error, Error::Limit { limit: "amf_depth", value: 17, max: 16 });
    assert_eq!(peer.closed(), Some(Closed::Failed(error)));
    let (mut peer, _) = Peer::publishing(Config::default(), "key");
    let payload = [&b"\x02\0\x0aonMetaData"[..], &deep].concat();
    let error = peer.send(MessageType::DATA_AMF0, 1, 0, &payload).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: "amf_depth", .. }));
}

#[test]
fn an_aggregate_gives_its_parts() {
    let (mut peer, _) = Peer::publishing(samples(), "key");
    let mut payload = Vec::new();
    for (time, body) in [(100u8, AAC_HEADER), (100, b"\xAF\x01a"), (123, b"\xAF\x01b")] {
        payload.extend([8, 0, 0, body.len() as u8, 0, 0, time, 0, 0, 0, 0]);
        payload.extend_from_slice(body);
        payload.extend([0, 0, 0, 11 + body.len() as u8]);
    }
    peer.send(MessageType::AGGREGATE, 1, 1000, &payload).unwrap();
    peer.drain();
    let [Output::Track { .. }, Output::Sample { sample: a, .. }, Output::Sample { sample: b, .. }] =
        &peer.outputs[..]
    else {
        panic!("{:?}", peer.outputs)
    };
    assert_eq!((a.decode_time.ticks(), b.decode_time.ticks()), (1000, 1023));
}

#[test]
fn an_aggregate_of_more_than_may_wait_is_read_piece_by_piece() {
    let mut config = samples();
    config.limits.outputs = 10;
    let (mut peer, _) = Peer::publishing(config, "key");
    peer.audio(0, AAC_HEADER);
    let part = [8, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xAF, 1, 0x21, 0, 0, 0, 14];
    peer.send(MessageType::AGGREGATE, 1, 0, &part.repeat(100)).unwrap();
    assert!(peer.session.held_bytes() > 0);
    peer.drain();
    assert_eq!(peer.outputs.len(), 101);
    assert_eq!(peer.session.held_bytes(), 0);
}

// OME#1686, #1388; measured: nginx-rtmp loses 29 frames.
#[test]
fn timestamps_go_on_over_the_wrap() {
    let (mut peer, _) = Peer::publishing(samples(), "key");
    peer.audio(0, AAC_HEADER);
    peer.video(0, AVC_HEADER);
    for time in [0xFFFF_FFF0u32, 0xFFFF_FFFF, 0x10] {
        peer.audio(time, b"\xAF\x01a");
        peer.video(time.wrapping_sub(5), b"\x27\x01\0\0\0\0\0\0\x01\x41");
    }
    peer.drain();
    let times = peer.outputs.iter().filter_map(|output| match output {
        Output::Sample { sample, .. } => Some(sample.decode_time.ticks() - 0xFFFF_FFF0),
        _ => None,
    });
    assert_eq!(times.collect::<Vec<_>>(), [0, -5, 15, 10, 32, 27]);
}

#[test]
fn a_sequence_header_sent_again_counts_when_it_differs() {
    let (mut peer, _) = Peer::publishing(samples(), "key");
    for header in [AAC_HEADER, AAC_HEADER, b"\xAF\0\x12\x08"] {
        peer.audio(0, header);
    }
    peer.audio(0, b"\xAF\0");
    peer.send(MessageType::VIDEO, 1, 0, b"\x90vvc1config").unwrap();
    peer.drain();
    let tracks = peer.outputs.iter().filter(|output| matches!(output, Output::Track { .. }));
    assert_eq!(tracks.count(), 2);
    let skips = peer.outputs.iter().filter_map(|output| match output {
        Output::Skipped { skip, .. } => Some(*skip),
        _ => None,
    });
    let skips: Vec<_> = skips.collect();
    let vvc = CodecId::FourCc(airloom_rtmp::flv::FourCc::VVC);
    assert!(matches!(skips[..], [Skip::Unreadable(_), Skip::Codec { codec, .. }] if codec == vvc));
}

#[test]
fn media_is_acknowledged_by_the_peers_window() {
    let (mut peer, _) = Peer::publishing(Config::default(), "key");
    peer.send(MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, 0, 0, &10_000u32.to_be_bytes()).unwrap();
    peer.heard.clear();
    for _ in 0..100 {
        peer.video(0, &[0x27; 1000]);
    }
    peer.drain();
    let sequences: Vec<_> = peer
        .heard
        .iter()
        .filter(|message| message.message_type == MessageType::ACKNOWLEDGEMENT)
        .map(|message| u32::from_be_bytes(message.payload[..].try_into().unwrap()))
        .collect();
    assert!((9..=10).contains(&sequences.len()), "{sequences:?}");
    assert!(sequences.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "{sequences:?}");
}

#[test]
fn a_bandwidth_is_answered_with_a_window_and_a_ping_with_its_time() {
    let (mut peer, _) = Peer::publishing(Config::default(), "key");
    peer.heard.clear();
    peer.send(MessageType::SET_PEER_BANDWIDTH, 0, 0, &[0, 0, 0x10, 0, 2]).unwrap();
    peer.send(MessageType::SET_PEER_BANDWIDTH, 0, 0, &[0, 0, 0x10, 0, 2]).unwrap();
    peer.send(MessageType::USER_CONTROL, 0, 0, &[0, 6, 1, 2, 3, 4]).unwrap();
    peer.drain();
    let heard: Vec<_> =
        peer.heard.iter().map(|message| (message.message_type, &message.payload[..])).collect();
    assert_eq!(
        heard,
        [
            (MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE, &[0, 0, 0x10, 0][..]),
            (MessageType::USER_CONTROL, &[0, 7, 1, 2, 3, 4]),
        ]
    );
}

#[test]
fn a_stalled_handshake_ends() {
    let mut peer = Peer::silent(Config::default());
    assert_eq!(peer.session.poll_timeout(), Some(Duration::ZERO));
    let start = Duration::from_secs(100);
    assert_eq!(peer.session.handle_timeout(start), Ok(()));
    let deadline = peer.session.poll_timeout().unwrap();
    assert_eq!(deadline, start + Duration::from_secs(10));
    // Bytes now and then do not help.
    peer.now = start + Duration::from_secs(9);
    peer.raw(&[3; 100]).unwrap();
    assert_eq!(peer.session.poll_timeout(), Some(deadline));
    assert_eq!(peer.session.handle_timeout(deadline), Err(Error::HandshakeTimeout));
    assert_eq!(peer.closed(), Some(Closed::Failed(Error::HandshakeTimeout)));
    assert_eq!(peer.session.poll_timeout(), None);
}

#[test]
fn a_peer_that_never_connects_is_stalled_too() {
    let mut peer = Peer::new(Config::default());
    let late = Duration::from_secs(11);
    assert_eq!(peer.session.handle_timeout(late), Err(Error::HandshakeTimeout));
}

#[test]
fn a_silent_peer_is_asked_and_then_dropped() {
    let (mut peer, _) = Peer::publishing(Config::default(), "key");
    peer.heard.clear();
    assert_eq!(peer.session.poll_timeout(), Some(Duration::from_secs(30)));
    peer.session.handle_timeout(Duration::from_secs(29)).unwrap();
    peer.drain();
    assert_eq!(peer.heard, []);
    peer.session.handle_timeout(Duration::from_secs(30)).unwrap();
    peer.drain();
    assert_eq!(peer.heard[0].payload[..2], [0, 6]);
    assert_eq!(peer.session.poll_timeout(), Some(Duration::from_mins(1)));
    // It answers, and lives on.
    peer.now = Duration::from_secs(40);
    peer.send(MessageType::USER_CONTROL, 0, 0, &[0, 7, 0, 0, 0x75, 0x30]).unwrap();
    assert_eq!(peer.session.poll_timeout(), Some(Duration::from_secs(70)));
    peer.session.handle_timeout(Duration::from_secs(70)).unwrap();
    assert_eq!(peer.session.handle_timeout(Duration::from_secs(100)), Err(Error::IdleTimeout));
    assert_eq!(peer.closed(), Some(Closed::Failed(Error::IdleTimeout)));
}

#[test]
fn after_a_failure_what_was_queued_can_be_taken() {
    let (mut peer, _) = Peer::publishing(Config::default(), "key");
    peer.command(0, "createStream", 9.0, &[Value::Null]);
    let error = peer.send(MessageType::SET_CHUNK_SIZE, 0, 0, &[0; 4]).unwrap_err();
    assert!(matches!(error, Error::Malformed { field: "chunk size", .. }));
    assert_eq!(peer.take("_result", 9.0)[1].number(), Some(2.0));
    assert_eq!(peer.closed(), Some(Closed::Failed(error)));
    assert_eq!(peer.raw(b"x"), Err(Error::Closed));
}

#[test]
fn message_streams_are_bounded() {
    let mut peer = Peer::connected(Config::default());
    let refused = (0..100).find_map(|id| {
        let payload = peer::command("createStream", f64::from(id), &[Value::Null]);
        peer.send(MessageType::COMMAND_AMF0, 0, 0, &payload).err()
    });
    assert_eq!(refused, Some(Error::Limit { limit: "message_streams", value: 17, max: 16 }));
}

#[test]
fn several_publications_on_one_connection_are_told_apart() {
    let (mut peer, first) = Peer::publishing(samples(), "one");
    let second = peer.publish(2, "two");
    peer.session.accept(second).unwrap();
    peer.outputs.clear();
    for stream in [1, 2] {
        peer.send(MessageType::AUDIO, stream, 0, AAC_HEADER).unwrap();
    }
    peer.command(0, "FCUnpublish", 0.0, &[Value::Null, "two".into()]);
    peer.drain();
    assert!(matches!(peer.outputs[0], Output::Track { request, .. } if request == first));
    assert!(matches!(peer.outputs[1], Output::Track { request, .. } if request == second));
    assert_eq!(peer.outputs[2], Output::Unpublished { request: second });
}
