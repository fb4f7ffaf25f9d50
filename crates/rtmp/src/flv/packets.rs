use bytes::Bytes;

use super::{CodecId, FourCc, FrameType, Kind, Packet, PacketKind, Tag};
use crate::Error;
use crate::cursor::Cursor;

/// Reads the packets of an audio or video tag: FLV's own (annex E.4.2, E.4.3) and Enhanced RTMP
/// v2's, with ModEx prefixes and many tracks in one tag.
///
/// ```
/// use airloom_rtmp::flv::{FrameType, Kind, Packets, Tag};
///
/// let tag = Tag::new(Kind::Video, 0, vec![0x27, 1, 0, 0, 40, 0xAA].into());
/// let packets: Vec<_> = Packets::new(&tag)?.collect::<Result<_, _>>()?;
/// assert_eq!((packets[0].frame_type, packets[0].composition_offset), (FrameType::INTER, 40));
/// # Ok::<(), airloom_rtmp::Error>(())
/// ```
///
/// A script tag and an empty one have none. Each track comes once a tag; after an error, none.
#[derive(Debug)]
pub struct Packets<'a> {
    cursor: Cursor<'a>,
    kind: Kind,
    frame_type: FrameType,
    packet_type: u8,
    nanos: u32,
    codec: CodecId,
    layout: Layout,
    /// Tracks already read, a bit each: no track comes twice, which bounds what one tag can hold.
    seen: [u64; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// FLV's own header: one packet, what follows the header byte.
    Plain,
    /// One packet, the rest of the tag.
    Single,
    /// One track with an id, the rest of the tag.
    OneTrack,
    /// Tracks with sizes, all of one codec.
    ManyTracks,
    /// Tracks with codecs and sizes.
    ManyCodecs,
    /// A command and nothing else.
    Command,
    Done,
}

pub(super) const MULTITRACK_VIDEO: u8 = 6;
pub(super) const MULTITRACK_AUDIO: u8 = 5;
pub(super) const MOD_EX: u8 = 7;

impl<'a> Packets<'a> {
    /// Reads the header of a tag.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where the header is cut short; [`Error::Unsupported`] for a multitrack
    /// type that is not known.
    pub fn new(tag: &'a Tag) -> Result<Self, Error> {
        let mut packets = Self {
            cursor: Cursor::new(&tag.data),
            kind: tag.kind,
            frame_type: FrameType::KEY,
            packet_type: 0,
            nanos: 0,
            codec: CodecId::Video(0),
            layout: Layout::Done,
            seen: [0; 4],
        };
        if tag.data.is_empty() || tag.kind == Kind::Script {
            return Ok(packets);
        }
        let first = packets.cursor.u8("tag header")?;
        let enhanced = if tag.kind == Kind::Video {
            packets.frame_type = FrameType(first >> 4 & 7);
            packets.codec = CodecId::Video(first & 0x0F);
            first & 0x80 != 0
        } else {
            packets.codec = CodecId::Audio(first >> 4);
            first >> 4 == 9
        };
        if enhanced {
            packets.packet_type = first & 0x0F;
            packets.enhanced_header()?;
        } else {
            packets.layout = Layout::Plain;
        }
        Ok(packets)
    }

    /// The packet type of an enhanced tag, behind ModEx and multitrack headers.
    pub(super) const fn packet_type(&self) -> u8 {
        self.packet_type
    }

