//! Every access unit comes back: payload, times, order.

use airloom_media::{aac, avc};
use airloom_segmenter::ts::{
    self, BASE, Config, Counters, Error, PCR_INTERVAL, PCR_LEAD, Program, Stream,
};
use proptest::prelude::*;

use crate::reader::{AUDIO, Event, Reader, Unit, VIDEO};
use crate::source::{self, Owned, PPS, SPS, avcc};

const WRAP: i64 = 1 << 33;

pub(crate) fn wrapped(ticks: i64) -> u64 {
    (ticks + BASE.ticks() as i64).rem_euclid(WRAP) as u64
}

/// A NAL unit without zero bytes, so that a start code is one.
fn nal(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let types = prop::sample::select(vec![1u8, 1, 1, 5, 5, 6, 7, 8, 9, 12]);
    (types, prop::collection::vec(1u8.., 0..longest), any::<bool>()).prop_map(
        |(kind, mut nal, empty)| {
            if empty && nal.len() % 7 == 0 {
                return Vec::new();
            }
            nal.insert(0, 0x60 | kind);
            nal
        },
    )
}

/// Steps of decode time: a frame mostly, now and then none, a little back, a gap, a jump.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => Just(3_003i64),
        6 => 0i64..9_000,
        1 => Just(0i64),
        1 => -90i64..0,
        1 => 9_000i64..300_000,
        1 => Just(10 * 86_400 * 90_000i64),
        1 => Just(-16_769 * 90_000i64),
    ]
}

fn picture(length_size: u8) -> impl Strategy<Value = Owned> {
    let longest = if length_size == 1 { 250 } else { 1_500 };
    let nals = prop::collection::vec(nal(longest), 0..5);
    (step(), 0i64..20_000, any::<bool>(), nals).prop_map(move |(step, offset, sync, nals)| Owned {
        stream: Stream::Video,
        decode: step,
        presentation: offset,
        sync,
        data: avcc(length_size, &nals),
    })
}

fn frame() -> impl Strategy<Value = Owned> {
    let data = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..700),
        1 => prop::collection::vec(any::<u8>(), 8_000..=8_184),
    ];
    (step(), data).prop_map(|(step, data)| Owned {
        stream: Stream::Audio,
        decode: step,
        presentation: 0,
        sync: true,
        data,
    })
}

#[derive(Debug)]
struct Case {
    length_size: u8,
    video: bool,
    audio: bool,
    /// In order, cut into segments.
    segments: Vec<Vec<Owned>>,
}

impl Case {
    fn program(&self) -> Program {
        let (avc, aac): (avc::Config, aac::Config) = (source::avc(self.length_size), source::aac());
        let video = self.video.then_some(&avc);
        Program::new(video, self.audio.then_some(&aac), &Config::default()).unwrap()
    }
}

fn case() -> impl Strategy<Value = Case> {
    let shape = prop::sample::select(vec![(true, true), (true, false), (false, true)]);
    let start = prop_oneof![Just(0), Just(-3_000), Just(WRAP - 200_000), Just(5 * WRAP - 130_000)];
    (prop::sample::select(vec![1u8, 2, 4]), shape, start).prop_flat_map(
        |(length_size, (video, audio), start)| {
            let unit = match (video, audio) {
                (true, true) => prop_oneof![picture(length_size), frame()].boxed(),
                (true, false) => picture(length_size).boxed(),
                _ => frame().boxed(),
            };
            prop::collection::vec(prop::collection::vec(unit, 0..12), 1..4).prop_map(
                move |mut segments| {
                    let mut time = start;
                    for unit in segments.iter_mut().flatten() {
                        time += unit.decode;
                        unit.decode = time;
                        unit.presentation += time;
                    }
                    Case { length_size, video, audio, segments }
                },
            )
        },
    )
}

