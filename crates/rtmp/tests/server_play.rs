//! Playing from a server session.

mod peer;

use airloom_rtmp::amf0::Value;
use airloom_rtmp::flv::{Kind, Tag};
use airloom_rtmp::server::{Output, Rejection, RequestId, RequestKind};
use airloom_rtmp::{Closed, Config, EncodedTag, Error, MessageType};
use peer::Peer;

fn playing(config: Config) -> (Peer, RequestId) {
    let mut peer = Peer::connected(config);
    let request = peer.play(1, "key?t=1");
    peer.session.accept(request).unwrap();
    peer.drain();
    assert_eq!(peer.status(), "NetStream.Play.Start");
    peer.outputs.clear();
    peer.heard.clear();
    (peer, request)
}

fn tag(peer: &Peer, kind: Kind, timestamp: i64, size: usize) -> EncodedTag {
    EncodedTag::new(&Tag::new(kind, timestamp, vec![7; size].into()), peer.session.chunk_size())
}

#[test]
fn play_is_granted_step_by_step() {
    let mut peer = Peer::connected(Config::default());
    peer.heard.clear();
    let request = peer.play(1, "key?t=1");
    let RequestKind::Play(play) = peer.wanted() else { panic!() };
    assert_eq!((&play.connect.app[..], &play.name[..], &play.query[..]), ("live", "key", "t=1"));
    assert_eq!((play.start, play.duration, play.reset), (-2000, -1, true));
    peer.session.accept(request).unwrap();
    peer.drain();
    let codes: Vec<_> = peer
        .commands()
        .iter()
        .map(|(stream, name, _, values)| {
            assert_eq!((*stream, &name[..]), (1, "onStatus"));
            values[1].member("code").and_then(Value::text).unwrap().to_owned()
        })
        .collect();
    assert_eq!(codes, ["NetStream.Play.Reset", "NetStream.Play.Start"]);
    assert_eq!(peer.heard[0].payload[..], [0, 0, 0, 0, 0, 1], "stream begin");
}

#[test]
fn tags_arrive_as_they_were() {
    let mut config = Config::default();
    config.chunk_size = 1000;
    let (mut peer, play) = playing(config);
    for (kind, time, size) in [
        (Kind::Script, 0, 40),
        (Kind::Video, 0x100_0000, 5000),
        (Kind::Audio, 0x1_0000_0002, 30),
        (Kind::Video, 0x1_0000_0003, 900),
        (Kind::Video, 0x1_0000_0003, 0),
    ] {
        let tag = tag(&peer, kind, time, size);
        peer.session.send_encoded(play, &tag).unwrap();
        assert_eq!(peer.session.queued_bytes(), tag.len());
        peer.drain();
        let heard = peer.heard.pop().unwrap();
        assert_eq!(heard.message_type.0, kind as u8);
        assert_eq!((heard.timestamp, heard.message_stream), (time as u32, 1));
        assert_eq!(heard.payload[..], vec![7; size]);
    }
}

#[test]
fn an_encoded_tag_is_shared_and_not_copied() {
    let (mut peer, play) = playing(Config::default());
    let tag = Tag::new(Kind::Video, 0, vec![7; 50_000].into());
    let encoded = EncodedTag::new(&tag, peer.session.chunk_size());
    peer.session.send_encoded(play, &encoded).unwrap();
    let mut sent = Vec::new();
    while let Some(Output::Send(bytes)) = peer.session.poll_output() {
        sent.push(bytes);
    }
    assert_eq!(sent[1].as_ptr(), tag.data.as_ptr());
}

#[test]
fn a_second_stream_has_its_own_number() {
    let (mut peer, _) = playing(Config::default());
    let second = peer.play(9, "other");
    peer.session.accept(second).unwrap();
    peer.drain();
    peer.heard.clear();
    let tag = tag(&peer, Kind::Video, 0, 2000);
    peer.session.send_encoded(second, &tag).unwrap();
    peer.drain();
    assert_eq!(peer.heard[0].message_stream, 9);
}

