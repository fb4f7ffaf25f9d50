use airloom_media::{
    Codec, Delta, Sample, Sound, Timestamp, Track, TrackId, aac, ac3, av1, avc, flac, hevc, mp3,
    opus, vp9,
};
use bytes::{Buf, Bytes};

use super::{CodecId, ColorInfo, FourCc, FrameType, Kind, Packet, PacketKind, Packets, Tag};
use crate::{Config, Error, Limits, Precision};

/// What a [`TagReader`] makes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A track begins, or goes on under another configuration.
    Track(Track),
    /// One access unit of a track that was described before.
    Sample(Sample),
    /// The color of a video track from its next sample on, of whatever codec it is.
    Color {
        /// The track.
        track: TrackId,
        /// What is known of it.
        color: Box<ColorInfo>,
    },
    /// The tag, or part of it, gave no sample.
    Skipped(Skip),
}

/// Why media gave no sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip {
    /// A codec that `airloom-media` has no name for; said once, until the track's codec changes.
    Codec {
        /// The track it would belong to.
        track: TrackId,
        /// What it is.
        codec: CodecId,
    },
    /// A sample without a (readable) sequence header before it, and before a key frame that says
    /// itself what one would.
    NoSequenceHeader {
        /// The track it would belong to.
        track: TrackId,
    },
    /// A tag or sequence header that could not be read.
    Unreadable(Error),
}

/// Turns FLV tags into tracks and samples.
///
/// H.264, AAC and MP3 in FLV's own tags; these and HEVC, AV1, VP9, Opus, FLAC, AC-3 and E-AC-3 in
/// Enhanced RTMP's, one track a tag or many. Codecs without a sequence header (AC-3, E-AC-3, MP3)
/// are described by their first frame, VP9 by its header and its first key frame, and H.264 and HEVC
/// of encoders that send no header by a key frame that carries the parameter sets. Samples keep
/// the times of their tags to the millisecond, or to the nanosecond where [`Config::precision`]
/// asks for it, and nothing is repaired. A sequence header that repeats the one before is passed
/// over, another one gives the track again. Payloads are slices of the tags'.
///
/// ```
/// use airloom_rtmp::flv::{Event, Kind, Tag, TagReader};
///
/// let mut reader = TagReader::new();
/// let mut events = Vec::new();
/// let header = Tag::new(Kind::Audio, 0, vec![0xAF, 0, 0x11, 0x90].into());
/// reader.read(header, |event| events.push(event));
/// assert!(matches!(&events[..], [Event::Track(track)] if track.codec.to_string() == "mp4a.40.2"));
/// ```
#[derive(Debug, Default)]
pub struct TagReader {
    video: Vec<State>,
    audio: Vec<State>,
    precision: Precision,
    limits: Limits,
}

/// What is known of one track.
#[derive(Debug)]
struct State {
    track: u8,
    id: TrackId,
    codec: CodecId,
    config: Option<Bytes>,
    /// VP9 whose picture size no key frame has told yet.
    sizeless: Option<vp9::Config>,
    /// What the last frame said that describes its track.
    sound: Option<Sound>,
}

/// Sequence headers up to this size are copied, since they are kept for the stream's life and
/// should not pin the message they came in.
const SMALL: usize = 4096;

/// Bytes in the length before each NAL unit where no sequence header says: what all encoders write.
const LENGTH_SIZE: u8 = 4;