    /// `ExVideoTagHeader` and `ExAudioTagHeader`.
    fn enhanced_header(&mut self) -> Result<(), Error> {
        while self.packet_type == MOD_EX {
            let mut size = u32::from(self.cursor.u8("modExDataSize")?) + 1;
            if size == 256 {
                size = u32::from(self.cursor.u16("modExDataSize")?) + 1;
            }
            let data = self.cursor.bytes(size as usize, "modExData")?;
            let types = self.cursor.u8("packetModExType")?;
            self.packet_type = types & 0x0F;
            // TimestampOffsetNano; other types are passed over, as the specification asks.
            if let (0, Some(&[a, b, c])) = (types >> 4, data.first_chunk::<3>()) {
                self.nanos = u32::from_be_bytes([0, a, b, c]);
            }
        }
        let video = self.kind == Kind::Video;
        let multitrack = if video { MULTITRACK_VIDEO } else { MULTITRACK_AUDIO };
        if video && self.frame_type == FrameType::COMMAND && self.packet_type != 4 {
            self.layout = Layout::Command;
        } else if self.packet_type == multitrack {
            let offset = self.cursor.offset();
            let types = self.cursor.u8("multitrackType")?;
            self.packet_type = types & 0x0F;
            self.layout = match types >> 4 {
                0 => Layout::OneTrack,
                1 => Layout::ManyTracks,
                2 => Layout::ManyCodecs,
                other => {
                    let field = "multitrackType";
                    return Err(Error::Unsupported { field, offset, value: other.into() });
                }
            };
            if self.layout != Layout::ManyCodecs {
                self.codec = self.four_cc()?;
            }
        } else {
            self.codec = self.four_cc()?;
            self.layout = Layout::Single;
        }
        Ok(())
    }

    fn four_cc(&mut self) -> Result<CodecId, Error> {
        let four_cc = self.cursor.u32("fourCc")?.to_be_bytes();
        Ok(CodecId::FourCc(FourCc(four_cc)))
    }

    fn packet(&self, track: u8, kind: PacketKind, data: Bytes) -> Packet {
        Packet {
            track,
            codec: self.codec,
            kind,
            frame_type: self.frame_type,
            composition_offset: 0,
            nanos: self.nanos,
            data,
        }
    }

    fn plain(&mut self) -> Result<Packet, Error> {
        self.layout = Layout::Done;
        let mut packet = self.packet(0, PacketKind::Frame, Bytes::new());
        match self.codec {
            CodecId::Video(_) if self.frame_type == FrameType::COMMAND => {
                packet.kind = PacketKind::Command(self.cursor.u8("video command")?);
            }
            CodecId::Video(7) => {
                packet.kind = match self.cursor.u8("AVCPacketType")? {
                    0 => PacketKind::SequenceStart,
                    1 => PacketKind::Frame,
                    2 => PacketKind::SequenceEnd,
                    other => PacketKind::Unknown(other),
                };
                packet.composition_offset = self.cursor.i24("CompositionTime")?;
            }
            CodecId::Audio(10) => {
                packet.kind = match self.cursor.u8("AACPacketType")? {
                    0 => PacketKind::SequenceStart,
                    1 => PacketKind::Frame,
                    other => PacketKind::Unknown(other),
                };
            }
            _ => {}
        }
        packet.data = self.cursor.rest();
        Ok(packet)
    }

    fn enhanced_kind(&self) -> PacketKind {
        match (self.kind, self.packet_type) {
            (_, 0) => PacketKind::SequenceStart,
            (_, 1) | (Kind::Video, 3) => PacketKind::Frame,
            (_, 2) => PacketKind::SequenceEnd,
            (Kind::Video, 4) => PacketKind::Metadata,
            (Kind::Video, 5) => PacketKind::Mpeg2TsSequenceStart,
            (_, 4) => PacketKind::MultichannelConfig,
            (_, other) => PacketKind::Unknown(other),
        }
    }

