//! How loud an encoder's sound is.

mod rig;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, aac, avc};
use airloom_segmenter::Error;
use airloom_segmenter::level::{Level, Meter};
use bytes::Bytes;
use rig::flv::{self, Tag};
use rig::{AUDIO, VIDEO, X264};

fn sound(time: i64, data: Bytes) -> Sample {
    Sample {
        track: AUDIO,
        decode_time: Timestamp::new(time),
        composition_offset: Delta::ZERO,
        duration: None,
        sync: true,
        data,
    }
}

fn levels(file: &'static [u8]) -> (Vec<Level>, Meter) {
    let (mut levels, mut meter) = (Vec::new(), None);
    for tag in flv::read(file) {
        match tag {
            Tag::Track(track) if track.id == AUDIO => meter = Some(Meter::new(&track).unwrap()),
            Tag::Sound { time, data } => {
                levels.extend(meter.as_mut().unwrap().handle_input(&sound(time, data)));
            }
            _ => {}
        }
    }
    (levels, meter.unwrap())
}

/// ffmpeg's `sine` source has an amplitude of an eighth: -18 dB, and 3 dB less on average.
#[test]
fn a_sine_wave_of_an_eighth() {
    let (levels, meter) = levels(include_bytes!("fixtures/pyramid.flv"));
    assert!(levels.len() > 100 && meter.failures() == 0);
    // The first frames are the encoder's start.
    let steady = &levels[4..levels.len() - 4];
    assert!(steady.iter().all(|level| (-1900..=-1300).contains(&level.peak)), "{steady:?}");
    let mean = steady.iter().map(|level| level.loudness).sum::<i32>() / steady.len() as i32;
    assert!((-2200..=-2000).contains(&mean), "{mean}");
    assert!(meter.silence().is_zero());
}

/// A sawtooth of a quarter: -12 dB, and 4.8 dB less on average. The core has most of it.
#[test]
fn he_aac_by_its_core() {
    for file in [
        &include_bytes!("fixtures/he-explicit.flv")[..],
        include_bytes!("fixtures/he-compatible.flv"),
        include_bytes!("fixtures/he-implicit.flv"),
        include_bytes!("fixtures/hev2-explicit.flv"),
    ] {
        let (levels, meter) = levels(file);
        assert_eq!(meter.failures(), 0);
        for level in &levels[6..levels.len() - 2] {
            assert!((-2400..=-1400).contains(&level.loudness), "{level:?}");
            assert!(level.peak > level.loudness);
        }
    }
}

#[test]
fn silence_is_counted_in_samples_and_rubbish_is_not_a_level() {
    let config = aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap();
    let track = Track { id: AUDIO, timescale: Timescale::MILLIS, codec: Codec::Aac(config) };
    let mut meter = Meter::new(&track).unwrap();
    for frame in 0..375 {
        let data = Bytes::from_static(&[0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C]);
        meter.handle_input(&sound(frame * 1024 / 48, data)).unwrap();
    }
    assert_eq!(meter.silence().as_millis(), 8000);
    assert_eq!(meter.handle_input(&sound(0, Bytes::from_static(&[0x21, 0x10]))), None);
    assert_eq!(meter.failures(), 1);
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let config = avc::Config::decode(Bytes::from_static(X264)).unwrap();
    let track = Track { id: VIDEO, timescale: Timescale::MILLIS, codec: Codec::Avc(config) };
    assert_eq!(Meter::new(&track).err(), Some(Error::UnsupportedCodec(VIDEO)));
}
