//! The segmenter: any samples in any order. Every sample comes out once and in order or is told to
//! be dropped; times never go back; a segment is its parts.

#![no_main]

use std::collections::HashMap;
use std::time::Duration as Time;

use airloom_media::{
    Codec, Delta, Duration, Sample, Timescale, Timestamp, Track, TrackId, aac, avc,
};
use airloom_segmenter::{Config, Error, Event, Output, Part, Segmenter};
use bytes::Bytes;
use fuzz::{AAC, AVC};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    segment: u16,
    part: Option<u16>,
    /// Whether MPEG-TS is made, and in its higher bits which clocks the tracks have.
    ts: u8,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    /// The usual: a little later than the one before.
    Next { track: u8, after: u8, offset: i8, sync: bool, extra: u8 },
    /// Somewhere else.
    Jump { track: u8, by: i64, duration: Option<u32> },
    /// Nothing in it.
    Empty { track: u8 },
    /// A sequence header.
    Configure { track: u8, which: bool },
    /// The encoder is lost.
    Restart,
}

const TRACKS: [u32; 3] = [1, 2, 3];

/// What times are counted in, whatever the codec.
const CLOCKS: [u32; 8] = [1000, 1, 30, 8000, 48_000, 90_000, 1_000_000_000, u32::MAX];

/// AAC-LC of one channel at 8 kHz: slower than the clock that segments are planned by.
const SLOW: &[u8] = &[0x15, 0x88];

fn track(number: u8, which: bool, clocks: u8) -> Track {
    let id = TRACKS[usize::from(number) % TRACKS.len()];
    let which = usize::from(which);
    let codec = if id == 1 {
        Codec::Avc(avc::Config::decode(Bytes::from_static(AVC[which])).expect("a good record"))
    } else {
        let record = if clocks & 8 != 0 && which == 0 { SLOW } else { AAC[which] };
        Codec::Aac(aac::Config::decode(Bytes::from_static(record)).expect("a good record"))
    };
    let timescale = Timescale::new(CLOCKS[usize::from(clocks & 7)]).expect("not zero");
    Track { id: TrackId::new(id), timescale, codec }
}

#[derive(Default)]
struct Lane {
    /// The number of the last sample that came out.
    last: u64,
    /// Where the last sample ended, in ticks of `hz`.
    end: i64,
    hz: u32,
    /// The next segment.
    sequence: Option<u64>,
    /// Parts since the last segment.
    parts: Vec<Part>,
}

#[derive(Default)]
struct Judge {
    lanes: HashMap<TrackId, Lane>,
    came_out: u64,
    dropped: u64,
    parts_announced: bool,
}

impl Judge {
    fn part(&mut self, part: &Part) {
        let lane = self.lanes.entry(part.track).or_default();
        let mut time = part.start;
        let mut size = part.header.len();
        for sample in part.samples() {
            assert_eq!(sample.decode_time, time, "a part has no gaps");
            assert!(time.ticks() >= lane.end, "time never goes back");
            time = time.checked_add(sample.duration).expect("a time that can be written");
            lane.end = time.ticks();
            let number = sample.data.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            let number = number.expect("samples carry their number");
            assert!(number > lane.last, "order is kept, and nothing comes twice");
            lane.last = number;
            size += sample.data.len();
            self.came_out += 1;
        }
        assert!(!part.payload.is_empty());
        assert_eq!(size, part.size);
        assert_eq!(part.chunks().map(Bytes::len).sum::<usize>(), size);
        assert_eq!(part.duration, Duration::new((time.ticks() - part.start.ticks()) as u64));
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Init(init) => {
                // Another configuration may count in other ticks; what lies between two is lost.
                let lane = self.lanes.entry(init.track).or_default();
                let hz = init.timescale.hz();
                if lane.hz != 0 && lane.hz != hz {
                    let end = i128::from(lane.end) * i128::from(hz) / i128::from(lane.hz);
                    lane.end = end as i64 - 1;
                }
                lane.hz = hz;
            }
            Output::Part(part) => {
                self.part(&part);
                let lane = self.lanes.entry(part.track).or_default();
                assert_eq!(part.index as usize, lane.parts.len());
                lane.parts.push(part);
            }
            Output::Segment(segment) => {
                if self.parts_announced {
                    let lane = self.lanes.entry(segment.track).or_default();
                    let parts = std::mem::take(&mut lane.parts);
                    assert_eq!(parts.len(), segment.parts.len());
                    let whole: Vec<&Bytes> = segment.chunks().collect();
                    assert!(
                        parts.iter().flat_map(Part::chunks).eq(whole),
                        "a segment is its parts"
                    );
                } else {
                    for part in segment.parts.iter() {
                        self.part(part);
                    }
                }
                let sum = segment.parts.iter().map(|part| part.duration.ticks()).sum();
                assert_eq!(segment.duration.ticks(), sum);
                assert_eq!(segment.size, segment.parts.iter().map(|part| part.size).sum());
                self.follow(segment.track, segment.sequence);
            }
            Output::Gap(gap) => self.follow(gap.track, gap.sequence),
            Output::TsSegment(segment) => {
                let rendered = segment.render();
                assert_eq!(rendered.len(), segment.size);
                assert_eq!(rendered.len() % 188, 0);
            }
            Output::Event(Event::Dropped { .. }) => self.dropped += 1,
            _ => {}
        }
    }

    fn follow(&mut self, track: TrackId, sequence: u64) {
        let lane = self.lanes.entry(track).or_default();
        assert!(lane.sequence.is_none_or(|expected| expected == sequence), "numbers rise by one");
        lane.sequence = Some(sequence + 1);
    }
}

