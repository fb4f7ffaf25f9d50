//! Enhanced RTMP v2's tags by the tables of its specification ("Enhanced Audio", "Enhanced Video",
//! "Metadata Frame", "Multitrack Streaming"): bytes in, packets out; and what sessions make of them.
//!
//! No encoder at hand writes them (ffmpeg 5.1 and GStreamer 1.22 do not), so the bytes are laid out
//! here field by field as the tables say.

mod peer;

use airloom_rtmp::flv::{
    CodecId, FourCc, FrameType, Kind, Packet, PacketKind, Packets, Skip, Tag, TagReader,
};
use airloom_rtmp::server::Output;
use airloom_rtmp::{Config, Deliver, GopCache, Precision};
use bytes::Bytes;
use peer::Peer;

/// What stands in the upper four bits of a video tag: `isExVideoHeader`, and a frame type.
const KEY: u8 = 0x90;
const INTER: u8 = 0xA0;
/// `SoundFormat.ExHeader`.
const SOUND: u8 = 0x90;

/// `VideoPacketType` and `AudioPacketType`.
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
const MULTICHANNEL_CONFIG: u8 = 4;
const MPEG2TS_SEQUENCE_START: u8 = 5;
const VIDEO_MULTITRACK: u8 = 6;
const AUDIO_MULTITRACK: u8 = 5;
const MOD_EX: u8 = 7;

/// `AvMultitrackType`, in the upper four bits.
const ONE_TRACK: u8 = 0x00;
const MANY_TRACKS: u8 = 0x10;
const MANY_TRACKS_MANY_CODECS: u8 = 0x20;

/// `VideoFourCc`, and whether its coded frames have a composition time offset.
const VIDEO: [(FourCc, bool); 6] = [
    (FourCc::VP8, false),
    (FourCc::VP9, false),
    (FourCc::AV1, false),
    (FourCc::AVC, true),
    (FourCc::HEVC, true),
    (FourCc::VVC, true),
];

/// `AudioFourCc`.
const AUDIO: [FourCc; 6] =
    [FourCc::AC3, FourCc::EAC3, FourCc::OPUS, FourCc::MP3, FourCc::FLAC, FourCc::AAC];

const BODY: &[u8] = b"\x12\x34\x56\x78";

fn tag(kind: Kind, parts: &[&[u8]]) -> Tag {
    Tag::new(kind, 40, parts.concat().into())
}

fn packet(codec: FourCc, kind: PacketKind, data: &'static [u8]) -> Packet {
    Packet {
        track: 0,
        codec: CodecId::FourCc(codec),
        kind,
        frame_type: FrameType::KEY,
        composition_offset: 0,
        nanos: 0,
        data: Bytes::from_static(data),
    }
}

/// The tag reads as these packets, and each of them written alone reads as itself.
fn reads(tag: &Tag, expected: &[Packet]) {
    let packets: Vec<_> =
        Packets::new(tag).unwrap().collect::<Result<_, _>>().unwrap_or_else(|error| {
            panic!("{error}: {tag:?}");
        });
    assert_eq!(packets, expected, "{tag:?}");
    for packet in packets {
        let alone = Tag::new(tag.kind, 0, packet.encode(tag.kind).unwrap());
        assert_eq!(Packets::new(&alone).unwrap().collect::<Vec<_>>(), [Ok(packet)]);
    }
    let every = |kind| expected.iter().all(|packet| packet.kind == kind);
    let header = every(PacketKind::SequenceStart)
        || every(PacketKind::Mpeg2TsSequenceStart)
        || every(PacketKind::MultichannelConfig);
    assert_eq!(tag.is_sequence_header(), header, "{tag:?}");
    let key = tag.kind == Kind::Video
        && every(PacketKind::Frame)
        && expected.iter().all(|packet| packet.frame_type == FrameType::KEY);
    assert_eq!(tag.is_keyframe(), key, "{tag:?}");
}

