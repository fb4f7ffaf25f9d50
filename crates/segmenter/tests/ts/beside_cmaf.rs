//! CMAF and MPEG-TS of one input hold the same frames with the same times.

use std::collections::BTreeMap;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId};
use airloom_segmenter::{Config, Output, PartSample, Segment, Segmenter};
use proptest::prelude::*;

use crate::reader::{AUDIO, Event, Reader, VIDEO};
use crate::round_trip::{split, wrapped};
use crate::source::{aac, avc, avcc};

const PICTURES: TrackId = TrackId::new(1);
const SOUND: TrackId = TrackId::new(2);

/// A picture of one to three slices, now and then with a parameter set or a delimiter in front.
/// No byte is zero, so that a start code is one.
fn picture() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let slice = prop::collection::vec(1u8.., 1..900);
    (prop::collection::vec(slice, 1..4), prop::sample::select(vec![0u8, 0, 0, 6, 9])).prop_map(
        |(slices, front)| {
            let mut nals: Vec<_> =
                slices.into_iter().map(|body| [vec![0x41], body].concat()).collect();
            if front != 0 {
                nals.insert(0, vec![front, 0xF0]);
            }
            nals
        },
    )
}

fn feed(
    pictures: &[Vec<Vec<u8>>],
    sounds: &[Vec<u8>],
    rate: i64,
    gop: usize,
    depth: i64,
) -> Vec<Output> {
    let mut segmenter = Segmenter::new(Config::default());
    let track = |id, codec| Track { id, timescale: Timescale::MILLIS, codec };
    segmenter.set_track(track(PICTURES, Codec::Avc(avc(4)))).unwrap();
    segmenter.set_track(track(SOUND, Codec::Aac(aac()))).unwrap();
    let mut samples = Vec::new();
    for (frame, nals) in pictures.iter().enumerate() {
        let mut nals = nals.clone();
        if frame % gop == 0 {
            nals.iter_mut().filter(|nal| nal[0] == 0x41).for_each(|nal| nal[0] = 0x65);
        }
        let number = frame as i64;
        samples.push(Sample {
            track: PICTURES,
            decode_time: Timestamp::new(number * 1000 / rate),
            composition_offset: Delta::new(number * 7 % (depth + 1) * 1000 / rate),
            duration: None,
            sync: frame % gop == 0,
            data: avcc(4, &nals).into(),
        });
    }
    for (frame, data) in sounds.iter().enumerate() {
        samples.push(Sample {
            track: SOUND,
            decode_time: Timestamp::new(frame as i64 * 1024 / 48),
            composition_offset: Delta::ZERO,
            duration: None,
            sync: true,
            data: data.clone().into(),
        });
    }
    samples.sort_by_key(|sample| sample.decode_time);
    for sample in samples {
        segmenter.handle_input(sample).unwrap();
    }
    segmenter.finish();
    std::iter::from_fn(|| segmenter.poll_output()).collect()
}

/// The NAL units of a sample behind lengths of four bytes.
fn nals(mut data: &[u8]) -> Vec<&[u8]> {
    let mut nals = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let (nal, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        nals.push(nal);
        data = rest;
    }
    nals
}

/// Without what a transport stream adds: delimiters and parameter sets.
fn slices<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    nals.into_iter().filter(|nal| !matches!(nal[0] & 0x1F, 7..=9)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_same_frames_with_the_same_times(
        pictures in prop::collection::vec(picture(), 60..150),
        sounds in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 60..200),
        rate in 20i64..50, gop in 5usize..40, depth in 0i64..4,
    ) {
        let outputs = feed(&pictures, &sounds, rate, gop, depth);
        let mut cmaf: BTreeMap<(u64, TrackId), Segment> = BTreeMap::new();
        let (mut reader, mut compared) = (Reader::default(), 0);
        let mut transport = Vec::new();
        for output in outputs {
            match output {
                Output::Segment(segment) => drop(cmaf.insert((segment.sequence, segment.track), segment)),
                Output::TsSegment(ts) => transport.push((ts.sequence, reader.read(&ts.render()))),
                _ => {}
            }
        }
        for (sequence, events) in transport {
            for (track, pid) in [(PICTURES, VIDEO), (SOUND, AUDIO)] {
                let units = events.iter().filter_map(Event::unit).filter(|unit| unit.pid == pid);
                let samples: Vec<PartSample<'_>> =
                    cmaf.get(&(sequence, track)).into_iter().flat_map(Segment::samples).collect();
                let units: Vec<_> = units.collect();
                prop_assert_eq!(units.len(), samples.len());
                for (unit, sample) in units.into_iter().zip(samples) {
                    let shown = sample.decode_time.ticks() + sample.composition_offset.ticks();
                    if track == PICTURES {
                        prop_assert_eq!(unit.pts, wrapped(shown));
                        prop_assert_eq!(unit.random_access, sample.sync);
                        let written = split(&unit.data);
                        prop_assert_eq!(
                            slices(written.iter().map(Vec::as_slice)), slices(nals(sample.data))
                        );
                    } else {
                        // 48 kHz in ticks of 90 kHz.
                        let off = unit.pts as i64 - wrapped(shown * 15 / 8) as i64;
                        prop_assert!((0..=1).contains(&off), "{}", off);
                        prop_assert_eq!(&unit.data[7..], &sample.data[..]);
                    }
                    compared += 1;
                }
            }
        }
        prop_assert_eq!(compared, pictures.len() + sounds.len());
    }
}
