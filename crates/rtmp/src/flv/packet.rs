use bytes::Bytes;

use super::packets::{MOD_EX, MULTITRACK_AUDIO, MULTITRACK_VIDEO};
use super::{CodecId, FourCc, Kind};
use crate::Error;

/// What a video packet is to a decoder (annex E.4.3.1, `FrameType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Decoding can start here. Audio packets carry it, too.
    pub const KEY: Self = Self(1);
    /// Needs frames before it.
    pub const INTER: Self = Self(2);
    /// Needs frames before it, and none needs it (H.263).
    pub const DISPOSABLE: Self = Self(3);
    /// A key frame made by a server.
    pub const GENERATED_KEY: Self = Self(4);
    /// No frame but a command to the player.
    pub const COMMAND: Self = Self(5);
}

/// What the payload of a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketKind {
    /// The codec's configuration record.
    SequenceStart,
    /// One coded frame.
    Frame,
    /// Nothing: the sequence is over.
    SequenceEnd,
    /// AMF0 about the pictures, such as `colorInfo`.
    Metadata,
    /// The configuration as MPEG-2 TS writes it (AV1).
    Mpeg2TsSequenceStart,
    /// Which channel of sound is where.
    MultichannelConfig,
    /// A command to the player: 0 starts a seek, 1 ends it.
    Command(u8),
    /// A packet type no specification names.
    Unknown(u8),
}

/// One packet of one track: what a plain tag carries one of, and a multitrack tag several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The track within its kind; 0 where the tag has only one.
    pub track: u8,
    /// How it is coded.
    pub codec: CodecId,
    /// What `data` is.
    pub kind: PacketKind,
    /// Of the whole tag.
    pub frame_type: FrameType,
    /// Milliseconds from decoding to presentation, signed 24 bit.
    pub composition_offset: i32,
    /// Nanoseconds on top of the tag's timestamp (ModEx): 0 to 999,999, more where a peer errs.
    pub nanos: u32,
    /// The payload: a slice of the tag.
    pub data: Bytes,
}

impl Packet {
    /// Writes the body of a tag of `kind` that holds this packet alone; [`Packets`](super::Packets)
    /// reads it back equal. The payload is copied.
    ///
    /// A FourCC is written as Enhanced RTMP v2 writes it, with ModEx in front where there are
    /// nanoseconds, and as the one track of a multitrack tag where the track is not 0. FLV's own
    /// codecs are written as FLV writes them.
    ///
    /// ```
    /// use airloom_rtmp::flv::{CodecId, FourCc, FrameType, Kind, Packet, PacketKind};
    ///
    /// let packet = Packet {
    ///     track: 0,
    ///     codec: CodecId::FourCc(FourCc::HEVC),
    ///     kind: PacketKind::Frame,
    ///     frame_type: FrameType::KEY,
    ///     composition_offset: 40,
    ///     nanos: 0,
    ///     data: vec![0, 0, 0, 1, 0x26].into(),
    /// };
    /// assert_eq!(packet.encode(Kind::Video)?[..], *b"\x91hvc1\0\0\x28\0\0\0\x01\x26");
    /// # Ok::<(), airloom_rtmp::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for what no tag of `kind` can say: a script tag, a codec or packet
    /// kind of the other kind, sound of FLV's own codecs but AAC (its header says more than a packet
    /// knows), a track or nanoseconds of FLV's own codecs, and an offset or nanoseconds beyond 24
    /// bits or where the codec has none.
    pub fn encode(&self, kind: Kind) -> Result<Bytes, Error> {
        let mut out = Vec::with_capacity(self.data.len() + 24);
        match (kind, self.codec) {
            (Kind::Video | Kind::Audio, CodecId::FourCc(code)) => {
                self.enhanced(kind, code, &mut out)?;
            }
            (Kind::Video, CodecId::Video(id @ 0..16)) => self.video(id, &mut out)?,
            (Kind::Audio, CodecId::Audio(10)) => self.aac(&mut out)?,
            (_, CodecId::Video(id)) => return Err(unsupported("CodecID", id)),
            (_, CodecId::Audio(id)) => return Err(unsupported("SoundFormat", id)),
            (Kind::Script, CodecId::FourCc(_)) => {
                return Err(unsupported("TagType", Kind::Script as u8));
            }
        }
        out.extend_from_slice(&self.data);
        Ok(out.into())
    }