fuzz_target!(|input: Input| {
    let mut config = Config::default();
    config.segment = Time::from_millis(u64::from(input.segment));
    // A part of no length would be none.
    config.part = input.part.map(|part| Time::from_millis(u64::from(part.max(1))));
    config.ts = input.ts & 1 != 0;
    let mut judge = Judge { parts_announced: config.part.is_some(), ..Judge::default() };
    let mut segmenter = Segmenter::new(config);
    let mut times: HashMap<u32, i64> = HashMap::new();
    let mut number = 0u64;
    let mut accepted = 0;
    for step in &input.steps {
        let (track_number, time, offset, sync, extra, duration) = match *step {
            Step::Next { track, after, offset, sync, extra } => {
                let id = TRACKS[usize::from(track) % TRACKS.len()];
                let time = times.entry(id).or_default();
                *time = time.saturating_add(i64::from(after));
                (track, *time, i64::from(offset), sync, Some(extra), None)
            }
            Step::Jump { track, by, duration } => {
                let id = TRACKS[usize::from(track) % TRACKS.len()];
                let time = times.entry(id).or_default();
                *time = time.saturating_add(by);
                (track, *time, 0, true, Some(0), duration)
            }
            Step::Empty { track } => {
                let id = TRACKS[usize::from(track) % TRACKS.len()];
                (track, *times.entry(id).or_default(), 0, false, None, None)
            }
            Step::Configure { track: number, which } => {
                segmenter.set_track(track(number, which, input.ts >> 1)).expect("tracks are few");
                continue;
            }
            Step::Restart => {
                segmenter.restart();
                while let Some(output) = segmenter.poll_output() {
                    judge.output(output);
                }
                continue;
            }
        };
        let id = TRACKS[usize::from(track_number) % TRACKS.len()];
        // A length before each NAL unit, so that MPEG-TS can carry it too: the number is one.
        let mut data = Vec::new();
        if let Some(extra) = extra {
            number += 1;
            data.extend_from_slice(&number.to_be_bytes());
            data.resize(data.len() + usize::from(extra), 0);
        }
        let sample = Sample {
            track: TrackId::new(id),
            decode_time: Timestamp::new(time),
            composition_offset: Delta::new(offset),
            duration: duration.map(|ticks| Duration::new(u64::from(ticks))),
            sync,
            data: data.into(),
        };
        match segmenter.handle_input(sample) {
            Ok(()) => accepted += 1,
            Err(Error::UnknownTrack(_)) => {}
            Err(error) => panic!("{error}"),
        }
        while let Some(output) = segmenter.poll_output() {
            judge.output(output);
        }
    }
    segmenter.finish();
    while let Some(output) = segmenter.poll_output() {
        judge.output(output);
    }
    assert_eq!(judge.came_out + judge.dropped, accepted, "every sample is accounted for");
    assert!(judge.lanes.values().all(|lane| lane.parts.is_empty()), "every part got its segment");
});