impl TagReader {
    /// The video track where there is only one.
    pub const VIDEO: TrackId = TrackId::new(1);
    /// The audio track where there is only one.
    pub const AUDIO: TrackId = TrackId::new(2);

    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`new`](Self::new), with the precision and the bounds on AMF of `config`.
    pub fn with(config: &Config) -> Self {
        Self { precision: config.precision, limits: config.limits.clone(), ..Self::default() }
    }

    /// The id of track `track` of `kind`: odd for video, even for audio.
    pub const fn track_id(kind: Kind, track: u8) -> TrackId {
        let base = if matches!(kind, Kind::Video) { Self::VIDEO } else { Self::AUDIO };
        TrackId::new(base.get() + 2 * track as u32)
    }

    /// Reads one tag, and calls `each` with what it gives, in order. Script tags give nothing.
    #[inline]
    pub fn read(&mut self, tag: Tag, mut each: impl FnMut(Event)) {
        let states = match tag.kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
            Kind::Script => return,
        };
        match plain_frame(states, &tag, self.precision) {
            Some(plain) => each(Event::Sample(plain.sample(tag))),
            None => self.read_packets(&tag, &mut each),
        }
    }

    /// Not generic, so that the one place where frames are passed on is where `each` is built in.
    fn read_packets(&mut self, tag: &Tag, each: &mut dyn FnMut(Event)) {
        let states = match tag.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
            Kind::Script => return,
        };
        let (precision, limits) = (self.precision, &self.limits);
        match Packets::new(tag) {
            Ok(packets) => {
                for packet in packets {
                    match packet {
                        Ok(packet) if packet.kind == PacketKind::Metadata => {
                            color(tag.kind, &packet, limits, each);
                        }
                        Ok(packet) => read(states, tag, packet, precision, each),
                        Err(error) => each(Event::Skipped(Skip::Unreadable(error))),
                    }
                }
            }
            Err(error) => each(Event::Skipped(Skip::Unreadable(error))),
        }
    }
}

/// The frame in one of FLV's own tags, where its track is alone and known: nearly every tag, read
/// without taking it apart as [`Packets`] does.
#[inline]
fn plain_frame(states: &[State], tag: &Tag, precision: Precision) -> Option<Plain> {
    let [State { track: 0, id, codec, config: Some(_), .. }] = states else { return None };
    let (composition_offset, sync, header) = match (codec, tag.data.get(..)?) {
        (CodecId::Video(7), &[first @ (0x17 | 0x27 | 0x37 | 0x47), 1, a, b, c, ..]) => {
            (i32::from_be_bytes([a, b, c, 0]) >> 8, matches!(first >> 4, 1 | 4), 5)
        }
        (CodecId::Audio(10), &[0xA0..=0xAF, 1, ..]) => (0, true, 2),
        _ => return None,
    };
    let (decode_time, composition_offset) = times(tag, composition_offset, 0, precision);
    Some(Plain { track: *id, decode_time, composition_offset, sync, header })
}

/// What the header of such a tag says.
struct Plain {
    track: TrackId,
    decode_time: Timestamp,
    composition_offset: Delta,
    sync: bool,
    /// Its bytes.
    header: usize,
}

impl Plain {
    /// The tag's frame. Its payload is passed on as it is: sharing it first would count a reference
    /// up and down again, for every frame there is.
    #[inline]
    fn sample(self, tag: Tag) -> Sample {
        let Self { track, decode_time, composition_offset, sync, header } = self;
        let mut data = tag.data;
        data.advance(header);
        Sample { track, decode_time, composition_offset, duration: None, sync, data }
    }
}

fn color(kind: Kind, packet: &Packet, limits: &Limits, each: &mut dyn FnMut(Event)) {
    match ColorInfo::decode(&packet.data, limits) {
        Ok(Some(color)) => {
            let track = TagReader::track_id(kind, packet.track);
            each(Event::Color { track, color: Box::new(color) });
        }
        Ok(None) => {}
        Err(error) => each(Event::Skipped(Skip::Unreadable(error))),
    }
}

