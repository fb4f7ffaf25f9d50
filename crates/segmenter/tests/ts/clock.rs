//! The clock: interval, lead, gaps, wraps.

use airloom_segmenter::ts::{
    self, BASE, Config, Counters, Limits, PCR_INTERVAL, PCR_LEAD, Program,
};

use crate::reader::{AUDIO, Event, Reader, VIDEO};
use crate::source::{self, Owned, frame, picture};

/// Base, whether marked, whether alone.
type Pcr = (i64, bool, bool);

fn pcrs(events: &[Event]) -> Vec<Pcr> {
    let offset = (BASE.ticks() - PCR_LEAD.ticks()) as i64;
    events
        .iter()
        .filter_map(|event| match event {
            Event::Pcr { base, discontinuity, alone, .. } => {
                Some((*base as i64 - offset, *discontinuity, *alone))
            }
            _ => None,
        })
        .collect()
}

fn render(program: &Program, units: &[Owned]) -> Vec<Event> {
    let bytes = ts::render(program, units.iter().map(Owned::unit), Counters::default()).unwrap();
    Reader::default().read(&bytes)
}

fn video(times: &[i64]) -> Vec<Pcr> {
    let units: Vec<Owned> = times.iter().map(|&time| picture(time, true)).collect();
    pcrs(&render(&source::program(true, false), &units))
}

#[test]
fn each_picture_carries_the_clock_of_its_decode_time() {
    assert_eq!(
        video(&[0, 3_003, 6_006]).as_slice(),
        [(0, false, false), (3_003, false, false), (6_006, false, false)]
    );
}

#[test]
fn forty_milliseconds_need_no_filling_and_a_tick_more_does() {
    assert_eq!(video(&[0, 3_600]).len(), 2);
    assert_eq!(
        video(&[0, 3_601]),
        [(0, false, false), (3_600, false, true), (3_601, false, false)]
    );
    assert_eq!(
        video(&[0, 7_200]),
        [(0, false, false), (3_600, false, true), (7_200, false, false)]
    );
}

/// Measured on nginx-rtmp: PCR only at key frames.
#[test]
fn sparse_pictures_between_frames_of_sound_keep_the_clock_going() {
    let mut units = vec![picture(0, true)];
    units.extend((0..40).map(|index| frame(index * 1_920)));
    units.push(picture(76_800, false));
    let events = render(&source::program(true, true), &units);
    let clocks = pcrs(&events);
    assert!(clocks.windows(2).all(|pair| (1..=3_600).contains(&(pair[1].0 - pair[0].0))));
    assert_eq!(clocks.last(), Some(&(76_800, false, false)));
    // Told in time, not caught up with at the next picture.
    let mut sounds = 0;
    for event in &events {
        match event {
            Event::Pcr { base, .. } => {
                let told = *base as i64 - (BASE.ticks() - PCR_LEAD.ticks()) as i64;
                assert!(told <= sounds * 1_920);
            }
            Event::Unit(unit) if unit.pid == AUDIO => sounds += 1,
            _ => {}
        }
    }
}

#[test]
fn sound_alone_carries_the_clock() {
    let units: Vec<Owned> = (0..4).map(|index| frame(index * 1_920)).collect();
    let events = render(&source::program(false, true), &units);
    assert_eq!(pcrs(&events).len(), 4);
    assert!(events.iter().all(|event| !matches!(event, Event::Pcr { pid: VIDEO, .. })));
    assert!(events.iter().filter_map(Event::unit).all(|unit| unit.random_access));
}

#[test]
fn a_segment_that_starts_with_sound_tells_the_clock_before_it() {
    let units = [frame(0), picture(900, true)];
    let events = render(&source::program(true, true), &units);
    let order: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Pcr { alone, .. } => ("clock", *alone),
            Event::Unit(unit) if unit.pid == AUDIO => ("sound", false),
            Event::Unit(_) => ("picture", false),
            _ => ("table", false),
        })
        .collect();
    assert_eq!(
        order,
        [
            ("table", false),
            ("table", false),
            ("clock", true),
            ("sound", false),
            ("clock", false),
            ("picture", false),
        ]
    );
}

#[test]
fn a_gap_is_filled_up_to_the_limit() {
    // 51 intervals are 50 packets between the pictures.
    let filled = video(&[0, 51 * 3_600]);
    assert_eq!(filled.len(), 52);
    assert!(filled.iter().all(|&(_, marked, _)| !marked));
    assert_eq!(filled.iter().filter(|&&(_, _, alone)| alone).count(), 50);
    let stepped = video(&[0, 51 * 3_600 + 1]);
    assert_eq!(stepped, [(0, false, false), (51 * 3_600 + 1, true, false)]);
}

/// Measured: transmux fills a forward jump of ten days with PCR packets, 92 KB in, 4 GB out.
#[test]
fn output_does_not_grow_with_a_gap_of_ten_days() {
    let program = source::program(true, true);
    let days = 10 * 86_400 * 90_000;
    let len = |gap| {
        let units = [picture(0, true), frame(0), frame(gap), picture(gap, true)];
        ts::measure(&program, units.iter().map(Owned::unit), Counters::default()).unwrap().len
    };
    // One packet for the step, since the sound cannot carry it; the tables once more.
    assert!(len(days) <= len(0) + 3 * 188);
    assert!(len(i64::MAX) <= len(0) + 3 * 188);
    assert!(len(i64::MIN) <= len(0) + 3 * 188);
}

