//! MPEG-TS takes one copy and one allocation a segment, however many packets that has.

mod rig;

use std::alloc::System;

use airloom_media::{Codec, Timestamp};
use airloom_segmenter::Config;
use airloom_segmenter::ts::{self, AccessUnit, Counters, Program, Stream};
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often `body` asks the allocator, and for how many bytes: the least of a few times, since what
/// is counted is the process's, and the harness has a thread of its own.
fn asked<T>(body: impl Fn() -> T) -> (T, usize, usize) {
    let once = || {
        let region = Region::new(ALLOCATOR);
        let made = body();
        let change = region.change();
        (made, change.allocations + change.reallocations, change.bytes_allocated)
    };
    (0..4).fold(once(), |least, _| {
        let again = once();
        if again.1 < least.1 { again } else { least }
    })
}

/// A picture of `size` bytes, or a frame of sound.
fn data(size: usize, picture: bool) -> Vec<u8> {
    let mut data = vec![0x21; size];
    if picture {
        data[..4].copy_from_slice(&(size as u32 - 4).to_be_bytes());
        data[4] = 0x41;
    }
    data
}

/// Access units of a minute: `count` pictures of `size` bytes, and as many frames of sound.
fn units<'a>(
    count: i64,
    picture: &'a [u8],
    sound: &'a [u8],
) -> impl Iterator<Item = AccessUnit<'a>> + Clone {
    (0..count).flat_map(move |number| {
        [(Stream::Video, picture), (Stream::Audio, sound)].map(|(stream, data)| AccessUnit {
            stream,
            decode_time: Timestamp::new(number * 3000),
            presentation_time: Timestamp::new(number * 3000 + 6000),
            sync: number % 60 == 0,
            data,
        })
    })
}

/// Twice the packets and twice the units are the same one allocation: the segment's.
fn units_alone() {
    let (video, audio) = (video(X264).codec, audio(48_000).codec);
    let (Codec::Avc(video), Codec::Aac(audio)) = (&video, &audio) else { panic!() };
    let program = Program::new(Some(video), Some(audio), &ts::Config::default()).unwrap();
    for (count, size) in [(60, 5_000), (60, 10_000), (120, 10_000), (120, 100_000)] {
        let (picture, sound) = (data(size, true), data(300, false));
        let units = units(count, &picture, &sound);
        let (measured, times, _) =
            asked(|| ts::measure(&program, units.clone(), Counters::default()).unwrap());
        assert_eq!(times, 0, "measuring {count} pictures");
        let (segment, times, bytes) =
            asked(|| ts::render(&program, units.clone(), Counters::default()).unwrap());
        assert_eq!(segment.len(), measured.len);
        let packets = segment.len() / 188;
        assert!(packets > count as usize * size / 184);
        assert_eq!((times, bytes), (1, segment.len()), "{packets} packets");
    }
}

/// The same of segments as a segmenter gives them out.
fn segments_of_a_segmenter() {
    for size in [1_000, 2_000, 40_000] {
        let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
        for frame in 0..240i64 {
            rig.feed(VIDEO, frame * 1000 / 30, 66, frame % 60 == 0, data(size, true).into());
            rig.feed(AUDIO, frame * 1000 / 30, 0, true, data(300, false).into());
        }
        rig.finish();
        for segment in &rig.ts {
            let (rendered, times, bytes) = asked(|| segment.render());
            assert_eq!((times, bytes), (1, rendered.len()));
        }
    }
}

/// The only test of its file: what the allocator counts is the process's.
#[test]
fn a_segment_of_mpeg_ts_is_one_allocation() {
    units_alone();
    segments_of_a_segmenter();
}
