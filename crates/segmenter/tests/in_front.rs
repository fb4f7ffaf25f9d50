//! What stands in front of a part, read by the `mp4-atom` crate: kind and edition of the segment,
//! time of production, event messages, segment index; each field of each.

mod rig;

use std::time::Duration;

use airloom_media::{Timestamp, TrackId};
use airloom_segmenter::{Config, EventMessage, Part};
use bytes::Bytes;
use mp4_atom::{Any, DecodeMaybe, Emsg, EmsgTimestamp, FourCC, Prft, ReferenceTime, Sidx, Styp};
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};

/// From 1900, where NTP counts from, to 1970.
const NTP: u64 = 2_208_988_800;
/// When the stream's first picture was produced.
const WALL: Duration = Duration::new(1_700_000_000, 250_000_000);

const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x0DTXXX\0\0\0\x03\0\0\x03\0x";
const CUE: &[u8] = &[0xFC, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xF0, 0, 0, 0, 0];

/// The boxes of a part.
fn boxes(part: &Part) -> Vec<Any> {
    let whole: Vec<u8> = part.chunks().flatten().copied().collect();
    let (mut data, mut boxes) = (&whole[..], Vec::new());
    while let Some(found) = Any::decode_maybe(&mut data).unwrap() {
        boxes.push(found);
    }
    assert!(data.is_empty(), "whole boxes");
    boxes
}

/// Ten seconds of a stream that has everything, with or without parts.
fn stream(low_latency: bool, styp: bool) -> Rig {
    let mut config = Config::default();
    config.sidx = true;
    config.styp = styp;
    if !low_latency {
        config.part = None;
    }
    let mut rig = Rig::with(config, &[video(X264), audio(48_000)]);
    for second in 0..10i64 {
        if second == 1 {
            for track in [VIDEO, AUDIO] {
                rig.segmenter.set_produced(track, Timestamp::ZERO, WALL).unwrap();
            }
        }
        let time = Timestamp::new(second * 1000 + 500);
        let mut cue = EventMessage::scte_35(VIDEO, time, Bytes::from_static(CUE));
        (cue.duration, cue.id, cue.value) =
            (Some(airloom_media::Duration::new(1500)), Some(second as u32), "7".into());
        let tag = EventMessage::id3(AUDIO, time, Bytes::from_static(TAG));
        for message in [cue, tag] {
            rig.segmenter.handle_message(message).unwrap();
        }
        for picture in 0..30i64 {
            let time = second * 1000 + picture * 1000 / 30;
            // Shown later than decoded, as with B-frames.
            let offset = if picture == 0 { 66 } else { [100, 33, 0][picture as usize % 3] };
            rig.picture(time, offset, picture == 0);
        }
        for frame in (second * 48_000).div_euclid(1024)..((second + 1) * 48_000).div_euclid(1024) {
            rig.sound(frame * 1024 / 48);
        }
    }
    rig.finish();
    rig
}

/// What a part must have in front of it, and how many messages there are.
fn look(part: &Part, track: TrackId, styp: bool) -> Vec<Emsg> {
    let boxes = boxes(part);
    let (number, hz) = if track == VIDEO { (1, 90_000) } else { (2, 48_000) };
    let mut messages = Vec::new();
    let (mut styps, mut indices, mut produced) = (0, 0, 0);
    let moof = boxes.iter().position(|found| matches!(found, Any::Moof(_))).unwrap();
    assert!(matches!(boxes[moof..], [Any::Moof(_), Any::Mdat(_)]));
    for (index, found) in boxes[..moof].iter().enumerate() {
        match found {
            Any::Styp(styp) => {
                let brands = [b"msdh", b"cmfs"].map(FourCC::new);
                let expected = Styp {
                    major_brand: brands[0],
                    minor_version: 0,
                    compatible_brands: brands.to_vec(),
                };
                assert_eq!((index, styp), (0, &expected));
                styps += 1;
            }
            Any::Prft(prft) => {
                let ticks = part.start.ticks() as u64;
                let wall = WALL + Duration::from_nanos(ticks * 1_000_000_000 / hz);
                let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
                let expected = (wall.as_secs() + NTP) << 32 | fraction;
                assert!(prft.ntp_timestamp.abs_diff(expected) < 1 << 22, "a millisecond");
                let ntp_timestamp = prft.ntp_timestamp;
                let expected = Prft {
                    reference_track_id: number,
                    ntp_timestamp,
                    media_time: ticks,
                    utc_time_semantics: ReferenceTime::Input,
                };
                assert_eq!(*prft, expected);
                produced += 1;
            }
            Any::Emsg(emsg) => messages.push(emsg.clone()),
            Any::Sidx(sidx) => {
                assert_eq!((index, messages.len(), produced), (styps, 0, 0), "before all but styp");
                self::index(sidx, part, number, hz as u32);
                indices += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((styps, indices), (usize::from(styp && part.index == 0), 1));
    // Known after a second of the stream.
    let since = part.start.ticks() as u64 > hz * 6 / 5;
    assert!(produced <= 1 && (produced == 1 || !since), "{produced}");
    messages
}

/// `sidx` in front of a part tells of that part.
fn index(sidx: &Sidx, part: &Part, number: u32, hz: u32) {
    let shown = part
        .samples()
        .map(|sample| (sample.decode_time.ticks() + sample.composition_offset.ticks()) as u64);
    assert_eq!((sidx.reference_id, sidx.timescale, sidx.first_offset), (number, hz, 0));
    assert_eq!(sidx.earliest_presentation_time, shown.min().unwrap());
    let [reference] = &sidx.references[..] else { panic!("{sidx:?}") };
    assert!(!reference.reference_type, "to media");
    let payload: usize = part.payload.iter().map(Bytes::len).sum();
    // Everything behind the index, which has 52 bytes.
    let end = part.header.windows(4).position(|four| four == b"sidx").unwrap() - 4 + 52;
    assert_eq!(reference.referenced_size as usize, part.header.len() - end + payload);
    assert_eq!(u64::from(reference.subsegment_duration), part.duration.ticks());
    assert_eq!(reference.starts_with_sap, part.independent);
    assert_eq!(reference.sap_type, u8::from(part.independent));
    assert_eq!(reference.sap_delta_time, 0);
}

#[test]
fn each_field_is_what_it_should_be() {
    for (low_latency, styp) in [(true, true), (false, true), (true, false), (false, false)] {
        let rig = stream(low_latency, styp);
        for track in [VIDEO, AUDIO] {
            let mut messages = Vec::new();
            for segment in rig.of(track) {
                if low_latency {
                    assert!(segment.parts.len() > 1);
                }
                messages.extend(segment.parts.iter().flat_map(|part| look(part, track, styp)));
            }
            let expected = (0..10u32).map(|second| {
                let time = u64::from(second) * 1000 + 500;
                let emsg = |timescale, duration, id, scheme: &str, value: &str, data: &[u8]| Emsg {
                    timescale,
                    presentation_time: EmsgTimestamp::Absolute(time * u64::from(timescale) / 1000),
                    event_duration: duration,
                    id,
                    scheme_id_uri: scheme.to_owned(),
                    value: value.to_owned(),
                    message_data: data.to_vec(),
                };
                if track == VIDEO {
                    emsg(90_000, 135_000, second, "urn:scte:scte35:2013:bin", "7", CUE)
                } else {
                    emsg(48_000, u32::MAX, second, "https://aomedia.org/emsg/ID3", "", TAG)
                }
            });
            assert_eq!(messages, expected.collect::<Vec<_>>());
        }
    }
}