#[test]
fn no_filling_at_all_can_be_asked_for() {
    let limits = Limits { pcr_fill: 0, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let program = Program::new(Some(&source::avc(4)), None, &config).unwrap();
    let units = [picture(0, true), picture(3_601, false)];
    assert_eq!(pcrs(&render(&program, &units)), [(0, false, false), (3_601, true, false)]);
}

/// MTX#1002, #1431: equal decode times, or 1 ms back; the clock waits instead of stepping back.
#[test]
fn the_clock_never_steps_back_for_jitter() {
    assert_eq!(
        video(&[3_000, 3_000, 2_910, 6_000]),
        [(3_000, false, false), (6_000, false, false)]
    );
}

/// ARUT#596: a jump back of 16,769 s.
#[test]
fn a_jump_back_by_more_than_the_lead_is_one_marked_step() {
    let (start, lead) = (90_000, PCR_LEAD.ticks() as i64);
    assert_eq!(video(&[start, start - lead]), [(start, false, false)]);
    let back = start - lead - 1;
    assert_eq!(video(&[start, back]), [(start, false, false), (back, true, false)]);
    let far = video(&[16_769 * 90_000, 0]);
    assert_eq!(far[1], (0, true, false));
}

#[test]
fn the_clock_goes_on_over_the_border_of_a_segment() {
    let program = source::program(true, false);
    let (first, second) = ([picture(0, true)], [picture(9_000, true)]);
    let counters =
        ts::measure(&program, first.iter().map(Owned::unit), Counters::default()).unwrap().counters;
    let bytes = ts::render(&program, second.iter().map(Owned::unit), counters).unwrap();
    let position = bytes.chunks(188).position(|packet| packet[1] & 0x1F == 1);
    assert_eq!(position, Some(2), "the tables come before the filling");
    let mut reader = Reader::default();
    reader.read(&ts::render(&program, first.iter().map(Owned::unit), Counters::default()).unwrap());
    assert_eq!(
        pcrs(&reader.read(&bytes)),
        [(3_600, false, true), (7_200, false, true), (9_000, false, false)]
    );
}

/// The 33-bit wrap, 26.5 hours in: nothing is lost, nothing is marked.
#[test]
fn pts_dts_and_pcr_wrap_each_in_its_own_time() {
    let wrap = 1i64 << 33;
    let start = wrap - BASE.ticks() as i64 - 4 * 3_000;
    let units: Vec<Owned> = (0..40)
        .map(|index| {
            let mut unit = picture(start + index * 3_000, index == 0);
            unit.presentation += 6_000;
            unit
        })
        .collect();
    let events = render(&source::program(true, false), &units);
    let (mut pts, mut dts, mut pcr) = (Vec::new(), Vec::new(), Vec::new());
    for event in &events {
        match event {
            Event::Unit(unit) => {
                pts.push(unit.pts);
                dts.push(unit.dts.unwrap());
            }
            Event::Pcr { base, discontinuity, .. } => {
                assert!(!discontinuity);
                pcr.push(*base);
            }
            _ => {}
        }
    }
    let zero_at = |times: &[u64]| times.iter().position(|&time| time == 0);
    assert_eq!([zero_at(&pts), zero_at(&dts), zero_at(&pcr)], [Some(2), Some(4), Some(25)]);
    for times in [pts, dts, pcr] {
        let step = |pair: &[u64]| (pair[1] as i64 - pair[0] as i64).rem_euclid(wrap);
        assert!(times.windows(2).all(|pair| step(pair) == 3_000));
    }
}

#[test]
fn nothing_is_below_zero_at_the_start() {
    let events = render(&source::program(true, true), &[frame(-63_000), picture(0, true)]);
    let Some(Event::Pcr { base: 0, .. }) =
        events.iter().find(|event| matches!(event, Event::Pcr { .. }))
    else {
        panic!("{events:?}");
    };
    assert_eq!(PCR_INTERVAL.ticks(), 3_600);
}

/// Measured: transmux and multimux set each track to zero. Sound 46 ms, or 3 s, after video.
#[test]
fn the_offset_between_tracks_survives_to_the_tick() {
    for offset in [4_140, 270_000, -4_140] {
        let pictures: Vec<Owned> = (0..120).map(|n| picture(n * 3_003, n % 30 == 0)).collect();
        let frames: Vec<Owned> = (0..50).map(|n| frame(offset + n * 1_920)).collect();
        let units =
            ts::interleave(pictures.iter().map(Owned::unit), frames.iter().map(Owned::unit));
        let program = source::program(true, true);
        let bytes = ts::render(&program, units, Counters::default()).unwrap();
        let events = Reader::default().read(&bytes);
        let first = |pid| {
            let unit = events.iter().filter_map(Event::unit).find(|unit| unit.pid == pid);
            unit.unwrap().pts as i64
        };
        assert_eq!(first(AUDIO) - first(VIDEO), offset);
    }
}