    /// One packet of an enhanced tag, whose track header comes next.
    fn enhanced(&mut self) -> Result<Packet, Error> {
        if self.layout == Layout::ManyCodecs {
            self.codec = self.four_cc()?;
        }
        let mut track = 0;
        let mut end = self.cursor.left();
        if self.layout != Layout::Single {
            let offset = self.cursor.offset();
            track = self.cursor.u8("trackId")?;
            let seen = self.seen.get_mut(usize::from(track / 64));
            let bit = 1u64 << (track % 64);
            if seen.as_ref().is_some_and(|seen| **seen & bit != 0) {
                return Err(Error::Malformed { field: "trackId", offset, value: track.into() });
            }
            if let Some(seen) = seen {
                *seen |= bit;
            }
            end = self.cursor.left();
        }
        if matches!(self.layout, Layout::ManyTracks | Layout::ManyCodecs) {
            end = self.cursor.u24("sizeOfTrack")? as usize;
        } else {
            self.layout = Layout::Done;
        }
        let kind = self.enhanced_kind();
        let offset = self.cursor.offset();
        let data = self.cursor.bytes(end, "track")?;
        let mut packet = self.packet(track, kind, data);
        let timed = matches!(self.codec, CodecId::FourCc(FourCc::AVC | FourCc::HEVC | FourCc::VVC));
        // CodedFrames has an offset for these codecs, CodedFramesX never.
        if self.kind == Kind::Video && self.packet_type == 1 && timed {
            let field = "compositionTimeOffset";
            let Some(&[a, b, c]) = packet.data.first_chunk::<3>() else {
                return Err(Error::Truncated { field, offset });
            };
            packet.composition_offset = i32::from_be_bytes([a, b, c, 0]) >> 8;
            packet.data = packet.data.split_off(3);
        }
        Ok(packet)
    }

    fn advance(&mut self) -> Option<Result<Packet, Error>> {
        match self.layout {
            Layout::Done => None,
            Layout::Plain => Some(self.plain()),
            Layout::Command => {
                self.layout = Layout::Done;
                let command = self.cursor.u8("videoCommand");
                let rest = self.cursor.rest();
                Some(command.map(|command| self.packet(0, PacketKind::Command(command), rest)))
            }
            Layout::ManyTracks | Layout::ManyCodecs if self.cursor.left() == 0 => None,
            _ => Some(self.enhanced()),
        }
    }
}

