//! Sound whose clock is not that of the pictures, for a day of virtual time at true rates.

mod rig;

use airloom_media::{Delta, Sample, Timestamp, TrackId};
use airloom_segmenter::{Config, Event, Output, Segmenter};
use bytes::Bytes;
use rig::{AUDIO, VIDEO, X264, audio, video};

/// Pictures in a day, 30 a second.
const PICTURES: i64 = 86_400 * 30;

/// How far sound may be from its source: [`Config::audio_drift`] of 40 ms, in samples.
const BOUND: i64 = 40 * 48;
/// Where it is later than its source it is moved once it stays so, and a stamp that is rounded may be
/// within the bound up to a millisecond beyond that.
const LATEST: i64 = BOUND + 48;

/// What the encoder stamps picture `number` with, in milliseconds.
fn shown(number: i64) -> i64 {
    number * 1000 / 30
}

/// What it stamps frame `number` of sound with, whose clock runs at `millionths` of 48 kHz.
fn heard(number: i64, millionths: i64) -> i64 {
    let samples = number * 1024;
    (samples * 1_000_000 + 24 * millionths) / (48 * millionths)
}

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

/// A day of a stream under observation.
#[derive(Default)]
struct Day {
    millionths: i64,
    pictures: i64,
    frames: i64,
    segments: i64,
    /// The furthest that a segment of sound was early and late, in samples.
    worst: (i64, i64),
    /// By how many samples each resync moved sound.
    moved: Vec<i64>,
}

impl Day {
    fn see(&mut self, output: &Output) {
        match output {
            Output::Segment(segment) => {
                let samples =
                    segment.parts.iter().map(|part| part.payload.len() as i64).sum::<i64>();
                let start = segment.start.ticks();
                if segment.track == VIDEO {
                    assert_eq!(start, shown(self.pictures) * 90, "pictures are exact");
                    self.pictures += samples;
                    self.segments += 1;
                } else {
                    // Pictures are where the source has them, so this is by how much sound is not
                    // as far from them as there.
                    let off = start - heard(self.frames, self.millionths) * 48;
                    let within = (-BOUND..=LATEST).contains(&off);
                    assert!(within, "segment {}: {off} samples", segment.sequence);
                    self.worst = (self.worst.0.min(off), self.worst.1.max(off));
                    self.frames += samples;
                }
            }
            Output::Event(Event::AudioResync { track: AUDIO, moved }) => {
                self.moved.push(moved.ticks());
            }
            Output::Event(event) => panic!("{event:?}"),
            Output::Gap(gap) => panic!("{gap:?}"),
            _ => {}
        }
    }

    fn live(millionths: i64) -> Self {
        let mut segmenter = Segmenter::new(Config::default());
        for track in [video(X264), audio(48_000)] {
            segmenter.set_track(track).unwrap();
        }
        let mut day = Self { millionths, ..Self::default() };
        let mut frame = 0;
        for picture in 0..PICTURES {
            while heard(frame, millionths) <= shown(picture) {
                let data = &[0x21, 0x10];
                let time = heard(frame, millionths);
                segmenter.handle_input(sample(AUDIO, time, true, data)).unwrap();
                frame += 1;
            }
            let sync = picture % 60 == 0;
            let data: &[u8] =
                if sync { &[0, 0, 0, 2, 0x65, 0x88] } else { &[0, 0, 0, 2, 0x41, 0x9A] };
            segmenter.handle_input(sample(VIDEO, shown(picture), sync, data)).unwrap();
            while let Some(output) = segmenter.poll_output() {
                day.see(&output);
            }
        }
        segmenter.finish();
        while let Some(output) = segmenter.poll_output() {
            day.see(&output);
        }
        assert_eq!((day.pictures, day.frames), (PICTURES, frame));
        assert!(day.segments >= 43_200, "two seconds each");
        day
    }

    /// How many samples the two clocks drift apart in a day.
    fn drift(&self) -> i64 {
        self.frames * 1024 - 86_400 * 48_000
    }
}

/// What overlaps is taken back half a frame at a time, when it has exceeded the bound for a while.
#[test]
fn a_day_of_a_clock_that_is_50_ppm_fast() {
    let day = Day::live(1_000_050);
    assert!((day.drift() - 207_360).abs() <= 2048, "4.32 s: {}", day.drift());
    assert!(day.moved.iter().all(|moved| *moved == -512), "{:?}", day.moved);
    let predicted = (day.drift() - BOUND) / 512 + 1;
    assert!((day.moved.len() as i64 - predicted).abs() <= 4, "{} {predicted}", day.moved.len());
    let (early, late) = day.worst;
    assert!(late > BOUND - 600 && early >= -48, "{:?}", day.worst);
}

/// What is missing is made up for at once, as soon as it exceeds the bound.
#[test]
fn a_day_of_a_clock_that_is_50_ppm_slow() {
    let day = Day::live(999_950);
    assert!((day.drift() + 207_360).abs() <= 2048, "4.32 s: {}", day.drift());
    // A stamp is a whole number of milliseconds.
    assert!(day.moved.iter().all(|moved| (BOUND..=BOUND + 96).contains(moved)), "{:?}", day.moved);
    let (fewest, most) = (-day.drift() / (BOUND + 96), -day.drift() / BOUND);
    assert!((fewest..=most).contains(&(day.moved.len() as i64)), "{}", day.moved.len());
    let (early, late) = day.worst;
    assert!(early < -BOUND + 600 && late <= 48, "{:?}", day.worst);
}
