//! Thirty days of one stream on virtual time, the 32-bit wrap of RTMP's milliseconds in the middle
//! and 27 wraps of MPEG-TS on the way: nothing drifts, nothing grows, nothing is lost.
//!
//! Pictures and frames of sound last eight seconds each, so that a month is quick; what has to hold
//! does not depend on how many there are a second.

use std::time::Duration;

use airloom_media::{
    Codec, Delta, Rounding, Sample, Timescale, Timestamp, Track, TrackId, Unwrapper, avc, flac,
};
use airloom_segmenter::{Config, Output, Segmenter};
use bytes::Bytes;

const VIDEO: TrackId = TrackId::new(1);
const AUDIO: TrackId = TrackId::new(2);

/// 320x240, Baseline.
const AVC: &[u8] = &[
    1, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69, 1, 0, 2,
    0x68, 0xCE,
];

/// Samples in a frame of sound, and how many of them a second has: a frame is a thousandth longer
/// than a picture, and no whole number of milliseconds.
const BLOCK: u64 = 64_000;
const HZ: u64 = 7_999;

/// `STREAMINFO`: blocks of [`BLOCK`] samples, [`HZ`], one channel of 16 bits.
fn flac() -> flac::Config {
    let [high, low] = (BLOCK as u16).to_be_bytes();
    let mut raw = vec![0x80, 0, 0, 34, high, low, high, low, 0, 0, 0, 0, 0, 0];
    raw.extend([(HZ >> 12) as u8, (HZ >> 4) as u8, (HZ << 4) as u8, 0xF0, 0, 0, 0, 0]);
    raw.extend([0; 16]);
    flac::Config::decode(Bytes::from(raw)).unwrap()
}

const DAYS: u64 = 30;
const PICTURES: u64 = DAYS * 86_400 / 8;

/// What the encoder's clock shows when the stream begins: it wraps on the fifteenth day.
const BEGIN: u64 = (1 << 32) - 15 * 86_400_000;

fn sample(track: TrackId, time: i64, sync: bool, data: &'static [u8]) -> Sample {
    Sample {
        track,
        decode_time: Timestamp::new(time),
        composition_offset: Delta::ZERO,
        duration: None,
        sync,
        data: Bytes::from_static(data),
    }
}

#[derive(Default)]
struct Seen {
    samples: [u64; 2],
    ends: [Option<i64>; 2],
    ts_segments: u64,
    ts_end: Option<i64>,
    sequence: u64,
    gaps: u64,
}

impl Seen {
    fn see(&mut self, output: &Output) {
        match output {
            Output::Segment(segment) => {
                let track = usize::from(segment.track == AUDIO);
                for sample in segment.samples() {
                    let time = sample.decode_time.ticks();
                    assert_eq!(self.ends[track].unwrap_or(time), time, "without a hole or a step");
                    self.ends[track] = Some(time + sample.duration.ticks() as i64);
                    self.stands(track, time);
                    self.samples[track] += 1;
                }
                self.sequence = self.sequence.max(segment.sequence);
            }
            Output::TsSegment(segment) => {
                let start = segment.start.ticks();
                assert_eq!(self.ts_end.unwrap_or(start), start);
                self.ts_end = Some(start + segment.duration.ticks() as i64);
                self.ts_segments += 1;
            }
            Output::Event(airloom_segmenter::Event::TsUnsupported { track: AUDIO, .. })
            | Output::Init(_) => {}
            // A frame longer than the picture leaves a segment empty once in eighteen hours.
            Output::Gap(gap) if gap.track == AUDIO => self.gaps += 1,
            other => panic!("{other:?}"),
        }
    }

    /// A sample is where the source had it: pictures to the tick, sound to the millisecond that its
    /// clock was rounded to.
    fn stands(&self, track: usize, time: i64) {
        let number = self.samples[track];
        if track == 0 {
            assert_eq!(time, ((BEGIN + number * 8000) * 90) as i64);
        } else {
            let first = (BEGIN * HZ + 500) / 1000;
            assert_eq!(time, (first + number * BLOCK) as i64, "counted in samples");
        }
    }
}

#[test]
fn nothing_drifts_grows_or_is_lost() {
    let mut config = Config::default();
    config.segment = Duration::from_secs(8);
    config.first_segment = Duration::from_secs(8);
    config.stall = Duration::from_secs(20);
    config.part = None;
    let mut segmenter = Segmenter::new(config);
    let avc = Codec::Avc(avc::Config::decode(Bytes::from_static(AVC)).unwrap());
    for (id, codec) in [(VIDEO, avc), (AUDIO, Codec::Flac(flac()))] {
        segmenter.set_track(Track { id, timescale: Timescale::MILLIS, codec }).unwrap();
    }
    // RTMP sends 32 bits of each time.
    let (mut video_clock, mut audio_clock) = (Unwrapper::new(32), Unwrapper::new(32));
    let mut seen = Seen::default();
    let (mut picture, mut frame) = (0, 0);
    let mut size_of_a_day = None;
    while picture < PICTURES {
        let shown = BEGIN + picture * 8000;
        // Sound to the nearest millisecond, as encoders round it.
        let heard = BEGIN + (frame * BLOCK * 1000 + HZ / 2) / HZ;
        if shown <= heard {
            let time = video_clock.unwrap(u64::from(shown as u32));
            let data = &[0, 0, 0, 2, 0x65, 0x88];
            segmenter.handle_input(sample(VIDEO, time, true, data)).unwrap();
            picture += 1;
        } else {
            let time = audio_clock.unwrap(u64::from(heard as u32));
            segmenter.handle_input(sample(AUDIO, time, true, &[0xFF, 0xF8])).unwrap();
            frame += 1;
        }
        while let Some(output) = segmenter.poll_output() {
            seen.see(&output);
        }
        if shown == BEGIN + 86_400_000 {
            size_of_a_day.get_or_insert(format!("{segmenter:?}").len());
        }
    }
    // All it holds, spelt out; numbers grow longer, and nothing else.
    let size = format!("{segmenter:?}").len();
    assert!(size < size_of_a_day.unwrap() + 2000, "{size} after {size_of_a_day:?}");

    segmenter.finish();
    while let Some(output) = segmenter.poll_output() {
        seen.see(&output);
    }
    assert_eq!(seen.samples, [picture, frame]);
    assert!(seen.gaps < 50, "{}", seen.gaps);
    assert!(seen.sequence >= PICTURES - 2);
    assert_eq!(seen.ts_segments, seen.sequence + 1);
    // The two clocks are as far apart at the end as at the beginning: less than a frame.
    let [video, audio] = seen.ends.map(Option::unwrap);
    let hz = Timescale::new(HZ as u32).unwrap();
    let audio = Timestamp::new(audio).rescale(hz, Timescale::MPEG, Rounding::Nearest).unwrap();
    assert!((audio.ticks() - video).abs() <= 2 * 720_000, "{video} {audio:?}");
    let wraps = (video - BEGIN as i64 * 90) >> 33;
    assert_eq!(wraps, 27);
}
