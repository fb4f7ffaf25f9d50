//! Encrypted output: its structure, and that it is decrypted to what went in, by what stands in its
//! own boxes and the key they name. That ffmpeg decrypts it to the same frames is among the
//! end-to-end tests.
#![cfg(feature = "encryption")]

mod decryptor;
mod recording;
#[path = "../rig/mod.rs"]
mod rig;
mod rotation;
mod runs;

use airloom_media::{Codec, TrackId, av1};
use airloom_segmenter::encrypt::{Encryptor, Error, Key, Scheme};
use airloom_segmenter::{Config, Init, Output, Part, Segment, Segmenter};
use bytes::Bytes;
use rig::boxes::{at, children};
use rig::flv::{self, Tag};
use rig::{AUDIO, VIDEO};

const FIXTURE: &[u8] = include_bytes!("../fixtures/pyramid.flv");

/// What the segmenter makes of the fixture.
fn clear() -> Vec<Output> {
    let mut config = Config::default();
    config.segment = std::time::Duration::from_millis(500);
    config.sidx = true;
    let mut segmenter = Segmenter::new(config);
    let mut outputs = Vec::new();
    for tag in flv::read(FIXTURE) {
        let sample = |track, time, offset, sync, data| airloom_media::Sample {
            track,
            decode_time: airloom_media::Timestamp::new(time),
            composition_offset: airloom_media::Delta::new(offset),
            duration: None,
            sync,
            data,
        };
        match tag {
            Tag::Track(track) => segmenter.set_track(track).unwrap(),
            Tag::Picture { time, offset, sync, data } => {
                segmenter.handle_input(sample(VIDEO, time, offset, sync, data)).unwrap();
            }
            Tag::Sound { time, data } => {
                segmenter.handle_input(sample(AUDIO, time, 0, true, data)).unwrap();
            }
        }
        outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    }
    segmenter.finish();
    outputs.extend(std::iter::from_fn(|| segmenter.poll_output()));
    outputs
}

fn key(number: u8) -> Key {
    Key::new([number; 16], content(number), [7; 16])
}

/// What a key of [`key`] encrypts with.
fn content(number: u8) -> [u8; 16] {
    [number ^ 0x5E; 16]
}

fn encrypt(encryptor: &mut Encryptor, output: Output) -> Vec<Output> {
    encryptor.handle_input(output).unwrap();
    std::iter::from_fn(|| encryptor.poll_output()).collect()
}

fn segments(outputs: &[Output], track: TrackId) -> Vec<Segment> {
    let segment = |output: &Output| match output {
        Output::Segment(segment) if segment.track == track => Some(segment.clone()),
        _ => None,
    };
    outputs.iter().filter_map(segment).collect()
}

fn inits(outputs: &[Output]) -> Vec<Init> {
    let init = |output: &Output| match output {
        Output::Init(init) => Some(init.clone()),
        _ => None,
    };
    outputs.iter().filter_map(init).collect()
}

fn bytes(part: &Part) -> Vec<u8> {
    part.chunks().flat_map(|chunk| chunk.to_vec()).collect()
}

#[test]
fn every_part_is_encrypted_and_its_segment_is_made_of_the_same_bytes() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let clear = clear();
        let mut encryptor = Encryptor::new(scheme, key(1));
        let mut outputs = Vec::new();
        for output in clear.clone() {
            outputs.extend(encrypt(&mut encryptor, output));
        }
        for track in [VIDEO, AUDIO] {
            let (before, after) = (segments(&clear, track), segments(&outputs, track));
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(&after) {
                assert_eq!((before.start, before.duration), (after.start, after.duration));
                let size = after.parts.iter().map(|part| bytes(part).len()).sum::<usize>();
                assert_eq!(after.size, size);
                let first = bytes(&after.parts[0]);
                let at = first.windows(4).position(|four| four == b"sidx").unwrap() - 4;
                let told = u32::from_be_bytes(first[at + 40..at + 44].try_into().unwrap());
                assert_eq!(told as usize, first.len() - at - 52);
                let mut changed = 0;
                for (before, after) in before.samples().zip(after.samples()) {
                    assert_eq!(before.data.len(), after.data.len());
                    changed += usize::from(before.data != after.data);
                }
                assert!(changed > 0, "{track} {}", after.sequence);
                if track == AUDIO {
                    // CBC leaves what is less than a block.
                    let least = if scheme == Scheme::Cbcs { 16 } else { 1 };
                    let long = before.samples().filter(|sample| sample.data.len() >= least);
                    assert_eq!(changed, long.count());
                }
            }
            let parts: Vec<_> = outputs
                .iter()
                .filter_map(|output| match output {
                    Output::Part(part) if part.track == track => Some(bytes(part)),
                    _ => None,
                })
                .collect();
            let in_segments: Vec<_> =
                after.iter().flat_map(|segment| segment.parts.iter().map(bytes)).collect();
            assert_eq!(parts, in_segments);
        }
        assert!(!outputs.iter().any(|output| matches!(output, Output::TsSegment(_))));
    }
}

