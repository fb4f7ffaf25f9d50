//! Edit lists: what is not presented is left out, as far as groups of pictures and frames are whole,
//! and what stays is told.

use std::time::Duration;

use airloom_media::TrackId;
use airloom_segmenter::mp4::{Edited, Index, Vod, VodSegment};

use crate::file::{Trak, file, index, places, segments, times, written};

const NORMAL: u32 = 0x0001_0000;

/// Pictures of 40 ms, ten a group, and sound, both presented from 1.3 s on for 2 s: what `ffmpeg -ss`
/// leaves where it copies.
fn cut() -> Vec<u8> {
    let mut video = Trak::video(1, 100, 10);
    // Pictures are shown two later than they are decoded.
    video.offsets = vec![7200; 100];
    video.edits = vec![(2000, 117_000 + 7200, NORMAL)];
    let mut sound = Trak::sound(2, 200);
    sound.edits = vec![(2000, 62_400, NORMAL)];
    file(&[video, sound], &[])
}

#[test]
fn whole_groups_before_the_start_are_left_out() {
    let index = index(&cut());
    let video = index.track(TrackId::new(1)).unwrap();
    // The group from 1.2 s on holds the start.
    assert_eq!(video.edited().before, 30);
    assert_eq!(video.start().ticks(), 108_000 - 117_000 - 7200);
    assert_eq!(video.edited().preroll.ticks(), 9000);
    assert!(video.entry(0).unwrap().sync);
    // The frame that holds it is number 60; decoding it needs the one before.
    let sound = index.track(TrackId::new(2)).unwrap();
    assert_eq!(sound.edited().before, 59);
    assert_eq!(sound.start().ticks(), 59 * 1024 - 62_400);
    assert_eq!(sound.edited().preroll.ticks(), 62_400 - 59 * 1024);
    assert_eq!(places(&index, 2)[0], 8 + 1000 + 59 * 7);
}

#[test]
fn samples_after_the_end_are_left_out() {
    let index = index(&cut());
    // 3.3 s: picture 82 is shown at 3.28 s, frame 154 begins at 3.285 s.
    let video = index.track(TrackId::new(1)).unwrap();
    assert_eq!((video.edited().after, video.len()), (17, 53));
    let sound = index.track(TrackId::new(2)).unwrap();
    assert_eq!((sound.edited().after, sound.len()), (45, 96));
}

#[test]
fn a_finished_recording_of_it_is_presented_alike() {
    let source = cut();
    let one = index(&source);
    let copy = written(&one, &source);
    let other = index(&copy);
    for track in [1, 2] {
        assert_eq!(times(&one, track), times(&other, track));
        let edited = |index: &Index| index.track(TrackId::new(track)).unwrap().edited();
        let (before, after) = (edited(&one), edited(&other));
        assert_eq!((after.before, after.after), (0, 0));
        assert_eq!(before.preroll, after.preroll);
    }
    assert_eq!(written(&other, &copy), copy);
}

#[test]
fn segments_on_demand_begin_with_what_decoding_needs() {
    let source = cut();
    let vod = Vod::new(index(&source), Duration::from_millis(800));
    let [video, sound] = [1, 2].map(|track| segments(&vod, track));
    let sizes = |of: &[VodSegment]| {
        of.iter()
            .flat_map(|segment| &segment.media)
            .map(|media| media.end - media.start)
            .sum::<u64>()
    };
    let counts = [sizes(&video) / 10, sizes(&sound) / 7];
    assert_eq!(counts, [53, 96]);
    assert_eq!(video[0].media[0].start, 8 + 30 * 10);
    // What is shown at 1.3 s is heard at 1.3 s: both begin as far from it as before.
    let [pictures, frames] = [video[0].start.ticks() * 8, sound[0].start.ticks() * 15];
    assert_eq!(pictures - frames, (108_000 - 117_000 - 7200) * 8 - (59 * 1024 - 62_400) * 15);
}

/// What most files have: reordered pictures and primed sound, both from their first frame on.
#[test]
fn reordering_and_priming_lose_nothing() {
    let mut video = Trak::video(1, 20, 10);
    video.offsets = vec![7200; 20];
    video.edits = vec![(800, 7200, NORMAL)];
    let mut sound = Trak::sound(2, 38);
    sound.edits = vec![(789, 1024, NORMAL)];
    let index = index(&file(&[video, sound], &[]));
    let [video, sound] = index.tracks() else { panic!("two tracks") };
    assert_eq!((video.len(), video.start().ticks()), (20, -7200));
    assert_eq!(video.edited(), Edited::default());
    assert_eq!((sound.len(), sound.start().ticks()), (38, -1024));
    assert_eq!(sound.edited().preroll.ticks(), 1024);
}

/// A delay in front of media that does not begin with its first sample.
#[test]
fn a_delay_stays_a_delay() {
    let mut video = Trak::video(1, 40, 10);
    video.edits = vec![(2000, -1, NORMAL), (1000, 39_600, NORMAL)];
    let source = file(&[video], &[]);
    let one = index(&source);
    assert_eq!(times(&one, 1)[0], 180_000 - 3600);
    let copy = written(&one, &source);
    let two = index(&copy);
    assert_eq!(times(&one, 1), times(&two, 1));
    assert_eq!(two.tracks()[0].edited().preroll.ticks(), 3600);
}

#[test]
fn what_is_not_followed_is_told() {
    let mut video = Trak::video(1, 40, 10);
    video.edits = vec![(400, 0, NORMAL / 2), (400, 3600, NORMAL), (400, 7200, NORMAL)];
    let index = index(&file(&[video], &[]));
    let edited = index.tracks()[0].edited();
    assert_eq!((edited.unfollowed, edited.rate), (2, Some(NORMAL / 2)));
    assert_eq!((edited.before, edited.after, index.tracks()[0].len()), (0, 0, 40));
}

/// A list that shows nothing, and times that no clock holds, are mistakes.
#[test]
fn an_edit_that_shows_nothing_leaves_everything() {
    for edit in [(1, i32::MAX, NORMAL), (1, 3600 * 50, NORMAL)] {
        let mut video = Trak::video(1, 20, 10);
        video.edits = vec![edit];
        let source = file(&[video], &[]);
        let one = index(&source);
        assert!(!one.tracks()[0].is_empty());
        assert_eq!(times(&one, 1), times(&index(&written(&one, &source)), 1));
    }
}

/// Pictures that are shown before they are decoded, as negative offsets say: an edit that begins where
/// decoding does cuts nothing off.
#[test]
fn an_edit_from_the_first_decode_time_on_loses_nothing() {
    let mut video = Trak::video(1, 20, 10);
    video.offsets = vec![-36_000; 20];
    video.edits = vec![(800, 0, NORMAL)];
    let source = file(&[video], &[]);
    let one = index(&source);
    assert_eq!((one.tracks()[0].len(), one.tracks()[0].edited().before), (20, 0));
    assert_eq!(times(&one, 1), times(&index(&written(&one, &source)), 1));
}

/// Opus takes 80 ms to be as it was (RFC 7845, 4.6).
#[test]
fn opus_keeps_four_frames_more() {
    let mut sound = Trak::sound(1, 100);
    sound.codec = *b"Opus";
    sound.deltas = vec![960; 100];
    sound.edits = vec![(1000, 960 * 30, NORMAL)];
    let index = index(&file(&[sound], &[]));
    let track = &index.tracks()[0];
    assert_eq!((track.edited().before, track.edited().preroll.ticks()), (26, 3840));
    assert_eq!(track.start().ticks(), -3840);
}