#[test]
fn every_video_codec_in_every_packet_type() {
    for (codec, timed) in VIDEO {
        let of = |packet_type: u8, parts: &[&[u8]]| {
            let head = [KEY | packet_type];
            tag(Kind::Video, &[&[&head[..], &codec.0][..], parts].concat())
        };
        reads(&of(SEQUENCE_START, &[BODY]), &[packet(codec, PacketKind::SequenceStart, BODY)]);
        reads(&of(SEQUENCE_END, &[]), &[packet(codec, PacketKind::SequenceEnd, b"")]);
        let frame = packet(codec, PacketKind::Frame, BODY);
        reads(&of(CODED_FRAMES_X, &[BODY]), std::slice::from_ref(&frame));
        if timed {
            // SI24, in milliseconds.
            for (bytes, composition_offset) in
                [(b"\0\0\x28", 40), (b"\xFF\xFF\xD8", -40), (b"\x80\0\0", -0x80_0000)]
            {
                let expected = Packet { composition_offset, ..frame.clone() };
                reads(&of(CODED_FRAMES, &[bytes, BODY]), &[expected]);
            }
        } else {
            reads(&of(CODED_FRAMES, &[BODY]), &[frame]);
        }
        let metadata = b"\x02\0\x09colorInfo\x06";
        reads(&of(METADATA, &[metadata]), &[packet(codec, PacketKind::Metadata, metadata)]);
        let inter = tag(Kind::Video, &[&[INTER | CODED_FRAMES_X], &codec.0, BODY]);
        let frame_type = FrameType::INTER;
        reads(&inter, &[Packet { frame_type, ..packet(codec, PacketKind::Frame, BODY) }]);
    }
    let descriptor = tag(Kind::Video, &[&[KEY | MPEG2TS_SEQUENCE_START], b"av01", BODY]);
    reads(&descriptor, &[packet(FourCc::AV1, PacketKind::Mpeg2TsSequenceStart, BODY)]);
}

#[test]
fn every_audio_codec_in_every_packet_type() {
    for codec in AUDIO {
        let of = |packet_type: u8, body: &[u8]| {
            tag(Kind::Audio, &[&[SOUND | packet_type], &codec.0, body])
        };
        reads(&of(SEQUENCE_START, BODY), &[packet(codec, PacketKind::SequenceStart, BODY)]);
        reads(&of(CODED_FRAMES, BODY), &[packet(codec, PacketKind::Frame, BODY)]);
        reads(&of(SEQUENCE_END, b""), &[packet(codec, PacketKind::SequenceEnd, b"")]);
        // Native order of six channels by mask; two channels mapped by hand.
        for config in [&b"\x01\x06\x00\x00\x00\x3F"[..], b"\x02\x02\x01\x00"] {
            let expected = packet(codec, PacketKind::MultichannelConfig, config);
            reads(&of(MULTICHANNEL_CONFIG, config), &[expected]);
        }
    }
}

#[test]
fn mod_ex_in_front_of_anything() {
    // modExDataSize is one less than the size, and so is the 16-bit one behind a size of 256.
    let nanos = |packet_type: u8| [0x02, 0x0F, 0x42, 0x3F, packet_type];
    let frame = packet(FourCc::AV1, PacketKind::Frame, BODY);
    let expected = Packet { nanos: 999_999, ..frame.clone() };
    let short = tag(Kind::Video, &[&[KEY | MOD_EX], &nanos(CODED_FRAMES), b"av01", BODY]);
    reads(&short, std::slice::from_ref(&expected));
    // Longer data than the offset needs, in the long form: 300 bytes.
    let mut long = vec![KEY | MOD_EX, 0xFF, 0x01, 0x2B, 0x0F, 0x42, 0x3F];
    long.extend([0xEE; 297]);
    long.push(CODED_FRAMES);
    reads(&tag(Kind::Video, &[&long, b"av01", BODY]), std::slice::from_ref(&expected));
    // A reserved ModEx type before it.
    let twice = [KEY | MOD_EX, 0x00, 0xAA, 0x50 | MOD_EX];
    let behind = tag(Kind::Video, &[&twice, &nanos(CODED_FRAMES), b"av01", BODY]);
    reads(&behind, std::slice::from_ref(&expected));
    // Sound, and in front of multitrack.
    let sound = tag(Kind::Audio, &[&[SOUND | MOD_EX], &nanos(CODED_FRAMES), b"Opus", BODY]);
    let opus = packet(FourCc::OPUS, PacketKind::Frame, BODY);
    reads(&sound, &[Packet { nanos: 999_999, ..opus }]);
    let track = [ONE_TRACK | CODED_FRAMES];
    let multi =
        tag(Kind::Video, &[&[KEY | MOD_EX], &nanos(VIDEO_MULTITRACK), &track, b"av01", &[3], BODY]);
    reads(&multi, &[Packet { track: 3, ..expected }]);
}

