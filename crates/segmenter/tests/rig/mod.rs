//! A segmenter under observation: whatever comes out is read back from its bytes and checked
//! against what must always hold, and kept for what the test wants to know.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, aac, avc};
use airloom_segmenter::{
    Config, Event, Gap, Init, Output, Part, PartSample, Segment, Segmenter, TsSegment,
};
use bytes::Bytes;

pub mod boxes;
pub mod flv;

pub const VIDEO: TrackId = TrackId::new(1);
pub const AUDIO: TrackId = TrackId::new(2);

/// x264, 640x360, High, 30 fps, BT.709, as ffmpeg writes it.
pub const X264: &[u8] = &[
    0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40, 0xA0,
    0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03,
    0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD,
    0xF8, 0xF8, 0x00,
];

/// 320x240, Baseline, no timing information.
pub const UNTIMED: &[u8] = &[
    0x01, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0x00, 0x08, 0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x0F, 0x0A, 0x69,
    0x01, 0x00, 0x02, 0x68, 0xCE,
];

pub fn video(record: &'static [u8]) -> Track {
    let config = avc::Config::decode(Bytes::from_static(record)).unwrap();
    Track { id: VIDEO, timescale: Timescale::MILLIS, codec: Codec::Avc(config) }
}

/// AAC-LC, stereo.
pub fn audio(hz: u32) -> Track {
    let record: &[u8] = match hz {
        48_000 => &[0x11, 0x90],
        44_100 => &[0x12, 0x10],
        _ => panic!("not a rate these tests use"),
    };
    let config = aac::Config::decode(Bytes::from_static(record)).unwrap();
    Track { id: AUDIO, timescale: Timescale::MILLIS, codec: Codec::Aac(config) }
}

/// What went in, in the source's own times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed {
    pub decode_time: i64,
    pub presentation_time: i64,
    pub data: Bytes,
}

/// A sample, by its time in milliseconds.
#[derive(Debug, Clone, Copy)]
pub enum Arrival {
    Picture(i64, bool),
    Sound(i64),
}

/// `frames` pictures of 30 a second, a keyframe every `gop`: when each arrives, its number and
/// its time.
pub fn pictures(frames: std::ops::Range<i64>, gop: i64) -> Vec<(i64, Arrival)> {
    let picture = |frame| {
        let time = frame * 1000 / 30;
        (time, Arrival::Picture(time, frame % gop == 0))
    };
    frames.map(picture).collect()
}

/// Frames of 48 kHz sound: when each arrives, and its time.
pub fn sounds(frames: std::ops::Range<i64>) -> Vec<(i64, Arrival)> {
    let sound = |frame| {
        let time = frame * 1024 / 48;
        (time, Arrival::Sound(time))
    };
    frames.map(sound).collect()
}

/// Everything that came out.
pub struct Rig {
    pub segmenter: Segmenter,
    pub low_latency: bool,
    styp: bool,
    counter: u32,
    pub fed: BTreeMap<TrackId, Vec<Fed>>,
    pub inits: Vec<Init>,
    pub parts: Vec<Part>,
    pub segments: Vec<Segment>,
    pub gaps: Vec<Gap>,
    pub ts: Vec<TsSegment>,
    pub events: Vec<Event>,
    /// Per track: the number its next segment has, where its media ends, and how often it may step.
    next: BTreeMap<TrackId, Next>,
}

#[derive(Default, Clone)]
struct Next {
    sequence: Option<u64>,
    end: Option<i64>,
    may_step: u32,
    open: Vec<Part>,
}

impl Rig {
    pub fn new(config: Config) -> Self {
        Self {
            low_latency: config.part.is_some(),
            styp: config.styp,
            segmenter: Segmenter::new(config),
            counter: 0,
            fed: BTreeMap::new(),
            inits: Vec::new(),
            parts: Vec::new(),
            segments: Vec::new(),
            gaps: Vec::new(),
            ts: Vec::new(),
            events: Vec::new(),
            next: BTreeMap::new(),
        }
    }