#[test]
fn a_slow_player_is_measured_and_bounded() {
    let mut config = Config::default();
    config.limits.queued_bytes = 10_000;
    let (mut peer, play) = playing(config);
    let tag = tag(&peer, Kind::Video, 0, 3000);
    for _ in 0..3 {
        peer.session.send_encoded(play, &tag).unwrap();
    }
    let queued = peer.session.queued_bytes();
    assert_eq!(queued, 3 * tag.len());
    let full = peer.session.send_encoded(play, &tag);
    assert!(matches!(full, Err(Error::Limit { limit: "queued_bytes", .. })));
    // Nothing of it was queued, and the session lives on.
    assert_eq!(peer.session.queued_bytes(), queued);
    peer.drain();
    assert_eq!((peer.session.queued_bytes(), peer.heard.len()), (0, 3));
    peer.session.send_encoded(play, &tag).unwrap();
}

#[test]
fn misuse_is_told() {
    let (mut peer, play) = playing(Config::default());
    let wrong = EncodedTag::new(&Tag::new(Kind::Audio, 0, vec![1].into()), 128);
    assert_eq!(
        peer.session.send_encoded(play, &wrong),
        Err(Error::ChunkSize { encoded: 128, session: 60_000 })
    );
    peer.command(0, "deleteStream", 0.0, &[Value::Null, Value::from(1.0)]);
    peer.drain();
    assert_eq!(peer.outputs, [Output::PlayStopped { request: play }]);
    let tag = tag(&peer, Kind::Audio, 0, 3);
    assert_eq!(peer.session.send_encoded(play, &tag), Err(Error::NoRequest(play)));
}

#[test]
fn refusals_carry_their_codes_and_close() {
    for (rejection, code) in [
        (Rejection::NotFound, "NetStream.Play.StreamNotFound"),
        (Rejection::Unauthorized, "NetStream.Play.Failed"),
    ] {
        let mut peer = Peer::connected(Config::default());
        let request = peer.play(1, "key");
        peer.session.reject(request, rejection).unwrap();
        assert_eq!(peer.status(), code);
        assert_eq!(peer.closed(), Some(Closed::Rejected));
    }
}

#[test]
fn pause_seek_and_the_choice_of_tracks() {
    let (mut peer, play) = playing(Config::default());
    peer.command(1, "pause", 0.0, &[Value::Null, Value::from(true), Value::from(0.0)]);
    assert_eq!(peer.status(), "NetStream.Pause.Notify");
    peer.command(1, "pause", 0.0, &[Value::Null, Value::from(false), Value::from(0.0)]);
    assert_eq!(peer.status(), "NetStream.Unpause.Notify");
    let paused = |paused| Output::Paused { request: play, paused };
    assert_eq!(peer.outputs, [paused(true), paused(false)]);
    peer.command(1, "seek", 0.0, &[Value::Null, Value::from(1000.0)]);
    assert_eq!(peer.status(), "NetStream.Seek.Failed");
    peer.command(1, "receiveAudio", 0.0, &[Value::Null, Value::from(false)]);
    peer.heard.clear();
    for kind in [Kind::Audio, Kind::Video] {
        let tag = tag(&peer, kind, 0, 3);
        peer.session.send_encoded(play, &tag).unwrap();
    }
    peer.drain();
    assert_eq!(peer.heard.len(), 1);
    assert_eq!(peer.heard[0].message_type, MessageType::VIDEO);
}

#[test]
fn the_end_of_the_stream_is_told_and_the_playback_stays() {
    let (mut peer, play) = playing(Config::default());
    peer.session.end_play(play).unwrap();
    assert_eq!(peer.status(), "NetStream.Play.UnpublishNotify");
    assert_eq!(peer.heard.last().unwrap().payload[..], [0, 1, 0, 0, 0, 1], "stream EOF");
    let tag = tag(&peer, Kind::Audio, 0, 3);
    peer.session.send_encoded(play, &tag).unwrap();
    peer.session.finish();
    assert_eq!(peer.closed(), Some(Closed::Finished));
    assert_eq!(peer.session.send_encoded(play, &tag), Err(Error::Closed));
}

#[test]
fn get_stream_length_is_answered() {
    let mut peer = Peer::connected(Config::default());
    peer.command(0, "getStreamLength", 3.0, &[Value::Null, "key".into()]);
    assert_eq!(peer.take("_result", 3.0), [Value::Null, Value::from(0.0)]);
}
