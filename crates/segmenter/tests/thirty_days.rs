//! Thirty days of one stream on virtual time, the 32-bit wrap of RTMP's milliseconds in the middle
//! and 27 wraps of MPEG-TS on the way: nothing drifts, nothing grows, nothing is lost.
//!
//! Around each wrap, and at both ends, there are 30 pictures a second. In between a picture stands
//! for four seconds and a frame of sound lasts one and a half, so that a month is quick; what has to
//! hold there does not depend on how many there are a second. Sound in MPEG-TS, which has no codec
//! with frames as long, is seen at each wrap alone, at its true rate.

#[allow(dead_code, unreachable_pub, reason = "that of the tests of MPEG-TS, which look at more")]
#[path = "ts/reader.rs"]
mod reader;
mod rig;

use std::alloc::System;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airloom_media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, Unwrapper, flac};
use airloom_segmenter::ts::{BASE, PCR_INTERVAL};
use airloom_segmenter::{Config, Event, EventMessage, Output, Part, Segment, Segmenter, TsSegment};
use bytes::Bytes;
use reader::{METADATA, Reader};
use rig::{AUDIO, VIDEO, X264, audio, video};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated and not freed.
fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One test at a time: what the allocator counts is the process's.
static ALONE: Mutex<()> = Mutex::new(());

const DAY: u64 = 86_400_000;
/// Milliseconds of a group of pictures, and of a segment.
const GROUP: u64 = 4000;
const GROUPS: u64 = 30 * DAY / GROUP;

/// What the encoder's clock shows when the stream begins: it wraps on the fifteenth day.
const BEGIN: u64 = (1 << 32) - 15 * DAY;

/// How much later than it is decoded a picture is shown, in milliseconds.
const DELAY: u64 = 40;

/// Samples of a frame of sound, as many as FLAC can have, and how many of them a second has.
const FRAME: u64 = 65_535;
const HZ: u64 = 44_100;

/// `STREAMINFO`: blocks of [`FRAME`] samples, [`HZ`], one channel of 16 bits.
fn flac() -> Track {
    let [high, low] = (FRAME as u16).to_be_bytes();
    let mut raw = vec![0x80, 0, 0, 34, high, low, high, low, 0, 0, 0, 0, 0, 0];
    raw.extend([(HZ >> 12) as u8, (HZ >> 4) as u8, (HZ << 4) as u8, 0xF0, 0, 0, 0, 0]);
    raw.extend([0; 16]);
    let codec = Codec::Flac(flac::Config::decode(Bytes::from(raw)).unwrap());
    Track { id: AUDIO, timescale: Timescale::MILLIS, codec }
}

/// `milliseconds` on the clock of MPEG-TS, which has 33 bits.
const fn wrapped(mpeg: u64) -> u64 {
    (mpeg + BASE.ticks()) & ((1 << 33) - 1)
}

/// How often the clock of MPEG-TS has wrapped by then.
const fn wraps(millis: u64) -> u64 {
    (millis * 90 + BASE.ticks()) >> 33
}

/// Whether a group is within eight seconds of a wrap, or at the stream's beginning or end.
fn is_dense(group: u64) -> bool {
    let start = BEGIN + group * GROUP;
    let (before, after) = (start - 8000, start + GROUP + 8000);
    let edge = group < 3 || group + 1 == GROUPS;
    edge || wraps(before) != wraps(after) || before >> 32 != after >> 32
}

/// The pictures: when each is decoded, in milliseconds, and whether it is a keyframe.
fn pictures() -> impl Iterator<Item = (u64, bool)> {
    (0..GROUPS).flat_map(|group| {
        let count = if is_dense(group) { GROUP * 30 / 1000 } else { 1 };
        (0..count).map(move |number| (BEGIN + group * GROUP + number * 1000 / 30, number == 0))
    })
}