    pub fn with(config: Config, tracks: &[Track]) -> Self {
        let mut rig = Self::new(config);
        for track in tracks {
            rig.set_track(track.clone());
        }
        rig
    }

    pub fn set_track(&mut self, track: Track) {
        self.segmenter.set_track(track).unwrap();
        self.drain();
    }

    /// A picture at `time` milliseconds, shown `offset` later.
    pub fn picture(&mut self, time: i64, offset: i64, sync: bool) {
        self.counter += 1;
        let mut data = vec![0, 0, 0, 6, if sync { 0x65 } else { 0x41 }, 0x88];
        data.extend(self.counter.to_be_bytes());
        self.feed(VIDEO, time, offset, sync, Bytes::from(data));
    }

    /// A frame of sound at `time` milliseconds.
    pub fn sound(&mut self, time: i64) {
        self.counter += 1;
        let mut data = vec![0x21, 0x10];
        data.extend(self.counter.to_be_bytes());
        self.feed(AUDIO, time, 0, true, Bytes::from(data));
    }

    pub fn feed(&mut self, track: TrackId, time: i64, offset: i64, sync: bool, data: Bytes) {
        self.fed.entry(track).or_default().push(Fed {
            decode_time: time,
            presentation_time: time.saturating_add(offset),
            data: data.clone(),
        });
        let sample = Sample {
            track,
            decode_time: Timestamp::new(time),
            composition_offset: Delta::new(offset),
            duration: None,
            sync,
            data,
        };
        self.segmenter.handle_input(sample).unwrap();
        self.drain();
    }

    /// Both tracks as an encoder interleaves them: `frames` pictures of `rate` a second from
    /// `start` milliseconds, a keyframe every `gop`, with sound beside them.
    pub fn play(&mut self, start: i64, frames: i64, rate: i64, gop: i64) {
        let mut sound = 0;
        for frame in 0..frames {
            let time = frame * 1000 / rate;
            while sound * 1024 / 48 <= time {
                self.sound(start + sound * 1024 / 48);
                sound += 1;
            }
            self.picture(start + time, 0, frame % gop == 0);
        }
    }

    /// Whatever arrives, in the order of its first field.
    pub fn arrive(&mut self, mut arrivals: Vec<(i64, Arrival)>) {
        arrivals.sort_by_key(|(at, _)| *at);
        for (_, arrival) in arrivals {
            match arrival {
                Arrival::Picture(time, sync) => self.picture(time, 0, sync),
                Arrival::Sound(time) => self.sound(time),
            }
        }
    }

    /// Pictures alone.
    pub fn show(&mut self, start: i64, frames: i64, rate: i64, gop: i64) {
        for frame in 0..frames {
            self.picture(start + frame * 1000 / rate, 0, frame % gop == 0);
        }
    }

    pub fn restart(&mut self) {
        self.segmenter.restart();
        self.drain();
    }

    pub fn finish(&mut self) {
        self.segmenter.finish();
        self.drain();
        for (track, next) in &self.next {
            assert!(next.open.is_empty(), "track {track} ends inside a segment");
        }
        let sequences: Vec<_> = self.ts.iter().map(|ts| ts.sequence).collect();
        assert!(sequences.is_sorted(), "MPEG-TS segments come in order");
    }

    fn drain(&mut self) {
        while let Some(output) = self.segmenter.poll_output() {
            match output {
                Output::Init(init) => self.init(init),
                Output::Part(part) => {
                    assert!(self.low_latency, "no parts were asked for");
                    self.part(&part);
                    self.parts.push(part);
                }
                Output::Segment(segment) => self.segment(segment),
                Output::Gap(gap) => self.gap(gap),
                Output::TsSegment(ts) => {
                    let rendered = ts.render();
                    assert_eq!(rendered.len(), ts.size, "the size is known beforehand");
                    assert_eq!(rendered.len() % 188, 0);
                    self.ts.push(ts);
                }
                Output::Event(event) => {
                    match event {
                        Event::GapLeft { track, .. }
                        | Event::TrackAbsent { track, .. }
                        | Event::TrackBack { track }
                        | Event::Rebased { track, .. } => {
                            self.next.entry(track).or_default().may_step += 1;
                        }
                        _ => {}
                    }
                    self.events.push(event);
                }
                _ => {}
            }
        }
    }

