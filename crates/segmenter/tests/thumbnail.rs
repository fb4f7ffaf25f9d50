//! Stills of real keyframes, sheets of them, and what hostile bitstreams get.

mod rig;

use std::time::Duration;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom_segmenter::thumbnail::sprite::{self, Plan};
use airloom_segmenter::thumbnail::{Config, Error, Picture, Size, Thumbnailer};
use bytes::Bytes;
use proptest::prelude::*;
use rig::flv::{self, Tag};
use rig::{AUDIO, VIDEO};

/// H.264 of 160 x 90 with B-pyramids, a keyframe each second: `testsrc2`, whose bars stand still.
fn pyramid() -> (Track, Vec<Sample>) {
    let (mut found, mut samples) = (None, Vec::new());
    for tag in flv::read(include_bytes!("fixtures/pyramid.flv")) {
        match tag {
            Tag::Track(track) if track.id == VIDEO => found = Some(track),
            Tag::Picture { time, offset, sync, data } => samples.push(Sample {
                track: VIDEO,
                decode_time: Timestamp::new(time),
                composition_offset: Delta::new(offset),
                duration: None,
                sync,
                data,
            }),
            _ => {}
        }
    }
    (found.unwrap(), samples)
}

fn keyframes() -> (Track, Vec<Sample>) {
    let (track, mut samples) = pyramid();
    samples.retain(|sample| sample.sync);
    assert_eq!(samples.len(), 3);
    (track, samples)
}

fn with_data(sample: &Sample, data: impl Into<Bytes>) -> Sample {
    Sample { data: data.into(), ..sample.clone() }
}

fn config(track: &Track) -> avc::Config {
    match &track.codec {
        Codec::Avc(config) => config.clone(),
        other => panic!("{other} is not H.264"),
    }
}

/// The colour of a pixel, in hundredths of the picture's sides.
fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let (width, height) = (picture.size().width as usize, picture.size().height as usize);
    let at = (y * height / 100 * width + x * width / 100) * 3;
    picture.rgb()[at..at + 3].try_into().unwrap()
}

/// The two sides of a JPEG file, out of its frame header (T.81, B.2.2).
fn jpeg_size(file: &[u8]) -> (u16, u16) {
    assert!(file.starts_with(&[0xFF, 0xD8]) && file.ends_with(&[0xFF, 0xD9]));
    let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let u16 = |at: usize| u16::from_be_bytes([file[at], file[at + 1]]);
    (u16(frame + 7), u16(frame + 5))
}

#[test]
fn each_keyframe_of_a_stream_with_b_pyramids_gives_its_picture() {
    let (track, samples) = keyframes();
    let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
    let pictures: Vec<_> =
        samples.iter().map(|sample| thumbnailer.handle_input(sample).unwrap()).collect();
    for picture in &pictures {
        assert_eq!(picture.size(), Size { width: 160, height: 90 });
        assert_eq!(jpeg_size(&picture.jpeg(75).unwrap()), (160, 90));
    }
    // The bars at the bottom of the card, before anything moves over them.
    for (x, bar) in [
        (8, [255, 0, 0]),
        (25, [0, 255, 0]),
        (42, [255, 255, 0]),
        (58, [0, 0, 255]),
        (75, [255, 0, 255]),
        (92, [0, 255, 255]),
    ] {
        let found = pixel(&pictures[0], x, 92);
        let near = found.iter().zip(bar).all(|(found, bar)| found.abs_diff(bar) < 24);
        assert!(near, "{found:?} instead of {bar:?}");
    }
    assert_ne!(pictures[0], pictures[1]);
    // A decoder that has seen others gives the same.
    let mut fresh = Thumbnailer::new(&track, Config::default()).unwrap();
    assert_eq!(fresh.handle_input(&samples[2]).unwrap(), pictures[2]);
}

#[test]
fn a_thumbnail_fits_into_its_box() {
    let (track, samples) = keyframes();
    let mut config = Config::default();
    config.size = Size { width: 64, height: 64 };
    let mut thumbnailer = Thumbnailer::new(&track, config).unwrap();
    assert_eq!(thumbnailer.size(), Size { width: 64, height: 36 });
    let picture = thumbnailer.handle_input(&samples[0]).unwrap();
    assert_eq!(picture.size(), thumbnailer.size());
    assert_eq!(picture.rgb().len(), 64 * 36 * 3);
}