/// What the byte stream of a sample must hold, by the letter of the issue; `None` for nothing.
fn expected_nals(length_size: u8, unit: &Owned) -> Option<Vec<Vec<u8>>> {
    let mut nals = Vec::new();
    let mut rest = &unit.data[..];
    while !rest.is_empty() {
        let (length, after) = rest.split_at(usize::from(length_size));
        let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let (nal, after) = after.split_at(length);
        if !nal.is_empty() {
            nals.push(nal.to_vec());
        }
        rest = after;
    }
    if nals.is_empty() {
        return None;
    }
    let mut front = Vec::new();
    if nals[0][0] & 0x1F == 9 {
        front.push(nals.remove(0));
    } else {
        front.push(vec![0x09, 0xF0]);
    }
    if (unit.sync || has_kind(&nals, 5)) && !(has_kind(&nals, 7) && has_kind(&nals, 8)) {
        front.extend([SPS.to_vec(), PPS.to_vec()]);
    }
    front.extend(nals);
    Some(front)
}

fn has_kind(nals: &[Vec<u8>], kind: u8) -> bool {
    nals.iter().any(|nal| nal[0] & 0x1F == kind)
}

/// Splits a byte stream whose NAL units hold no zero bytes; checks where the long start codes are.
pub(crate) fn split(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut nals = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        assert!(zeros == 2 || zeros == 3, "{zeros} zeros");
        assert_eq!(rest[zeros], 1);
        rest = &rest[zeros + 1..];
        let len = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        let nal = rest[..len].to_vec();
        let long = nals.is_empty() || matches!(nal[0] & 0x1F, 7 | 8);
        assert_eq!(zeros == 3, long, "zero_byte");
        nals.push(nal);
        rest = &rest[len..];
    }
    nals
}

fn same(written: &Unit, length_size: u8, source: &Owned) {
    assert_eq!(written.pts, wrapped(source.presentation));
    let dts = (source.decode < source.presentation).then(|| wrapped(source.decode));
    assert_eq!(written.dts, dts);
    if source.stream == Stream::Video {
        assert_eq!((written.pid, written.stream_id), (VIDEO, 0xE0));
        assert_eq!(split(&written.data), expected_nals(length_size, source).unwrap());
        return;
    }
    assert_eq!((written.pid, written.stream_id), (AUDIO, 0xC0));
    let (header, frame) = written.data.split_at(7);
    assert_eq!(header[..2], [0xFF, 0xF1]);
    let length = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5] >> 5);
    assert_eq!(length, written.data.len());
    assert_eq!(frame, source.data);
}

/// Clock rules over everything that was written for a case.
fn clocks(events: &[Event], video: bool) {
    let mut last: Option<u64> = None;
    let since = |later: u64, earlier: u64| {
        let step = (later as i64 - earlier as i64).rem_euclid(WRAP);
        if step >= WRAP / 2 { step - WRAP } else { step }
    };
    for event in events {
        match event {
            Event::Pcr { pid, base, discontinuity, .. } => {
                assert_eq!(*pid, if video { VIDEO } else { AUDIO });
                if let (Some(last), false) = (last, discontinuity) {
                    let step = since(*base, last);
                    assert!(step > 0 && step <= PCR_INTERVAL.ticks() as i64, "step {step}");
                }
                last = Some(*base);
            }
            Event::Unit(unit) => {
                let lead = since(unit.dts.unwrap_or(unit.pts), last.expect("a clock first"));
                let most = (PCR_LEAD.ticks() + PCR_INTERVAL.ticks()) as i64;
                assert!((0..=most).contains(&lead), "lead {lead}");
            }
            Event::Pat | Event::Pmt { .. } => {}
        }
    }
}

