//! Initialization segments of every codec, read by the `mp4-atom` crate and by our own reader.

use airloom_media::{
    Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, ac3, av1, flac, hevc, mp3,
    opus, vp9,
};
use airloom_segmenter::mp4::{Demuxer, Limits};
use airloom_segmenter::{Config, Init, Output, Segmenter};
use bytes::Bytes;
use mp4_atom::{Any, Codec as Entry, DecodeMaybe};

const HEVC: &[u8] = include_bytes!("../../media/src/hevc/x265.bin");
const AV1: &[u8] = include_bytes!("../../media/src/av1/svt.bin");

fn flac() -> flac::Config {
    let mut raw = vec![0x80, 0, 0, 34, 0x12, 0, 0x12, 0, 0, 0, 0, 0, 0, 0];
    raw.extend([0x0B, 0xB8, 0x02, 0xF0, 0, 0, 0, 0]);
    raw.extend([0; 16]);
    flac::Config::decode(Bytes::from(raw)).unwrap()
}

fn codecs() -> Vec<(Codec, &'static str)> {
    let bytes = Bytes::from_static;
    let opus = b"OpusHead\x01\x02\x38\x01\x80\xBB\0\0\0\0\0";
    let eac3 = [0x0B, 0x77, 0x01, 0x7F, 0x34, 0x80];
    let vp9 = vp9::Config::decode(bytes(&[0, 11, 0x82, 2, 2, 2, 0, 0])).unwrap();
    vec![
        (Codec::Hevc(hevc::Config::decode(bytes(HEVC)).unwrap()), "hvc1.1.6.L60.90"),
        (Codec::Av1(av1::Config::decode(bytes(AV1)).unwrap()), "av01.0.00M.08"),
        (Codec::Vp9(vp9.with_size(320, 180)), "vp09.00.11.08"),
        (Codec::Aac(aac::Config::decode(bytes(&[0x11, 0x90])).unwrap()), "mp4a.40.2"),
        (Codec::Aac(aac::Config::decode(bytes(&[0x2B, 0x11, 0x88, 0])).unwrap()), "mp4a.40.5"),
        (Codec::Aac(aac::Config::decode(bytes(&[0xEB, 0x09, 0x88, 0])).unwrap()), "mp4a.40.29"),
        (Codec::Opus(opus::Config::decode_header(opus).unwrap()), "Opus"),
        (Codec::Flac(flac()), "fLaC"),
        (Codec::Ac3(ac3::Config::decode(bytes(&[0x10, 0x3D, 0xE0])).unwrap()), "ac-3"),
        (Codec::Eac3(ac3::EnhancedConfig::of_frame(&eac3).unwrap()), "ec-3"),
        (Codec::Mp3(mp3::Config::of_frame(&[0xFF, 0xFB, 0x90, 0x64]).unwrap()), "mp4a.6B"),
    ]
}

fn init(codec: Codec) -> Init {
    let mut segmenter = Segmenter::new(Config::default());
    let id = TrackId::new(1);
    segmenter.set_track(Track { id, timescale: Timescale::MILLIS, codec }).unwrap();
    for time in 0..3 {
        let sample = Sample {
            track: id,
            decode_time: Timestamp::new(time * 20),
            composition_offset: Delta::ZERO,
            duration: None,
            sync: true,
            data: Bytes::from_static(&[0; 8]),
        };
        segmenter.handle_input(sample).unwrap();
    }
    segmenter.finish();
    std::iter::from_fn(|| segmenter.poll_output())
        .find_map(|output| match output {
            Output::Init(init) => Some(init),
            _ => None,
        })
        .unwrap()
}

#[test]
fn every_codec_has_a_sample_entry_that_others_read() {
    for (codec, name) in codecs() {
        assert_eq!(codec.to_string(), name);
        let init = init(codec.clone());
        let mut data = &init.data[..];
        let mut entries = Vec::new();
        while !data.is_empty() {
            if let Some(Any::Moov(moov)) = Any::decode_maybe(&mut data).unwrap() {
                entries.extend(moov.trak[0].mdia.minf.stbl.stsd.codecs.clone());
            }
        }
        let [entry] = &entries[..] else { panic!("{name}: {entries:?}") };
        let read = match (&codec, entry) {
            (Codec::Hevc(_), Entry::Hvc1(entry)) => entry.visual.width == 320,
            (Codec::Av1(_), Entry::Av01(entry)) => entry.visual.height == 180,
            (Codec::Vp9(_), Entry::Vp09(entry)) => entry.visual.width == 320,
            (Codec::Aac(_) | Codec::Mp3(_), Entry::Mp4a(entry)) => entry.audio.channel_count > 0,
            (Codec::Opus(_), Entry::Opus(entry)) => entry.audio.channel_count == 2,
            (Codec::Flac(_), Entry::Flac(entry)) => entry.audio.channel_count == 2,
            (Codec::Ac3(_), Entry::Ac3(entry)) => entry.audio.channel_count == 6,
            (Codec::Eac3(_), Entry::Eac3(entry)) => entry.audio.channel_count == 2,
            _ => false,
        };
        assert!(read, "{name}: {entry:?}");
    }
}

#[test]
fn every_codec_is_read_back_as_it_was_written() {
    for (codec, name) in codecs() {
        let file = init(codec.clone()).data;
        let mut demuxer = Demuxer::new(file.len() as u64, Limits::default());
        while let Some(range) = demuxer.poll_request() {
            demuxer.handle_input(file.slice(range.start as usize..range.end as usize)).unwrap();
        }
        let index = demuxer.finish().unwrap();
        assert_eq!(index.skipped(), [], "{name}");
        assert_eq!(index.tracks()[0].track().codec, codec, "{name}");
    }
}