/// When frame `number` of sound is heard, as far as the encoder's stamps tell: in milliseconds, and
/// now and then early or late by a few.
fn heard(number: u64, frame: u64) -> u64 {
    let jitter = [9, 12, 7, 18, 9, 2, 0][(number % 7) as usize];
    (number * frame * 1000 + HZ / 2) / HZ + jitter - 9
}

fn sample(track: TrackId, time: i64, offset: u64, sync: bool, data: &'static [u8]) -> Sample {
    Sample {
        track,
        decode_time: Timestamp::new(time),
        composition_offset: Delta::new(offset as i64),
        duration: None,
        sync,
        data: Bytes::from_static(data),
    }
}

fn picture(time: i64, sync: bool) -> Sample {
    let data: &[u8] = if sync { &[0, 0, 0, 2, 0x65, 0x88] } else { &[0, 0, 0, 2, 0x41, 0x9A] };
    sample(VIDEO, time, DELAY, sync, data)
}

/// What comes out, against what went in.
struct Seen<P> {
    pictures: P,
    shown: u64,
    frames: u64,
    /// Where the media of each track ends.
    ends: [Option<i64>; 2],
    /// Samples in the parts of the segment that is open.
    open: [usize; 2],
    bridged: u64,
    messages: u64,
    ts_end: Option<i64>,
    ts_segments: u64,
    sequence: u64,
    rendered: u64,
    /// The last presentation time that MPEG-TS told, and how often it stepped from the end of the
    /// clock to its beginning.
    told: u64,
    wraps: u64,
    tags: u64,
}

impl<P: Iterator<Item = (u64, bool)>> Seen<P> {
    fn new(pictures: P) -> Self {
        Self {
            pictures,
            shown: 0,
            frames: 0,
            ends: [None; 2],
            open: [0; 2],
            bridged: 0,
            messages: 0,
            ts_end: None,
            ts_segments: 0,
            sequence: 0,
            rendered: 0,
            told: 0,
            wraps: 0,
            tags: 0,
        }
    }