#[test]
fn what_cannot_be_decoded_is_refused_before_it_is_tried() {
    let sound = aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap();
    let sound = Track { id: AUDIO, timescale: Timescale::MILLIS, codec: Codec::Aac(sound) };
    assert_eq!(
        Thumbnailer::new(&sound, Config::default()).err(),
        Some(Error::UnsupportedCodec(AUDIO))
    );
    let (track, samples) = pyramid();
    let mut small = Config::default();
    small.limits.pixels = 160 * 90;
    // 96 rows are coded.
    assert_eq!(
        Thumbnailer::new(&track, small.clone()).err(),
        Some(Error::TooLarge { width: 160, height: 96 })
    );
    let mut short = Config::default();
    short.limits.sample_bytes = 100;
    let size = samples[0].data.len();
    let mut thumbnailer = Thumbnailer::new(&track, short).unwrap();
    assert_eq!(thumbnailer.handle_input(&samples[0]), Err(Error::TooManyBytes(size)));

    let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
    assert_eq!(thumbnailer.handle_input(&samples[1]), Err(Error::NotKeyframe));
    let other = Sample { track: TrackId::new(9), ..samples[0].clone() };
    assert_eq!(thumbnailer.handle_input(&other), Err(Error::UnknownTrack(TrackId::new(9))));
    assert_eq!(thumbnailer.handle_input(&with_data(&samples[0], vec![])), Err(Error::NotKeyframe));
    let cut = samples[0].data.slice(..samples[0].data.len() - 1);
    assert!(matches!(
        thumbnailer.handle_input(&with_data(&samples[0], cut)),
        Err(Error::Malformed { field: "NALUnitLength", .. })
    ));
    // The next keyframe does.
    assert!(thumbnailer.handle_input(&samples[0]).is_ok());
}

/// A parameter set in band may say another size than the record's.
#[test]
fn a_parameter_set_in_band_is_looked_at_too() {
    let (track, samples) = keyframes();
    let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
    // Baseline, 16,368 x 16,368.
    let mut large = vec![0x67, 66, 0, 52];
    let mut bits = String::from("1 1 1 010 1 0");
    let ue = |value: u32| {
        let code = format!("{:b}", value + 1);
        format!("{}{code}", "0".repeat(code.len() - 1))
    };
    bits += &(ue(1022) + &ue(1022) + "1 1 0 0 1");
    let bits: String = bits.chars().filter(|bit| *bit != ' ').collect();
    let byte = |bits: &[u8]| {
        bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | (bit - b'0') << (7 - at))
    };
    large.extend(bits.as_bytes().chunks(8).map(byte));
    let in_band = |nal: &[u8]| {
        let mut data = (nal.len() as u32).to_be_bytes().to_vec();
        data.extend_from_slice(nal);
        data.extend_from_slice(&samples[0].data);
        with_data(&samples[0], data)
    };
    assert_eq!(
        thumbnailer.handle_input(&in_band(&large)),
        Err(Error::TooLarge { width: 16_368, height: 16_368 })
    );
    // High 10.
    let mut deep = config(&track).sequence_parameter_sets()[0].to_vec();
    deep[1] = 110;
    assert!(matches!(
        thumbnailer.handle_input(&in_band(&deep)),
        Err(Error::UnsupportedFormat { profile: 110, .. })
    ));
    // One NAL unit that a byte stream would read as two, of which the second hides.
    let mut hidden = vec![0x68, 1, 0, 0, 1];
    hidden.extend_from_slice(&large);
    assert!(matches!(
        thumbnailer.handle_input(&in_band(&hidden)),
        Err(Error::Malformed { field: "emulation_prevention_three_byte", .. })
    ));
    // Zeros behind a NAL unit are no part of it, and messages are passed over.
    let mut padded = config(&track).picture_parameter_sets()[0].to_vec();
    padded.extend([0, 0, 0, 0]);
    assert!(thumbnailer.handle_input(&in_band(&padded)).is_ok());
    assert!(thumbnailer.handle_input(&in_band(&[6, 0, 0, 1, 0x67])).is_ok());
}

#[test]
fn a_picture_cut_short_is_an_error_and_the_next_is_not() {
    let (track, samples) = keyframes();
    let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
    let whole = thumbnailer.handle_input(&samples[1]).unwrap();
    let mut data = samples[0].data.to_vec();
    // Only the slice, cut to its half.
    let mut at = 0;
    while data[at + 4] & 0x1F != 5 {
        at += 4 + u32::from_be_bytes(data[at..at + 4].try_into().unwrap()) as usize;
    }
    let length = u32::from_be_bytes(data[at..at + 4].try_into().unwrap()) / 2;
    data[at..at + 4].copy_from_slice(&length.to_be_bytes());
    data.truncate(at + 4 + length as usize);
    let cut = thumbnailer.handle_input(&with_data(&samples[0], data));
    assert!(matches!(cut, Err(Error::Undecodable { .. })), "{cut:?}");
    assert_eq!(thumbnailer.handle_input(&samples[1]).unwrap(), whole);
}