#[test]
fn auxiliary_information_is_where_saio_says() {
    let mut encryptor = Encryptor::new(Scheme::Cenc, key(1));
    let mut outputs = Vec::new();
    for output in clear() {
        outputs.extend(encrypt(&mut encryptor, output));
    }
    let video = &segments(&outputs, VIDEO)[0];
    let part = bytes(&video.parts[0]);
    let moof = part.windows(4).position(|four| four == b"moof").unwrap() - 4;
    let traf = at(&part[moof..], &[b"moof", b"traf"]);
    let kinds: Vec<_> = children(traf).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [*b"tfhd", *b"tfdt", *b"trun", *b"saiz", *b"saio", *b"senc"]);
    let saio = at(traf, &[b"saio"]);
    let offset = u32::from_be_bytes(saio[8..12].try_into().unwrap()) as usize;
    let senc = part.windows(4).position(|four| four == b"senc").unwrap();
    assert_eq!(moof + offset, senc + 12);
    let told = at(traf, &[b"saiz"]);
    let sizes: usize = told[9..].iter().map(|size| usize::from(*size)).sum();
    assert_eq!(sizes, at(traf, &[b"senc"]).len() - 8);
}

#[test]
fn pssh_is_passed_through() {
    let pssh = Bytes::from_static(b"\0\0\0\x20pssh\0\0\0\0................\0\0\0\0");
    let mut encryptor = Encryptor::new(Scheme::Cbcs, key(1).with_pssh(pssh.clone()));
    let mut outputs = Vec::new();
    for output in clear() {
        outputs.extend(encrypt(&mut encryptor, output));
    }
    for init in inits(&outputs) {
        assert_eq!(at(&init.data, &[b"moov", b"pssh"]), &pssh[8..]);
    }
}

#[test]
fn what_cannot_be_encrypted_is_refused() {
    let mut init = inits(&clear()).remove(0);
    let raw = Bytes::from_static(&[0x81, 0, 0x0C, 0]);
    init.codec = Codec::Av1(av1::Config::decode(raw).unwrap());
    let mut encryptor = Encryptor::new(Scheme::Cbcs, key(1));
    let refused = encryptor.handle_input(Output::Init(init.clone())).unwrap_err();
    assert_eq!(refused, Error::UnsupportedCodec(init.track));
    let part = clear().into_iter().find(|output| matches!(output, Output::Part(_))).unwrap();
    assert!(matches!(encryptor.handle_input(part), Err(Error::UnknownTrack(_))));
}

/// A track that goes on with a codec that is refused does not go on under the description before.
#[test]
fn what_follows_a_refused_init_is_refused() {
    let clear = clear();
    let mut encryptor = Encryptor::new(Scheme::Cbcs, key(1));
    let mut init = inits(&clear).into_iter().find(|init| init.track == VIDEO).unwrap();
    encryptor.handle_input(Output::Init(init.clone())).unwrap();
    let raw = Bytes::from_static(&[0x81, 0, 0x0C, 0]);
    (init.id, init.codec) = (1, Codec::Av1(av1::Config::decode(raw).unwrap()));
    let refused = Err(Error::UnsupportedCodec(VIDEO));
    assert_eq!(encryptor.handle_input(Output::Init(init.clone())), refused);
    for output in clear {
        if matches!(&output, Output::Part(part) if part.track == VIDEO)
            || matches!(&output, Output::Segment(segment) if segment.track == VIDEO)
        {
            assert_eq!(encryptor.handle_input(output), refused);
        }
    }
    assert!(encryptor.poll_output().is_none());
}