    fn init(&mut self, init: Init) {
        let tree = boxes::children(&init.data);
        assert_eq!(tree.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [*b"ftyp", *b"moov"]);
        let before = self.inits.iter().filter(|before| before.track == init.track).count();
        assert_eq!(init.id as usize, before, "initialization segments are counted");
        let last = self.inits.iter().rev().find(|last| last.track == init.track);
        if last.is_some_and(|last| last.timescale != init.timescale) {
            self.next.entry(init.track).or_default().end = None;
        }
        self.inits.push(init);
    }

    fn part(&mut self, part: &Part) {
        let init = self.inits.iter().rev().find(|init| init.track == part.track);
        let init = init.expect("a part comes after its init");
        let bytes = gathered(part.chunks());
        assert_eq!(bytes.len(), part.size);
        let read = boxes::Chunk::read(&bytes);
        let starts_segment = self.styp && part.index == 0;
        assert_eq!(read.starts_segment, starts_segment, "styp only where a segment starts");
        assert_eq!(read.base_media_decode_time, part.start.ticks() as u64);
        assert_eq!(read.samples.len(), part.samples().len());
        let mut time = part.start.ticks();
        for (read, sample) in read.samples.iter().zip(part.samples()) {
            assert_eq!(sample.decode_time.ticks(), time);
            assert_eq!(u64::from(read.duration), sample.duration.ticks());
            assert_eq!(i64::from(read.composition_offset), sample.composition_offset.ticks());
            assert_eq!(read.sync, sample.sync);
            assert_eq!(read.data, sample.data);
            time += sample.duration.ticks() as i64;
        }
        assert_eq!((time - part.start.ticks()) as u64, part.duration.ticks());
        assert_eq!(Some(part.independent), part.samples().next().map(|first| first.sync));
        if self.low_latency && part.samples().len() > 1 {
            assert!(part.duration <= init.part_target, "{part:?} is above {:?}", init.part_target);
        }
        let next = self.next.entry(part.track).or_default();
        if let Some(sequence) = next.sequence {
            assert_eq!(part.sequence, sequence, "parts are of the segment that is open");
        }
        assert_eq!(part.index as usize, next.open.len());
        if let Some(end) = next.end {
            let step = part.start.ticks() - end;
            assert!(step >= 0, "decode time goes back by {step}");
            if !next.open.is_empty() {
                assert_eq!(step, 0, "a gap inside a segment");
            }
            let announced = self.events.iter().any(|event| {
                matches!(event, Event::Discontinuity { sequence, .. } if *sequence == part.sequence)
            });
            if step != 0 && !announced {
                assert!(
                    next.may_step > 0,
                    "decode time steps by {step} unannounced at {part:?}, {:?}",
                    self.events
                );
                next.may_step -= 1;
            }
        }
        let next = self.next.entry(part.track).or_default();
        next.end = Some(time);
        next.open.push(part.clone());
    }