    fn enhanced(&self, kind: Kind, code: FourCc, out: &mut Vec<u8>) -> Result<(), Error> {
        let video = kind == Kind::Video;
        let frame_type = if video { 8 | self.frame_type()? } else { 9 } << 4;
        // Only metadata of a tag's one track may be of this type: whatever else a reader finds
        // behind it, a multitrack tag too, it takes for a command.
        let alone = self.kind == PacketKind::Metadata && self.track == 0;
        if video && self.frame_type == FrameType::COMMAND && !alone {
            return Err(unsupported("videoFrameType", self.frame_type.0));
        }
        let timed = matches!(code, FourCc::AVC | FourCc::HEVC | FourCc::VVC);
        let offset = video && timed && self.kind == PacketKind::Frame;
        let packet_type = match self.kind {
            PacketKind::SequenceStart => 0,
            // CodedFramesX says that there is no offset.
            PacketKind::Frame if offset && self.composition_offset == 0 => 3,
            PacketKind::Frame => 1,
            PacketKind::SequenceEnd => 2,
            PacketKind::Metadata | PacketKind::MultichannelConfig => 4,
            PacketKind::Mpeg2TsSequenceStart => 5,
            PacketKind::Command(command) => return Err(unsupported("videoCommand", command)),
            PacketKind::Unknown(other) => other,
        };
        let multitrack = if video { MULTITRACK_VIDEO } else { MULTITRACK_AUDIO };
        let known = match self.kind {
            PacketKind::Metadata | PacketKind::Mpeg2TsSequenceStart => video,
            PacketKind::MultichannelConfig => !video,
            PacketKind::Unknown(other) => match other {
                0..=2 | MOD_EX | 16.. => false,
                3..=5 => !video && other == 3,
                other => other != multitrack,
            },
            _ => true,
        };
        if !known {
            return Err(unsupported("packetType", packet_type));
        }
        let offset = if offset { Some(self.offset()?) } else { self.no_offset()? };
        let offset = offset.filter(|_| packet_type == 1);
        let mut packet_type = packet_type;
        let mut track = None;
        if self.track != 0 {
            track = Some(packet_type);
            packet_type = multitrack;
        }
        if self.nanos == 0 {
            out.push(frame_type | packet_type);
        } else {
            let [high, a, b, c] = self.nanos.to_be_bytes();
            if high != 0 {
                return Err(unsupported("timestampOffsetNano", high));
            }
            // Three bytes of nanoseconds, and what they stand in front of.
            out.extend([frame_type | MOD_EX, 2, a, b, c, packet_type]);
        }
        out.extend(track);
        out.extend(code.0);
        out.extend(track.map(|_| self.track));
        out.extend(offset.into_iter().flatten());
        Ok(())
    }

    /// FLV's own video tag.
    fn video(&self, id: u8, out: &mut Vec<u8>) -> Result<(), Error> {
        self.plain()?;
        out.push(self.frame_type()? << 4 | id);
        match (self.kind, self.frame_type) {
            (PacketKind::Command(command), FrameType::COMMAND) => {
                self.no_offset()?;
                out.push(command);
            }
            (_, FrameType::COMMAND) => return Err(unsupported("FrameType", 5)),
            (kind, _) if id == 7 => {
                let kind = match kind {
                    PacketKind::SequenceStart => 0,
                    PacketKind::Frame => 1,
                    PacketKind::SequenceEnd => 2,
                    PacketKind::Unknown(other @ 3..) => other,
                    _ => return Err(unsupported("AVCPacketType", 0)),
                };
                out.push(kind);
                out.extend(self.offset()?);
            }
            (PacketKind::Frame, _) => {
                self.no_offset()?;
            }
            _ => return Err(unsupported("CodecID", id)),
        }
        Ok(())
    }

    /// FLV's own AAC tag: its header is the same for all sound (annex E.4.2.1).
    fn aac(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.plain()?;
        self.no_offset()?;
        let kind = match self.kind {
            PacketKind::SequenceStart => 0,
            PacketKind::Frame => 1,
            PacketKind::Unknown(other @ 2..) => other,
            _ => return Err(unsupported("AACPacketType", 0)),
        };
        out.extend([0xAF, kind]);
        Ok(())
    }