#[test]
fn a_sheet_shows_each_keyframe_at_its_place() {
    let (track, samples) = keyframes();
    let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
    let mut asked = sprite::Config::default();
    (asked.columns, asked.rows, asked.interval) = (2, 2, Duration::from_millis(900));
    let second = Duration::from_secs(1);
    let plan = Plan::new((0..3).map(|at| second * at), second * 3, thumbnailer.size(), &asked);
    assert_eq!((plan.sheets(), plan.on(0).len(), plan.on(1).len()), (1, 3, 0));
    let mut sheet = plan.sheet(0);
    let mut pictures = Vec::new();
    for (place, tile) in plan.on(0).iter().enumerate() {
        let picture = thumbnailer.handle_input(&samples[tile.keyframe]).unwrap();
        sheet.put(place, &picture);
        pictures.push(picture);
    }
    assert_eq!(sheet.picture().size(), Size { width: 320, height: 180 });
    for (place, picture) in pictures.iter().enumerate() {
        let (x, y) = (place % 2 * 160, place / 2 * 90);
        for row in 0..90 {
            let at = ((y + row) * 320 + x) * 3;
            let own = &picture.rgb()[row * 160 * 3..(row + 1) * 160 * 3];
            assert_eq!(&sheet.picture().rgb()[at..at + 480], own);
        }
    }
    assert_eq!(jpeg_size(&sheet.picture().jpeg(75).unwrap()), (320, 180));
    assert_eq!(
        plan.vtt(|sheet| format!("{sheet}.jpg")),
        "WEBVTT\n\n\
         00:00:00.000 --> 00:00:01.000\n0.jpg#xywh=0,0,160,90\n\n\
         00:00:01.000 --> 00:00:02.000\n0.jpg#xywh=160,0,160,90\n\n\
         00:00:02.000 --> 00:00:03.000\n0.jpg#xywh=0,90,160,90\n"
    );
}

/// Ten hours with a keyframe each 2 s.
#[test]
fn a_long_recording_has_thumbnails_further_apart() {
    let size = Size { width: 160, height: 90 };
    let end = Duration::from_hours(10);
    let keyframes = || (0..18_000).map(|at| Duration::from_secs(at * 2));
    let plan = Plan::new(keyframes(), end, size, &sprite::Config::default());
    assert!((900..=1000).contains(&plan.tiles().len()), "{}", plan.tiles().len());
    assert!(plan.tiles().iter().all(|tile| tile.to >= tile.from + Duration::from_secs(36)));
    assert!(plan.vtt(|_| "a".to_owned()).contains("\n09:59:"));
    let nothing = Plan::new([], end, size, &sprite::Config::default());
    assert_eq!((nothing.sheets(), nothing.vtt(|_| String::new())), (0, "WEBVTT\n".to_owned()));
}

#[test]
fn a_sheet_is_never_larger_than_a_jpeg_file() {
    let mut asked = sprite::Config::default();
    (asked.columns, asked.rows) = (u16::MAX, u16::MAX);
    asked.interval = Duration::ZERO;
    let times = (0..1000).map(Duration::from_secs);
    let size = Size { width: 20_000, height: 1 };
    let plan = Plan::new(times, Duration::from_secs(1000), size, &asked);
    assert_eq!(plan.sheet(0).picture().size(), Size { width: 60_000, height: 334 });
}

proptest! {
    /// The tiles cover the whole time without a hole, each with a keyframe that is not in its future.
    #[test]
    fn every_moment_has_its_thumbnail(
        gaps in prop::collection::vec(1u64..20_000, 1..200),
        interval in 0u64..30_000,
        most in 1usize..50,
        tail in 1u64..10_000,
    ) {
        let mut at = 0;
        let times: Vec<_> = gaps.iter().map(|gap| { at += gap; Duration::from_millis(at) }).collect();
        let end = Duration::from_millis(at + tail);
        let mut asked = sprite::Config::default();
        asked.interval = Duration::from_millis(interval);
        asked.limits.tiles = most;
        let plan = Plan::new(times.clone(), end, Size { width: 16, height: 9 }, &asked);
        let tiles = plan.tiles();
        prop_assert!((1..=most).contains(&tiles.len()));
        prop_assert_eq!((tiles[0].from, tiles[tiles.len() - 1].to), (Duration::ZERO, end));
        for pair in tiles.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert_eq!(times[pair[1].keyframe], pair[1].from);
        }
        prop_assert_eq!((0..plan.sheets()).map(|sheet| plan.on(sheet).len()).sum::<usize>(), tiles.len());
    }

    /// Damaged pictures give a picture or an error, and the decoder goes on.
    #[test]
    fn damage_does_not_last(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (track, samples) = keyframes();
        let mut thumbnailer = Thumbnailer::new(&track, Config::default()).unwrap();
        let mut data = samples[0].data.to_vec();
        for (at, value) in flips {
            let at = at.index(data.len());
            data[at] ^= value;
        }
        if let Ok(picture) = thumbnailer.handle_input(&with_data(&samples[0], data)) {
            prop_assert_eq!(picture.size(), Size { width: 160, height: 90 });
        }
        prop_assert!(thumbnailer.handle_input(&samples[1]).is_ok());
    }
}
