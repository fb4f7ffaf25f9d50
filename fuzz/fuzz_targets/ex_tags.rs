//! The bodies of Enhanced RTMP's tags: what a packet says can be written, and reads the same.
//!
//! Input: whether it is sound, then the body.

#![no_main]

use airloom_rtmp::flv::{CodecId, Kind, PacketKind, Packets, Tag, TagReader};
use airloom_rtmp::{Config, Error, Precision};
use bytes::Bytes;
use fuzz::head;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([sound], body)) = head(data) else { return };
    let kind = if sound & 1 == 0 { Kind::Video } else { Kind::Audio };
    let tag = Tag::new(kind, 7, Bytes::copy_from_slice(body));

    let mut config = Config::default();
    config.precision = if sound & 2 == 0 { Precision::Millis } else { Precision::Nanos };
    TagReader::with(&config).read(tag.clone(), drop);
    // What is a sequence header for whoever only looks is none with a frame that can be decoded.
    assert!(!(tag.is_sequence_header() && tag.is_keyframe()));

    let Ok(packets) = Packets::new(&tag) else { return };
    let (mut tracks, mut bytes) = ([false; 256], 0);
    for packet in packets.map_while(Result::ok) {
        assert!(!std::mem::replace(&mut tracks[usize::from(packet.track)], true));
        bytes += packet.data.len();
        match packet.encode(kind) {
            Ok(written) => {
                let written = Tag::new(kind, 7, written);
                let again: Vec<_> = Packets::new(&written).expect("a header").collect();
                assert_eq!(again, [Ok(packet)]);
            }
            // Said in an enhanced header, but nothing of it is of a codec with FourCC; sound whose
            // header says more than its packets; packet types that only stand inside others.
            Err(Error::Unsupported { .. }) => assert!(
                !matches!(packet.codec, CodecId::FourCc(_))
                    || matches!(packet.kind, PacketKind::Unknown(_))
            ),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(bytes <= body.len());
});