fn read(
    states: &mut Vec<State>,
    tag: &Tag,
    packet: Packet,
    precision: Precision,
    each: &mut dyn FnMut(Event),
) {
    let known = states.iter().position(|state| state.track == packet.track);
    let known = known.unwrap_or_else(|| {
        states.push(State {
            track: packet.track,
            id: TagReader::track_id(tag.kind, packet.track),
            // No codec that a tag can name, so that the first one counts as a change.
            codec: CodecId::Video(u8::MAX),
            config: None,
            sizeless: None,
            sound: None,
        });
        states.len() - 1
    });
    let Some(state) = states.get_mut(known) else { return };
    if matches!(packet.kind, PacketKind::Command(_)) {
        return;
    }
    let understood = is_understood(packet.codec);
    if state.codec != packet.codec {
        state.codec = packet.codec;
        (state.config, state.sizeless) = (None, None);
        if !understood {
            let skip = Skip::Codec { track: state.id, codec: packet.codec };
            each(Event::Skipped(skip));
        }
    }
    if !understood {
        return;
    }
    match packet.kind {
        PacketKind::SequenceStart => {
            if state.config.as_ref() == Some(&packet.data) {
                return;
            }
            let small = packet.data.len() <= SMALL;
            let raw = if small { Bytes::copy_from_slice(&packet.data) } else { packet.data };
            state.sizeless = None;
            match codec(packet.codec, raw.clone()) {
                Ok(Some(Codec::Vp9(config))) => {
                    state.config = Some(raw);
                    state.sizeless = Some(config);
                }
                Ok(Some(codec)) => {
                    state.config = Some(raw);
                    each(track(state.id, codec, precision));
                }
                // What these send here, if anything, is not what describes them.
                Ok(None) => {}
                Err(error) => {
                    state.config = None;
                    each(Event::Skipped(Skip::Unreadable(error)));
                }
            }
        }
        PacketKind::Frame if !describe(state, &packet, precision, each) => {}
        PacketKind::Frame if state.config.is_none() && !begins(state, &packet, precision, each) => {
        }
        PacketKind::Frame => {
            let (decode_time, composition_offset) =
                times(tag, packet.composition_offset, packet.nanos, precision);
            each(Event::Sample(Sample {
                track: state.id,
                decode_time,
                composition_offset,
                duration: None,
                sync: is_key(packet.frame_type),
                data: packet.data,
            }));
        }
        _ => {}
    }
}

/// When a packet is decoded, and how much later it is shown.
#[inline]
fn times(tag: &Tag, offset: i32, nanos: u32, precision: Precision) -> (Timestamp, Delta) {
    const NANOS: i64 = 1_000_000;
    let (time, offset) = (tag.timestamp, i64::from(offset));
    match precision {
        Precision::Millis => (Timestamp::new(time), Delta::new(offset)),
        // 292 years of nanoseconds fit; the clock of a connection runs 49 days between wraps.
        Precision::Nanos => {
            let time = time.saturating_mul(NANOS).saturating_add(nanos.into());
            (Timestamp::new(time), Delta::new(offset * NANOS))
        }
    }
}

const fn track(id: TrackId, codec: Codec, precision: Precision) -> Event {
    Event::Track(Track { id, timescale: precision.timescale(), codec })
}

fn is_understood(id: CodecId) -> bool {
    matches!(
        id,
        CodecId::Video(7)
            | CodecId::Audio(2 | 10 | 14)
            | CodecId::FourCc(
                FourCc::AVC
                    | FourCc::HEVC
                    | FourCc::AV1
                    | FourCc::VP9
                    | FourCc::AAC
                    | FourCc::OPUS
                    | FourCc::FLAC
                    | FourCc::AC3
                    | FourCc::EAC3
                    | FourCc::MP3
            )
    )
}

/// What a sequence header says; `None` for codecs that have none.
fn codec(id: CodecId, raw: Bytes) -> Result<Option<Codec>, Error> {
    Ok(Some(match id {
        CodecId::FourCc(FourCc::HEVC) => Codec::Hevc(hevc::Config::decode(raw)?),
        CodecId::FourCc(FourCc::AV1) => Codec::Av1(av1::Config::decode(raw)?),
        CodecId::FourCc(FourCc::VP9) => Codec::Vp9(vp9::Config::decode(raw)?),
        CodecId::FourCc(FourCc::OPUS) => Codec::Opus(opus::Config::decode_header(&raw)?),
        CodecId::FourCc(FourCc::FLAC) => Codec::Flac(flac::Config::decode(raw)?),
        id if id.is_avc() => Codec::Avc(avc::Config::decode(raw)?),
        id if id.is_aac() => Codec::Aac(aac::Config::decode(raw)?),
        _ => return Ok(None),
    }))
}