    const fn frame_type(&self) -> Result<u8, Error> {
        if self.frame_type.0 < 8 {
            Ok(self.frame_type.0)
        } else {
            Err(unsupported("FrameType", self.frame_type.0))
        }
    }

    /// Checks that nothing is said that FLV's own header cannot say.
    const fn plain(&self) -> Result<(), Error> {
        if self.track != 0 {
            Err(unsupported("trackId", self.track))
        } else if self.nanos != 0 {
            Err(unsupported("timestampOffsetNano", 0))
        } else {
            Ok(())
        }
    }

    fn offset(&self) -> Result<[u8; 3], Error> {
        let [_, a, b, c] = self.composition_offset.to_be_bytes();
        if self.composition_offset == self.composition_offset << 8 >> 8 {
            Ok([a, b, c])
        } else {
            Err(unsupported("CompositionTime", 0))
        }
    }

    const fn no_offset(&self) -> Result<Option<[u8; 3]>, Error> {
        if self.composition_offset == 0 { Ok(None) } else { Err(unsupported("CompositionTime", 0)) }
    }
}

const fn unsupported(field: &'static str, value: u8) -> Error {
    Error::Unsupported { field, offset: 0, value: value as u64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Packets, Tag};
    use super::*;

    fn codec() -> impl Strategy<Value = CodecId> {
        let codes = [FourCc::AVC, FourCc::HEVC, FourCc::AV1, FourCc::OPUS, FourCc(*b"zz99")];
        prop_oneof![
            prop::sample::select(codes.to_vec()).prop_map(CodecId::FourCc),
            (0..17u8).prop_map(CodecId::Video),
            (0..17u8).prop_map(CodecId::Audio),
        ]
    }

    fn kind() -> impl Strategy<Value = PacketKind> {
        prop_oneof![
            1 => Just(PacketKind::SequenceStart),
            4 => Just(PacketKind::Frame),
            1 => Just(PacketKind::SequenceEnd),
            1 => Just(PacketKind::Metadata),
            1 => Just(PacketKind::Mpeg2TsSequenceStart),
            1 => Just(PacketKind::MultichannelConfig),
            1 => any::<u8>().prop_map(PacketKind::Command),
            1 => (0..18u8).prop_map(PacketKind::Unknown),
        ]
    }

    #[test]
    fn metadata_of_type_command_is_no_track_of_many() {
        let mut packet = Packet {
            track: 0,
            codec: CodecId::FourCc(FourCc::AVC),
            kind: PacketKind::Metadata,
            frame_type: FrameType::COMMAND,
            composition_offset: 0,
            nanos: 0,
            data: Bytes::new(),
        };
        assert_eq!(packet.encode(Kind::Video).unwrap()[..], *b"\xD4avc1");
        packet.track = 1;
        assert_eq!(packet.encode(Kind::Video), Err(unsupported("videoFrameType", 5)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_can_be_written_reads_equal(
            audio in any::<bool>(),
            codec in codec(),
            kind in kind(),
            track in prop_oneof![Just(0), any::<u8>()],
            frame_type in prop_oneof![4 => Just(1), 1 => 0..9u8],
            offset in prop_oneof![
                Just(0), -100..100, Just(-0x80_0000), Just(0x7F_FFFF), Just(0x80_0000),
            ],
            nanos in prop_oneof![Just(0), Just(333_333), Just(0x100_0000)],
            data in prop::collection::vec(any::<u8>(), 0..6),
        ) {
            let tag_kind = if audio { Kind::Audio } else { Kind::Video };
            let packet = Packet {
                track,
                codec,
                kind,
                // Sound has none.
                frame_type: if audio { FrameType::KEY } else { FrameType(frame_type) },
                composition_offset: offset,
                nanos,
                data: data.into(),
            };
            if let Ok(body) = packet.encode(tag_kind) {
                let tag = Tag::new(tag_kind, 0, body);
                let packets: Vec<_> = Packets::new(&tag).unwrap().collect();
                prop_assert_eq!(packets, [Ok(packet)]);
            }
        }
    }
}