#[test]
fn one_track_many_tracks_and_many_codecs() {
    let one = tag(
        Kind::Video,
        &[&[KEY | VIDEO_MULTITRACK, ONE_TRACK | CODED_FRAMES], b"hvc1\x01", b"\0\0\x28", BODY],
    );
    let hevc = packet(FourCc::HEVC, PacketKind::Frame, BODY);
    let expected = Packet { track: 1, composition_offset: 40, ..hevc.clone() };
    reads(&one, &[expected]);

    // Two renditions of one codec; sizeOfVideoTrack counts the offset as well.
    let many = tag(
        Kind::Video,
        &[
            &[KEY | VIDEO_MULTITRACK, MANY_TRACKS | CODED_FRAMES],
            b"hvc1",
            &[&b"\x00\0\0\x07\0\0\x28"[..], BODY, b"\x01\0\0\x07\0\0\x50", BODY].concat(),
        ],
    );
    let expected = [
        Packet { composition_offset: 40, ..hevc.clone() },
        Packet { track: 1, composition_offset: 80, ..hevc },
    ];
    reads(&many, &expected);

    // A sequence start for each rendition, each in its codec.
    let codecs = tag(
        Kind::Video,
        &[
            &[KEY | VIDEO_MULTITRACK, MANY_TRACKS_MANY_CODECS | SEQUENCE_START],
            b"avc1\x00\0\0\x04",
            BODY,
            b"av01\x01\0\0\x04",
            BODY,
        ],
    );
    let expected = [
        packet(FourCc::AVC, PacketKind::SequenceStart, BODY),
        Packet { track: 1, ..packet(FourCc::AV1, PacketKind::SequenceStart, BODY) },
    ];
    reads(&codecs, &expected);

    // Two languages.
    let sound = tag(
        Kind::Audio,
        &[
            &[SOUND | AUDIO_MULTITRACK, MANY_TRACKS_MANY_CODECS | CODED_FRAMES],
            b"Opus\x00\0\0\x04",
            BODY,
            b"mp4a\x01\0\0\x04",
            BODY,
        ],
    );
    let expected = [
        packet(FourCc::OPUS, PacketKind::Frame, BODY),
        Packet { track: 1, ..packet(FourCc::AAC, PacketKind::Frame, BODY) },
    ];
    reads(&sound, &expected);
}

// "If VideoPacketType.Metadata is present, the FrameType flags [...] should be ignored."
#[test]
fn a_command_is_one_unless_it_is_metadata() {
    let command = tag(Kind::Video, &[&[0xD0 | SEQUENCE_START, 1]]);
    let packets: Vec<_> = Packets::new(&command).unwrap().collect();
    assert!(matches!(&packets[..], [Ok(packet)] if packet.kind == PacketKind::Command(1)));
    let metadata = tag(Kind::Video, &[&[0xD0 | METADATA], b"hvc1", BODY]);
    let expected = packet(FourCc::HEVC, PacketKind::Metadata, BODY);
    reads(&metadata, &[Packet { frame_type: FrameType::COMMAND, ..expected }]);
}

// "Unknown elements": codes that no table has are values, and pass through.
#[test]
fn codes_that_no_table_has_are_values() {
    let unknown = FourCc(*b"zz99");
    let video = tag(Kind::Video, &[&[KEY | 0x0D], &unknown.0, BODY]);
    reads(&video, &[packet(unknown, PacketKind::Unknown(0x0D), BODY)]);
    let audio = tag(Kind::Audio, &[&[SOUND | 0x0E], &unknown.0, BODY]);
    reads(&audio, &[packet(unknown, PacketKind::Unknown(0x0E), BODY)]);
}

/// `AVCDecoderConfigurationRecord` of 320x240.
const AVC: &[u8] = peer::AVC_HEADER.split_at(5).1;