/// What a frame says of itself, for codecs that have no sequence header.
fn described(id: CodecId, frame: &[u8]) -> Option<Result<Codec, Error>> {
    let codec = match id {
        CodecId::FourCc(FourCc::AC3) => ac3::Config::of_frame(frame).map(Codec::Ac3),
        CodecId::FourCc(FourCc::EAC3) => ac3::EnhancedConfig::of_frame(frame).map(Codec::Eac3),
        CodecId::FourCc(FourCc::MP3) | CodecId::Audio(2 | 14) => {
            mp3::Config::of_frame(frame).map(Codec::Mp3)
        }
        _ => return None,
    };
    Some(codec.map_err(Error::from))
}

/// Gives the track where a frame is what describes it; whether the frame can be used.
fn describe(
    state: &mut State,
    packet: &Packet,
    precision: Precision,
    each: &mut dyn FnMut(Event),
) -> bool {
    if let Some(config) = &state.sizeless {
        let Some((width, height)) = vp9::picture_size(&packet.data) else {
            each(Event::Skipped(Skip::NoSequenceHeader { track: state.id }));
            return false;
        };
        each(track(state.id, Codec::Vp9(config.clone().with_size(width, height)), precision));
        state.sizeless = None;
    }
    match described(packet.codec, &packet.data) {
        None => true,
        Some(Ok(codec)) => {
            // Not by the whole description: that of E-AC-3 changes with the size of its frames.
            let sound = codec.sound();
            if state.config.is_none() || state.sound != sound {
                (state.config, state.sound) = (Some(Bytes::new()), sound);
                each(track(state.id, codec, precision));
            }
            true
        }
        Some(Err(error)) => {
            each(Event::Skipped(Skip::Unreadable(error)));
            false
        }
    }
}

/// Gives the track where there is no sequence header and a key frame carries its parameter sets;
/// whether there is a track now.
fn begins(
    state: &mut State,
    packet: &Packet,
    precision: Precision,
    each: &mut dyn FnMut(Event),
) -> bool {
    match in_band(packet).transpose() {
        None => each(Event::Skipped(Skip::NoSequenceHeader { track: state.id })),
        Some(Ok((raw, codec))) => {
            // So that a sequence header that says the same changes nothing.
            state.config = Some(raw);
            each(track(state.id, codec, precision));
        }
        Some(Err(error)) => each(Event::Skipped(Skip::Unreadable(error))),
    }
    state.config.is_some()
}

/// The configuration in a key frame, and its record.
fn in_band(packet: &Packet) -> Result<Option<(Bytes, Codec)>, Error> {
    let (id, data) = (packet.codec, &packet.data);
    Ok(if !is_key(packet.frame_type) {
        None
    } else if id.is_avc() {
        avc::Config::of_access_unit(data, LENGTH_SIZE)?
            .map(|config| (config.raw().clone(), Codec::Avc(config)))
    } else if id == CodecId::FourCc(FourCc::HEVC) {
        hevc::Config::of_access_unit(data, LENGTH_SIZE)?
            .map(|config| (config.raw().clone(), Codec::Hevc(config)))
    } else {
        None
    })
}

const fn is_key(frame_type: FrameType) -> bool {
    matches!(frame_type, FrameType::KEY | FrameType::GENERATED_KEY)
}

#[cfg(test)]
mod tests {
    use airloom_media::Timescale;
    use proptest::prelude::*;

    use super::*;

    /// 320x240, Baseline: the smallest record that is complete.
    const AVC: &[u8] = &[
        1, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69, 1,
        0, 2, 0x68, 0xCE,
    ];

    const X265: &[u8] = include_bytes!("../../../media/src/hevc/x265.bin");

    fn events(reader: &mut TagReader, kind: Kind, timestamp: i64, parts: &[&[u8]]) -> Vec<Event> {
        let mut events = Vec::new();
        let tag = Tag::new(kind, timestamp, parts.concat().into());
        reader.read(tag, |event| events.push(event));
        events
    }