impl Iterator for Packets<'_> {
    type Item = Result<Packet, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if let Some(Err(_)) = next {
            self.layout = Layout::Done;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets(kind: Kind, bytes: &[u8]) -> Result<Vec<Packet>, Error> {
        Packets::new(&Tag::new(kind, 0, Bytes::copy_from_slice(bytes)))?.collect()
    }

    fn packet(codec: CodecId, kind: PacketKind, data: &'static [u8]) -> Packet {
        Packet {
            track: 0,
            codec,
            kind,
            frame_type: FrameType::KEY,
            composition_offset: 0,
            nanos: 0,
            data: Bytes::from_static(data),
        }
    }

    const HEVC: CodecId = CodecId::FourCc(FourCc::HEVC);
    const AV1: CodecId = CodecId::FourCc(FourCc::AV1);

    #[test]
    fn the_tags_of_flv_itself() {
        assert_eq!(
            packets(Kind::Video, &[0x27, 1, 0xFF, 0xFF, 0xFE, 7]),
            Ok(vec![Packet {
                frame_type: FrameType::INTER,
                composition_offset: -2,
                ..packet(CodecId::Video(7), PacketKind::Frame, &[7])
            }])
        );
        assert_eq!(
            packets(Kind::Audio, &[0xAF, 0, 0x11, 0x90]),
            Ok(vec![packet(CodecId::Audio(10), PacketKind::SequenceStart, &[0x11, 0x90])])
        );
        assert_eq!(
            packets(Kind::Audio, &[0x2F, 0xFF]),
            Ok(vec![packet(CodecId::Audio(2), PacketKind::Frame, &[0xFF])])
        );
        assert_eq!(packets(Kind::Video, &[]), Ok(vec![]));
        assert_eq!(
            packets(Kind::Video, &[0x17, 1, 0]),
            Err(Error::Truncated { field: "CompositionTime", offset: 2 })
        );
    }

    #[test]
    fn enhanced_frames_have_an_offset_only_where_their_codec_does() {
        assert_eq!(
            packets(Kind::Video, b"\x91hvc1\0\0\x28x"),
            Ok(vec![Packet { composition_offset: 40, ..packet(HEVC, PacketKind::Frame, b"x") }])
        );
        assert_eq!(
            packets(Kind::Video, b"\x93hvc1x"),
            Ok(vec![packet(HEVC, PacketKind::Frame, b"x")])
        );
        assert_eq!(
            packets(Kind::Video, b"\x91av01xyz"),
            Ok(vec![packet(AV1, PacketKind::Frame, b"xyz")])
        );
        assert_eq!(
            packets(Kind::Audio, b"\x91Opusx"),
            Ok(vec![packet(CodecId::FourCc(FourCc::OPUS), PacketKind::Frame, b"x")])
        );
        assert_eq!(
            packets(Kind::Audio, b"\x94ec-3\x01\x06"),
            Ok(vec![packet(
                CodecId::FourCc(FourCc::EAC3),
                PacketKind::MultichannelConfig,
                &[1, 6]
            )])
        );
    }

    #[test]
    fn unknown_codecs_and_packet_types_are_values() {
        assert_eq!(
            packets(Kind::Video, b"\x9Fzz99x"),
            Ok(vec![packet(CodecId::FourCc(FourCc(*b"zz99")), PacketKind::Unknown(15), b"x")])
        );
    }

    #[test]
    fn mod_ex_adds_nanoseconds_and_others_are_passed_over() {
        // A nanosecond offset of 500,000, then an unknown ModEx of 256 bytes, then CodedFramesX.
        let mut bytes = b"\x97\x02\x07\xA1\x20\x07\xFF\x00\xFF".to_vec();
        bytes.extend([0xEE; 256]);
        bytes.extend(b"\x53av01x");
        assert_eq!(
            packets(Kind::Video, &bytes),
            Ok(vec![Packet { nanos: 500_000, ..packet(AV1, PacketKind::Frame, b"x") }])
        );
    }

    #[test]
    fn many_tracks_in_one_tag() {
        // One track that is not the first.
        assert_eq!(
            packets(Kind::Video, b"\x96\x03av01\x02x"),
            Ok(vec![Packet { track: 2, ..packet(AV1, PacketKind::Frame, b"x") }])
        );
        // Two tracks of one codec.
        assert_eq!(
            packets(Kind::Video, b"\x96\x11hvc1\x00\0\0\x04\0\0\x01a\x01\0\0\x05\0\0\x02bb"),
            Ok(vec![
                Packet { composition_offset: 1, ..packet(HEVC, PacketKind::Frame, b"a") },
                Packet {
                    track: 1,
                    composition_offset: 2,
                    ..packet(HEVC, PacketKind::Frame, b"bb")
                },
            ])
        );
        // Two tracks of two codecs.
        let opus = CodecId::FourCc(FourCc::OPUS);
        let aac = CodecId::FourCc(FourCc::AAC);
        assert_eq!(
            packets(Kind::Audio, b"\x95\x21Opus\x00\0\0\x01amp4a\x07\0\0\x02bb"),
            Ok(vec![
                packet(opus, PacketKind::Frame, b"a"),
                Packet { track: 7, ..packet(aac, PacketKind::Frame, b"bb") },
            ])
        );
    }

    #[test]
    fn a_track_that_comes_twice_or_is_cut_short_is_refused() {
        assert_eq!(
            packets(Kind::Video, b"\x96\x13av01\x00\0\0\x01a\x00\0\0\x01b"),
            Err(Error::Malformed { field: "trackId", offset: 11, value: 0 })
        );
        assert_eq!(
            packets(Kind::Video, b"\x96\x13av01\x00\0\0\x09a"),
            Err(Error::Truncated { field: "track", offset: 10 })
        );
        assert_eq!(
            packets(Kind::Video, b"\x96\x31av01"),
            Err(Error::Unsupported { field: "multitrackType", offset: 1, value: 3 })
        );
    }

    #[test]
    fn commands_are_no_frames() {
        let expected = Packet {
            frame_type: FrameType::COMMAND,
            ..packet(CodecId::Video(0), PacketKind::Command(1), b"")
        };
        assert_eq!(packets(Kind::Video, &[0xD0, 1]), Ok(vec![expected]));
    }

    proptest! {
        #[test]
        fn nothing_panics(
            video in any::<bool>(),
            first in any::<u8>(),
            rest in prop::collection::vec(prop_oneof![0..8u8, any::<u8>()], 0..60),
        ) {
            let kind = if video { Kind::Video } else { Kind::Audio };
            let _ = packets(kind, &[&[first], &rest[..]].concat());
        }
    }
}