    fn see(&mut self, output: &Output) {
        match output {
            Output::Part(part) => self.part(part),
            Output::Segment(segment) => self.segment(segment),
            Output::TsSegment(segment) => self.ts(segment),
            // A picture that stands for four seconds is the one thing longer than a part may be.
            Output::Event(Event::GapBridged { track: VIDEO, duration }) => {
                assert!(duration.ticks() >= GROUP * 90);
                self.bridged += 1;
            }
            Output::Event(Event::TsUnsupported { track: AUDIO, .. }) | Output::Init(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn part(&mut self, part: &Part) {
        self.open[usize::from(part.track == AUDIO)] += part.payload.len();
        self.messages += u64::from(part.header.windows(4).any(|four| four == b"emsg"));
    }

    fn segment(&mut self, segment: &Segment) {
        let track = usize::from(segment.track == AUDIO);
        let samples = segment.samples().count();
        assert_eq!(samples, std::mem::take(&mut self.open[track]), "each is in a part");
        assert!(segment.independent);
        for sample in segment.samples() {
            let time = sample.decode_time.ticks();
            assert_eq!(self.ends[track].unwrap_or(time), time, "without a hole or a step");
            self.ends[track] = Some(time + sample.duration.ticks() as i64);
            if track == 0 {
                let (millis, sync) = self.pictures.next().expect("as many as went in");
                assert_eq!((time, sample.sync), (millis as i64 * 90, sync), "to the tick");
                self.shown += 1;
            } else {
                let first = (BEGIN * HZ + 500) / 1000;
                assert_eq!(time as u64, first + self.frames * FRAME, "counted in samples");
                self.frames += 1;
            }
        }
        self.sequence = self.sequence.max(segment.sequence);
    }

    fn ts(&mut self, segment: &TsSegment) {
        let start = segment.start.ticks();
        assert_eq!(self.ts_end.unwrap_or(start), start);
        self.ts_end = Some(start + segment.duration.ticks() as i64);
        self.ts_segments += 1;
        if !is_dense((start as u64 / 90 - BEGIN) / GROUP) {
            return;
        }
        self.rendered += 1;
        let events = Reader::midway().read(&segment.render());
        let mut expected =
            segment.segments().filter(|segment| segment.track == VIDEO).flat_map(Segment::samples);
        let mut clock = None;
        for event in events {
            match event {
                // The clock before the first has another segment, and may be four seconds back.
                reader::Event::Pcr { base, discontinuity, .. } => {
                    if let Some(last) = clock.replace(base) {
                        let step = (base as i64 - last as i64).rem_euclid(1 << 33) as u64;
                        assert!(!discontinuity && (1..=PCR_INTERVAL.ticks()).contains(&step));
                    }
                }
                reader::Event::Unit(unit) if unit.pid == METADATA => {
                    assert_eq!(unit.data, TAG);
                    let place = unit.pts.wrapping_sub(wrapped(start as u64)) & ((1 << 33) - 1);
                    assert!(place <= segment.duration.ticks());
                    self.tags += 1;
                }
                reader::Event::Unit(unit) => {
                    let time = expected.next().expect("as many as CMAF has").decode_time.ticks();
                    assert_eq!(unit.pts, wrapped(time as u64 + DELAY * 90));
                    assert_eq!(unit.dts, Some(wrapped(time as u64)));
                    self.wraps += u64::from(self.told > unit.pts);
                    self.told = unit.pts;
                }
                _ => {}
            }
        }
        assert!(expected.next().is_none());
    }
}

const TAG: &[u8] = b"ID3\x04\0\0\0\0\0\x0DTXXX\0\0\0\x03\0\0\x03\0x";

/// An ID3 tag every twelve seconds, its bytes on the heap, where they are missed when they stay.
fn tag(time: i64) -> EventMessage {
    EventMessage::id3(VIDEO, Timestamp::new(time), Bytes::from(TAG.to_vec()))
}

fn month(ts: bool) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut config = Config::default();
    config.segment = Duration::from_millis(GROUP);
    config.first_segment = config.segment;
    config.stall = Duration::from_secs(20);
    config.ts = ts;
    let mut segmenter = Segmenter::new(config);
    for track in [video(X264), flac()] {
        segmenter.set_track(track).unwrap();
    }
    // RTMP sends 32 bits of each time.
    let (mut video_clock, mut audio_clock) = (Unwrapper::new(32), Unwrapper::new(32));
    let mut seen = Seen::new(pictures());
    let (mut shown, mut frame, mut sent) = (0, 0, 0);
    // The most that was held in a quarter of an hour at the end of each day.
    let mut held = [0; 30];
    for (number, (time, sync)) in pictures().enumerate() {
        // Sound ends with the pictures; a frame more would be a segment of its own.
        while BEGIN + heard(frame, FRAME) < time && heard(frame + 1, FRAME) < GROUPS * GROUP {
            let time = audio_clock.unwrap(u64::from((BEGIN + heard(frame, FRAME)) as u32));
            segmenter.handle_input(sample(AUDIO, time, 0, true, &[0xFF, 0xF8])).unwrap();
            frame += 1;
        }
        let since = time - BEGIN;
        let time = video_clock.unwrap(u64::from(time as u32));
        if since.is_multiple_of(3 * GROUP) && number > 0 {
            segmenter.handle_message(tag(time)).unwrap();
            sent += 1;
        }
        segmenter.handle_input(picture(time, sync)).unwrap();
        shown += 1;
        while let Some(output) = segmenter.poll_output() {
            seen.see(&output);
        }
        if (DAY - 1_000_000..DAY - 100_000).contains(&(since % DAY)) {
            let held = &mut held[(since / DAY) as usize];
            *held = live().max(*held);
        }
    }
    let (least, most) = (held.iter().min().unwrap(), held.iter().max().unwrap());
    assert!(most - least <= 4096, "{held:?}");

    segmenter.finish();
    while let Some(output) = segmenter.poll_output() {
        seen.see(&output);
    }
    assert_eq!((seen.shown, seen.frames), (shown, frame));
    assert!(seen.pictures.next().is_none());
    let sparse = (0..GROUPS).filter(|group| !is_dense(*group)).count() as u64;
    assert!(seen.bridged.abs_diff(sparse) <= 1, "{} {sparse}", seen.bridged);
    assert_eq!(seen.messages, sent);
    assert_eq!(seen.sequence, GROUPS - 1);
    // The two clocks are as far apart at the end as at the beginning: less than a frame.
    let [video, audio] = seen.ends.map(|end| end.unwrap() as u64);
    assert!((audio * 90_000 / HZ).abs_diff(video) <= FRAME * 90_000 / HZ, "{video} {audio}");
    if ts {
        assert_eq!(seen.ts_segments, GROUPS);
        let passed = wraps(BEGIN + GROUPS * GROUP) - wraps(BEGIN);
        assert_eq!((passed, seen.wraps), (27, 27));
        assert!(seen.rendered >= 4 + 28 * 4 && seen.tags > 28, "{} {}", seen.rendered, seen.tags);
    }
}

#[test]
fn nothing_drifts_grows_or_is_lost() {
    month(true);
}

#[test]
fn nothing_drifts_grows_or_is_lost_without_mpeg_ts() {
    month(false);
}

/// Twenty seconds of pictures and AAC of 44.1 kHz, from ten before the encoder's clock shows `wrap`.
fn around(wrap: u64) {
    const AAC: u64 = 1024;
    let begin = wrap - 10_000;
    let mut segmenter = Segmenter::new(Config::default());
    for track in [video(X264), audio(HZ as u32)] {
        segmenter.set_track(track).unwrap();
    }
    let (mut video_clock, mut audio_clock) = (Unwrapper::new(32), Unwrapper::new(32));
    let mut transport = Vec::new();
    let mut frame = 0;
    for number in 0..600 {
        let time = begin + number * 1000 / 30;
        while begin + heard(frame, AAC) <= time {
            let time = audio_clock.unwrap(u64::from((begin + heard(frame, AAC)) as u32));
            segmenter.handle_input(sample(AUDIO, time, 0, true, &[0x21, 0x10])).unwrap();
            frame += 1;
        }
        let time = video_clock.unwrap(u64::from(time as u32));
        segmenter.handle_input(picture(time, number % 60 == 0)).unwrap();
        transport.extend(std::iter::from_fn(|| segmenter.poll_output()));
    }
    segmenter.finish();
    transport.extend(std::iter::from_fn(|| segmenter.poll_output()));

    let mut reader = Reader::default();
    let (mut pictures, mut frames) = (0, 0);
    let first = (begin * HZ + 500) / 1000;
    for output in transport {
        let segment = match output {
            Output::TsSegment(segment) => segment,
            Output::Event(event) => panic!("{event:?}"),
            _ => continue,
        };
        for event in reader.read(&segment.render()) {
            let reader::Event::Unit(unit) = event else { continue };
            if unit.pid == reader::VIDEO {
                let time = (begin + pictures * 1000 / 30) * 90;
                assert_eq!((unit.pts, unit.dts), (wrapped(time + 3600), Some(wrapped(time))));
                pictures += 1;
            } else {
                let samples = first + frames * AAC;
                assert_eq!(unit.pts, wrapped((samples * 90_000 + HZ / 2) / HZ));
                frames += 1;
            }
        }
    }
    assert_eq!((pictures, frames), (600, frame));
}

#[test]
fn sound_and_pictures_cross_every_wrap_together() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for wrap in 1..=28 {
        around(((wrap << 33) - BASE.ticks()) / 90);
    }
    around(1 << 32);
}