    fn codec_string(event: &Event) -> String {
        let Event::Track(track) = event else { panic!("{event:?}") };
        format!("{} {}", track.id, track.codec)
    }

    #[test]
    fn avc_in_both_forms_gives_the_same_samples() {
        for (header, frame) in
            [(&b"\x17\0\0\0\0"[..], &b"\x27\x01\0\0\x21"[..]), (b"\x90avc1", b"\xA1avc1\0\0\x21")]
        {
            let mut reader = TagReader::new();
            let track = events(&mut reader, Kind::Video, 0, &[header, AVC]);
            assert_eq!(codec_string(&track[0]), "1 avc1.42C00D");
            let sample = Sample {
                track: TagReader::VIDEO,
                decode_time: Timestamp::new(-7),
                composition_offset: Delta::new(33),
                duration: None,
                sync: false,
                data: Bytes::from_static(b"\0\0\0\x01\x41"),
            };
            assert_eq!(
                events(&mut reader, Kind::Video, -7, &[frame, b"\0\0\0\x01\x41"]),
                [Event::Sample(sample)]
            );
        }
    }

    #[test]
    fn nanoseconds_reach_the_sample_exactly() {
        let config = Config { precision: Precision::Nanos, ..Config::default() };
        let mut reader = TagReader::with(&config);
        let track = events(&mut reader, Kind::Video, 0, &[b"\x90avc1", AVC]);
        assert!(matches!(&track[0], Event::Track(track) if track.timescale == Timescale::NANOS));
        // 40 ms and 333,333 ns; shown 20 ms later. Then a frame without ModEx, before the epoch.
        let frame = b"\xA7\x02\x05\x16\x15\x01avc1\0\0\x14x";
        for (time, frame, decode, offset) in [
            (40, &frame[..], 40_333_333, 20_000_000),
            (-7, b"\xA1avc1\xFF\xFF\xFFx", -7_000_000, -1_000_000),
        ] {
            let events = events(&mut reader, Kind::Video, time, &[frame]);
            let [Event::Sample(sample)] = &events[..] else { panic!("{events:?}") };
            assert_eq!(sample.decode_time, Timestamp::new(decode));
            assert_eq!(sample.composition_offset, Delta::new(offset));
        }
    }

    #[test]
    fn color_comes_with_any_codec_and_its_track() {
        let mut reader = TagReader::new();
        let reset = b"\x02\0\x09colorInfo\x06";
        let events_of =
            |reader: &mut _, head: &[u8], tail| events(reader, Kind::Video, 0, &[head, tail]);
        assert!(matches!(
            &events_of(&mut reader, b"\x96\x04hvc1\x01", reset)[..],
            [Event::Color { track, color }]
                if *track == TagReader::track_id(Kind::Video, 1) && color.is_reset()
        ));
        assert!(matches!(
            events_of(&mut reader, b"\x94av01", b"\x02\0\x09colorInfo\x00")[..],
            [Event::Skipped(Skip::Unreadable(_))]
        ));
        assert_eq!(events(&mut reader, Kind::Video, 0, &[b"\x94av01"]), []);
    }

    #[test]
    fn a_sequence_header_counts_when_it_changes() {
        let mut reader = TagReader::new();
        let mut header = |config: &[u8]| events(&mut reader, Kind::Audio, 0, &[b"\xAF\0", config]);
        assert_eq!(codec_string(&header(&[0x11, 0x90])[0]), "2 mp4a.40.2");
        assert_eq!(header(&[0x11, 0x90]), []);
        assert_eq!(header(&[0x12, 0x08]).len(), 1);
        assert!(matches!(
            header(&[0x16, 0x90])[..],
            [Event::Skipped(Skip::Unreadable(Error::Codec(_)))]
        ));
        // What cannot be read leaves no configuration behind.
        assert_eq!(
            events(&mut reader, Kind::Audio, 0, &[b"\xAF\x01x"]),
            [Event::Skipped(Skip::NoSequenceHeader { track: TagReader::AUDIO })]
        );
    }