    fn segment(&mut self, segment: Segment) {
        if !self.low_latency {
            for part in segment.parts.iter() {
                self.part(part);
            }
        }
        let target = self.segmenter.target_duration().expect("settled before the first segment");
        let init = self.inits.iter().rev().find(|init| init.track == segment.track).unwrap();
        assert_eq!(segment.init, init.id);
        let hz = u64::from(init.timescale.hz());
        let rounded = (segment.duration.ticks() + hz / 2) / hz;
        assert!(rounded <= u64::from(target), "{segment:?} is above the target of {target} s");
        let next = self.next.entry(segment.track).or_default();
        if let Some(sequence) = next.sequence {
            assert_eq!(segment.sequence, sequence);
        }
        next.sequence = Some(segment.sequence + 1);
        let open = std::mem::take(&mut next.open);
        let parts = gathered(open.iter().flat_map(Part::chunks));
        let whole = gathered(segment.chunks());
        assert_eq!(whole, parts, "a segment is its parts, byte for byte");
        assert_eq!(whole.len(), segment.size);
        assert!(open.iter().all(|part| part.init == segment.init));
        if self.low_latency {
            assert!(open.iter().all(|part| part.discontinuity == segment.discontinuity));
        }
        assert_eq!(segment.start, open[0].start);
        assert_eq!(segment.independent, open[0].independent);
        let sum: u64 = open.iter().map(|part| part.duration.ticks()).sum();
        assert_eq!(sum, segment.duration.ticks());
        if self.low_latency {
            assert!(open.iter().all(|part| part.sequence == segment.sequence));
        }
        self.segments.push(segment);
    }

    fn gap(&mut self, gap: Gap) {
        let next = self.next.entry(gap.track).or_default();
        assert!(next.open.is_empty(), "a gap has no parts");
        if let Some(sequence) = next.sequence {
            assert_eq!(gap.sequence, sequence);
        }
        next.sequence = Some(gap.sequence + 1);
        next.may_step += 1;
        self.gaps.push(gap);
    }

    /// The segments of a track.
    pub fn of(&self, track: TrackId) -> Vec<&Segment> {
        self.segments.iter().filter(|segment| segment.track == track).collect()
    }

    pub fn parts_of(&self, track: TrackId) -> Vec<&Part> {
        self.parts.iter().filter(|part| part.track == track).collect()
    }

    pub fn init_of(&self, track: TrackId) -> &Init {
        self.inits.iter().find(|init| init.track == track).expect("the track was announced")
    }

    /// The samples of a track as they came out.
    pub fn samples(&self, track: TrackId) -> Vec<PartSample<'_>> {
        self.of(track).into_iter().flat_map(Segment::samples).collect()
    }

    /// Decode times of a track's samples.
    pub fn times(&self, track: TrackId) -> Vec<i64> {
        self.samples(track).iter().map(|sample| sample.decode_time.ticks()).collect()
    }

    /// Durations of a track's segments, in milliseconds.
    pub fn lengths(&self, track: TrackId) -> Vec<u64> {
        let hz = u64::from(self.init_of(track).timescale.hz());
        self.of(track).iter().map(|segment| segment.duration.ticks() * 1000 / hz).collect()
    }

    /// Every sample that went in is there, once, in order.
    pub fn assert_everything_is_there(&self) {
        for (track, fed) in &self.fed {
            let dropped: Vec<_> = self.events.iter().filter(|event| {
                matches!(event, Event::Dropped { track: dropped, .. } if dropped == track)
            }).collect();
            assert!(dropped.is_empty(), "{dropped:?}");
            let out: Vec<_> =
                self.samples(*track).iter().map(|sample| sample.data.clone()).collect();
            let fed: Vec<_> = fed.iter().map(|fed| fed.data.clone()).collect();
            assert_eq!(out, fed, "track {track}");
        }
    }

    /// Pictures have the very times they were sent with, moved by `offset` ticks of 90 kHz.
    pub fn assert_pictures_keep_their_times(&self, offset: i64) {
        let fed = &self.fed[&VIDEO];
        let out: Vec<_> = self.samples(VIDEO);
        assert_eq!(fed.len(), out.len());
        for (fed, out) in fed.iter().zip(out) {
            let decode_time = out.decode_time.ticks();
            assert_eq!(decode_time, fed.decode_time * 90 + offset);
            let shown = decode_time + out.composition_offset.ticks();
            assert_eq!(shown, fed.presentation_time * 90 + offset);
        }
    }

    pub fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| matches(event)).count()
    }

    pub fn discontinuities(&self) -> usize {
        self.count(|event| matches!(event, Event::Discontinuity { .. }))
    }
}

fn gathered<'a>(chunks: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    chunks.flat_map(|chunk| chunk.iter().copied()).collect()
}