proptest! {
    #[test]
    fn every_unit_comes_back_once_in_order_with_its_times(case in case()) {
        let program = case.program();
        let mut counters = Counters::default();
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for segment in &case.segments {
            let units = segment.iter().map(Owned::unit);
            let measured = ts::measure(&program, units.clone(), counters).unwrap();
            let bytes = ts::render(&program, units.clone(), counters).unwrap();
            prop_assert_eq!(bytes.len(), measured.len);
            prop_assert_eq!(&bytes, &ts::render(&program, units, counters).unwrap());

            let events = reader.read(&bytes);
            let tables_first = matches!(events[..], [Event::Pat, Event::Pmt { .. }, ..]);
            prop_assert!(tables_first);
            let sources: Vec<&Owned> = segment
                .iter()
                .filter(|unit| match unit.stream {
                    Stream::Video => expected_nals(case.length_size, unit).is_some(),
                    _ => !unit.data.is_empty(),
                })
                .collect();
            let written: Vec<&Unit> = events.iter().filter_map(Event::unit).collect();
            prop_assert_eq!(written.len(), sources.len());
            for (written, source) in written.iter().zip(&sources) {
                same(written, case.length_size, source);
            }

            // The longest a segment can become, whatever its times say.
            let payload: usize = segment.iter().map(|unit| unit.data.len() * 2 + 400).sum();
            prop_assert!(bytes.len() <= payload * 2 + 376 + segment.len() * (51 + 2) * 188);
            all.extend(events);
            counters = measured.counters;
        }
        clocks(&all, case.video);
    }

    /// Whatever bytes a sample holds, `check`, `measure` and `render` agree and nothing panics.
    #[test]
    fn any_bytes_are_written_or_refused(
        length_size in prop::sample::select(vec![1u8, 2, 4]),
        data in prop::collection::vec(prop_oneof![Just(0u8), 0u8..6, any::<u8>()], 0..300),
        decode in any::<i64>(),
        presentation in any::<i64>(),
        sync in any::<bool>(),
    ) {
        let avc = source::avc(length_size);
        let program = Program::new(Some(&avc), None, &Config::default()).unwrap();
        let unit = Owned { stream: Stream::Video, decode, presentation, sync, data };
        let units = [unit.unit(), unit.unit()];
        let measured = ts::measure(&program, units, Counters::default());
        let rendered = ts::render(&program, units, Counters::default());
        prop_assert_eq!(program.check(&unit.unit()), measured.map(drop));
        match (measured, rendered) {
            (Ok(measured), Ok(bytes)) => {
                prop_assert_eq!(bytes.len(), measured.len);
                Reader::default().read(&bytes);
            }
            (Err(left), Err(right)) => {
                prop_assert_eq!(left, right);
                let located = matches!(left, Error::Truncated { unit: 0, offset, .. }
                    if offset < unit.data.len());
                prop_assert!(located);
            }
            (left, right) => prop_assert!(false, "{left:?} but {right:?}"),
        }
    }
}

#[test]
fn a_picture_longer_than_a_pes_length_can_tell() {
    for len in [65_500, 65_522, 65_523, 65_524, 65_525, 200_000] {
        let mut picture = source::picture(0, false);
        picture.data = avcc(4, &[vec![0x41; len]]);
        let program = source::program(true, false);
        let bytes = ts::render(&program, [picture.unit()], Counters::default()).unwrap();
        let events = Reader::default().read(&bytes);
        let unit = events.iter().find_map(Event::unit).unwrap();
        assert_eq!(split(&unit.data), expected_nals(4, &picture).unwrap());
    }
}

/// Each length around the edges of a packet, with every adaptation field a unit can have.
#[test]
fn stuffing_of_every_length() {
    let program = source::program(true, true);
    for len in 1..600 {
        let mut first = source::picture(0, true);
        first.data = avcc(4, &[vec![0x65; len]]);
        let mut second = source::picture(0, false);
        second.data = avcc(4, &[vec![0x41; len]]);
        let mut third = source::picture(0, true);
        third.data = avcc(4, &[vec![0x41; len]]);
        let mut sound = source::frame(0);
        sound.data = vec![0x21; len];
        let owned = [first, second, third, sound];
        let units = owned.iter().map(Owned::unit);
        let measured = ts::measure(&program, units.clone(), Counters::default()).unwrap();
        let bytes = ts::render(&program, units, Counters::default()).unwrap();
        assert_eq!(bytes.len(), measured.len);
        let events = Reader::default().read(&bytes);
        let units: Vec<&Unit> = events.iter().filter_map(Event::unit).collect();
        assert_eq!(units.len(), owned.len());
        for (unit, source) in units.iter().zip(&owned) {
            same(unit, 4, source);
        }
        let access: Vec<bool> = units.iter().map(|unit| unit.random_access).collect();
        assert_eq!(access, [true, false, true, false]);
    }
}