    #[test]
    fn parameter_sets_in_a_key_frame_stand_for_a_sequence_header() {
        const SETS: &[u8] = b"\0\0\0\x08\x67\x42\xC0\x0D\xDA\x0F\x0A\x69\0\0\0\x02\x68\xCE";
        let hevc: Vec<_> = hevc::Config::decode(Bytes::from_static(X265))
            .unwrap()
            .parameter_sets()
            .iter()
            .flat_map(|set| [&(set.len() as u32).to_be_bytes(), &set[..]].concat())
            .collect();
        for (key, inter, sets, slice, name) in [
            (&b"\x17\x01\0\0\0"[..], &b"\x27\x01\0\0\0"[..], SETS, b"\x65\x88", "avc1.42C00D"),
            (b"\x93avc1", b"\xA3avc1", SETS, b"\x65\x88", "avc1.42C00D"),
            (b"\x93hvc1", b"\xA3hvc1", &hevc, b"\x26\x01", "hvc1.1.6.L60.90"),
        ] {
            let mut reader = TagReader::new();
            let slice = [b"\0\0\0\x03", &slice[..], b"\xA0"].concat();
            let mut read = |parts: &[&[u8]]| events(&mut reader, Kind::Video, 0, parts);
            let skipped = [Event::Skipped(Skip::NoSequenceHeader { track: TagReader::VIDEO })];
            // Not in a frame that nobody can start with, nor where there are none.
            assert_eq!(read(&[inter, sets, &slice]), skipped);
            assert_eq!(read(&[key, &slice]), skipped);
            let found = read(&[key, sets, &slice]);
            assert_eq!(codec_string(&found[0]), format!("1 {name}"));
            assert!(matches!(&found[1..], [Event::Sample(sample)] if sample.sync));
            assert!(matches!(read(&[inter, &slice])[..], [Event::Sample(_)]));
            assert!(matches!(read(&[key, sets, &slice])[..], [Event::Sample(_)]));
        }
    }

    #[test]
    fn a_sequence_header_replaces_what_a_key_frame_said() {
        let mut reader = TagReader::new();
        let mut read = |parts: &[&[u8]]| events(&mut reader, Kind::Video, 0, parts);
        let key = b"\x17\x01\0\0\0\0\0\0\x08\x67\x42\xC0\x0D\xDA\x0F\x0A\x69\0\0\0\x02\x68\xCE";
        assert_eq!(read(&[key]).len(), 2);
        // The same once more, then another.
        assert_eq!(read(&[b"\x17\0\0\0\0", AVC]), []);
        let other = [AVC, b"\0"].concat();
        assert_eq!(codec_string(&read(&[b"\x17\0\0\0\0", &other])[0]), "1 avc1.42C00D");
    }

    #[test]
    fn sets_that_cannot_be_read_are_said_so() {
        let mut reader = TagReader::new();
        for frame in [&b"\0\0\0\x09\x67"[..], b"\0\0\0\x01\x67\x42"] {
            assert!(matches!(
                events(&mut reader, Kind::Video, 0, &[b"\x17\x01\0\0\0", frame])[..],
                [Event::Skipped(Skip::Unreadable(Error::Codec(_)))]
            ));
        }
    }

    #[test]
    fn an_unknown_codec_is_said_once() {
        let mut reader = TagReader::new();
        let codec = CodecId::FourCc(super::super::FourCc::VVC);
        let skip = Skip::Codec { track: TagReader::VIDEO, codec };
        assert_eq!(events(&mut reader, Kind::Video, 0, &[b"\x90vvc1x"]), [Event::Skipped(skip)]);
        assert_eq!(events(&mut reader, Kind::Video, 0, &[b"\x93vvc1x"]), []);
    }