/// A stream of VVC with HDR on track 0, AVC on track 1, Opus and AAC, nanoseconds and all, reaches
/// a server: every tag as it came, samples of what has some, and words of what has none.
#[test]
fn a_server_session_takes_in_all_of_it() {
    let color = b"\x02\0\x09colorInfo\x03\0\x06hdrCll\x03\0\x06maxCLL\0\x40\x8F\x40\0\0\0\0\0\
                  \0\0\x09\0\0\x09";
    let multitrack = [KEY | VIDEO_MULTITRACK, MANY_TRACKS_MANY_CODECS | SEQUENCE_START];
    let nanos = [KEY | MOD_EX, 2, 0x05, 0x16, 0x15, VIDEO_MULTITRACK];
    let length = [0, 0, AVC.len() as u8];
    let videos = [
        [&multitrack[..], b"vvc1\x00\0\0\x04", BODY, b"avc1\x01", &length, AVC].concat(),
        [&[KEY | METADATA], &b"vvc1"[..], color].concat(),
        [&nanos[..], &[ONE_TRACK | CODED_FRAMES], b"avc1\x01\0\0\x14", BODY].concat(),
        [&[KEY | CODED_FRAMES_X][..], b"vvc1", BODY].concat(),
    ];
    let sounds = [
        [&[SOUND | SEQUENCE_START][..], b"OpusOpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0"].concat(),
        [&[SOUND | AUDIO_MULTITRACK, ONE_TRACK | SEQUENCE_START][..], b"mp4a\x01\x11\x90"].concat(),
        [&[SOUND | AUDIO_MULTITRACK, ONE_TRACK | CODED_FRAMES][..], b"mp4a\x01x"].concat(),
    ];
    for step in [usize::MAX, 1] {
        let mut config = Config::default();
        config.deliver = Deliver::Both;
        config.precision = Precision::Nanos;
        let (mut peer, _) = Peer::publishing(config, "key");
        peer.step = step;
        for data in &videos {
            peer.video(40, data);
        }
        for data in &sounds {
            peer.audio(40, data);
        }
        peer.drain();
        let mut tags = Vec::new();
        let mut said = Vec::new();
        for output in &peer.outputs {
            match output {
                Output::Tag { tag, .. } => tags.push(tag.data.clone()),
                Output::Track { track, .. } => said.push(format!("{} {}", track.id, track.codec)),
                Output::Sample { sample, .. } => said.push(format!(
                    "{} {}+{} {}",
                    sample.track,
                    sample.decode_time.ticks(),
                    sample.composition_offset.ticks(),
                    sample.data.len()
                )),
                Output::Color { track, color, .. } => {
                    let level = color.hdr_cll.unwrap().max_cll.unwrap();
                    said.push(format!("{track} max {}", level.0));
                }
                Output::Skipped { skip: Skip::Codec { track, codec }, .. } => {
                    said.push(format!("{track} no {codec}"));
                }
                _ => {}
            }
        }
        assert!(tags.iter().eq(videos.iter().chain(&sounds)), "{tags:?}");
        assert_eq!(
            said,
            [
                "1 no vvc1",
                "3 avc1.42C00D",
                "1 max 10000000",
                "3 40333333+20000000 4",
                "2 Opus",
                "4 mp4a.40.2",
                "4 40000000+0 1",
            ],
            "in pieces of {step}"
        );
    }
}

/// A relay that knows none of the codecs still starts a late player on a key frame.
#[test]
fn a_late_player_starts_on_an_enhanced_key_frame() {
    for (codec, _) in VIDEO {
        let of = |first: u8, time| {
            Tag::new(Kind::Video, time, [&[first], &codec.0[..], BODY].concat().into())
        };
        let mut cache = GopCache::new(100, 10_000);
        cache.push(&of(KEY | SEQUENCE_START, 0));
        for time in [0, 1000] {
            cache.push(&of(KEY | CODED_FRAMES_X, time));
            cache.push(&of(INTER | CODED_FRAMES_X, time + 33));
        }
        let times: Vec<_> = cache.tags().iter().map(|tag| tag.timestamp).collect();
        assert_eq!((cache.headers().count(), times), (1, vec![1000, 1033]), "{codec}");
    }
    assert_ne!(TagReader::track_id(Kind::Video, 1), TagReader::VIDEO);
}