    /// Enhanced RTMP v2: the sequence start of Opus is its identification header.
    #[test]
    fn opus_and_vp9_are_described_as_they_come() {
        let mut reader = TagReader::new();
        let head = b"\x90OpusOpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
        let found = events(&mut reader, Kind::Audio, 0, &[head]);
        assert_eq!(codec_string(&found[0]), "2 Opus");
        assert!(matches!(
            events(&mut reader, Kind::Audio, 20, &[b"\x91Opus\xFC\x01"])[..],
            [Event::Sample(_)]
        ));

        let start = b"\x90vp09\x01\0\0\0\0\x0B\x82\x02\x02\x02\0\0";
        assert_eq!(events(&mut reader, Kind::Video, 0, &[start]), []);
        let key = b"\x91vp09\x82\x49\x83\x42\x00\x13\xF0\x0B\x36";
        let found = events(&mut reader, Kind::Video, 0, &[key]);
        let Event::Track(track) = &found[0] else { panic!("{found:?}") };
        let picture = track.codec.picture().unwrap();
        assert_eq!((picture.width, picture.height), (320, 180));
        assert!(matches!(found[1], Event::Sample(_)));
    }

    #[test]
    fn codecs_without_a_sequence_header_are_described_by_a_frame() {
        let mut reader = TagReader::new();
        let frame = b"\x91ac-3\x0B\x77\0\0\x1E\x40\xE1";
        let mut read = |parts: &[&[u8]]| events(&mut reader, Kind::Audio, 0, parts);
        let found = read(&[frame]);
        assert_eq!(codec_string(&found[0]), "2 ac-3");
        assert!(matches!(found[1], Event::Sample(_)));
        assert!(matches!(read(&[frame])[..], [Event::Sample(_)]));
        // FLV's own MP3, as old encoders send it.
        let found = read(&[b"\x2F\xFF\xFB\x90\x64"]);
        assert_eq!(codec_string(&found[0]), "2 mp4a.6B");
        assert!(matches!(read(&[b"\x2F????"])[..], [Event::Skipped(Skip::Unreadable(_))]));
    }

    #[test]
    fn every_track_of_a_tag_is_its_own() {
        let mut reader = TagReader::new();
        let events = events(
            &mut reader,
            Kind::Audio,
            0,
            &[b"\x95\x10mp4a\x00\0\0\x02\x11\x90\x01\0\0\x02\x12\x08"],
        );
        assert_eq!(
            events.iter().map(codec_string).collect::<Vec<_>>(),
            ["2 mp4a.40.2", "4 mp4a.40.2"]
        );
    }

    #[test]
    fn cut_off_and_empty_tags_are_harmless() {
        let mut reader = TagReader::new();
        assert_eq!(events(&mut reader, Kind::Video, 0, &[]), []);
        assert!(matches!(
            events(&mut reader, Kind::Video, 0, &[&[0x17]])[..],
            [Event::Skipped(Skip::Unreadable(_))]
        ));
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_long_one(
            kind in prop_oneof![Just(Kind::Audio), Just(Kind::Video)],
            first in prop_oneof![any::<u8>(), Just(0x17), Just(0x27), Just(0xAF)],
            rest in prop::collection::vec(prop_oneof![0..3u8, any::<u8>()], 0..12),
        ) {
            let mut reader = TagReader::new();
            events(&mut reader, Kind::Audio, 0, &[&[0xAF, 0, 0x11, 0x90]]);
            events(&mut reader, Kind::Video, 0, &[b"\x17\0\0\0\0", AVC]);
            let tag = Tag::new(kind, 40, [&[first], &rest[..]].concat().into());
            let states = if kind == Kind::Video { &mut reader.video } else { &mut reader.audio };
            let precision = Precision::Millis;
            if let Some(plain) = plain_frame(states, &tag, precision) {
                let mut long = Vec::new();
                for packet in Packets::new(&tag).unwrap() {
                    read(states, &tag, packet.unwrap(), precision, &mut |event| long.push(event));
                }
                prop_assert_eq!(long, [Event::Sample(plain.sample(tag))]);
            } else {
                let usual = matches!((kind, first, rest.as_slice()),
                    (Kind::Audio, 0xAF, [1, ..]) | (Kind::Video, 0x17 | 0x27, [1, _, _, _, ..]));
                prop_assert!(!usual, "the short way is taken where it can be");
            }
        }
    }
}
