//! Tracks that come late, stop, or never come.

mod rig;

use airloom_media::TrackId;
use airloom_segmenter::{Absence, BitRate, Config, Error, Event, mp4};
use rig::{AUDIO, Rig, VIDEO, X264, audio, pictures, sounds, video};

fn both() -> [airloom_media::Track; 2] {
    [video(X264), audio(48_000)]
}

/// SRS#409, ARUT#641, ZLMediaKit#3988: audio announced that never comes.
#[test]
fn audio_that_never_comes_holds_nothing_up() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.show(0, 300, 30, 30);
    assert!(rig.of(VIDEO).len() >= 4 && rig.ts.len() >= 4);
    rig.finish();
    assert!(rig.inits.iter().all(|init| init.track == VIDEO), "only what exists is announced");
    assert!(rig.gaps.is_empty());
    assert_eq!(rig.events, [Event::TrackAbsent { track: AUDIO, absence: Absence::NotYet }]);
    // Its declaration is not in the program either.
    assert!(rig.ts.iter().all(|ts| ts.segments().count() == 1));
    rig.assert_everything_is_there();
}

#[test]
fn video_that_never_comes_holds_nothing_up() {
    let mut rig = Rig::with(Config::default(), &both());
    for frame in 0..400i64 {
        rig.sound(frame * 1024 / 48);
    }
    assert!(rig.of(AUDIO).len() >= 3);
    rig.finish();
    assert!(rig.inits.iter().all(|init| init.track == AUDIO));
    assert_eq!(rig.events, [Event::TrackAbsent { track: VIDEO, absence: Absence::NotYet }]);
    assert!(rig.lengths(AUDIO).iter().all(|length| *length < 2500));
    rig.assert_everything_is_there();
}

#[test]
fn audio_that_comes_three_seconds_late() {
    let mut rig = Rig::with(Config::default(), &both());
    let mut arrivals = pictures(0..300, 30);
    arrivals.extend(sounds(0..460).into_iter().filter(|(at, _)| *at >= 3000));
    rig.arrive(arrivals);
    rig.finish();
    let first = rig.of(AUDIO)[0];
    assert_eq!(first.start.ticks(), 3008 * 48);
    let beside = rig.of(VIDEO).into_iter().find(|video| video.sequence == first.sequence).unwrap();
    assert!(beside.start.ticks() <= 270_000);
    rig.assert_everything_is_there();
}

#[test]
fn a_track_announced_in_mid_stream_joins_the_open_segment() {
    let mut rig = Rig::with(Config::default(), &[video(X264)]);
    rig.show(0, 100, 30, 30);
    rig.set_track(audio(48_000));
    rig.arrive(pictures(100..300, 30).into_iter().chain(sounds(157..460)).collect());
    rig.finish();
    assert_eq!(rig.of(AUDIO)[0].sequence, 2);
    assert_eq!(rig.events.len(), 0, "{:?}", rig.events);
    rig.assert_everything_is_there();
}

#[test]
fn video_that_joins_an_audio_stream_takes_the_lead() {
    let mut rig = Rig::with(Config::default(), &[audio(48_000)]);
    for frame in 0..200i64 {
        rig.sound(frame * 1024 / 48);
    }
    rig.set_track(video(X264));
    let start = 200 * 1024 / 48i64;
    rig.play(start + 10, 240, 30, 60);
    rig.finish();
    let starts: Vec<_> = rig.of(VIDEO).iter().map(|segment| segment.independent).collect();
    assert!(starts.iter().all(|independent| *independent));
    rig.assert_everything_is_there();
}

#[test]
fn video_that_stops_leaves_gaps_and_comes_back() {
    let mut rig = Rig::with(Config::default(), &both());
    let shown = pictures(0..200, 30).into_iter().chain(pictures(500..900, 30));
    rig.arrive(shown.chain(sounds(0..1400)).collect());
    rig.finish();
    assert!(!rig.gaps.is_empty());
    assert!(rig.gaps.iter().all(|gap| gap.track == VIDEO && gap.duration.ticks() >= 90_000));
    assert_eq!(
        rig.count(|event| matches!(event, Event::TrackAbsent { absence: Absence::Stopped, .. })),
        1
    );
    assert_eq!(rig.count(|event| matches!(event, Event::TrackBack { track: VIDEO })), 1);
    assert_eq!(rig.discontinuities(), 0);
    assert!(rig.lengths(AUDIO).iter().all(|length| *length < 2500), "{:?}", rig.lengths(AUDIO));
    rig.assert_everything_is_there();
    rig.assert_pictures_keep_their_times(0);
    // One number a segment, for both.
    let numbers = |track| {
        let segments = rig.of(track).into_iter().map(|segment| segment.sequence);
        let gaps = rig.gaps.iter().filter(move |gap| gap.track == track).map(|gap| gap.sequence);
        let mut all: Vec<_> = segments.chain(gaps).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(numbers(VIDEO), numbers(AUDIO));
}

#[test]
fn audio_that_stops_leaves_gaps_and_comes_back() {
    let mut rig = Rig::with(Config::default(), &both());
    let heard = sounds(0..310).into_iter().chain(sounds(780..1400));
    rig.arrive(heard.chain(pictures(0..900, 30)).collect());
    rig.finish();
    assert!(rig.gaps.iter().all(|gap| gap.track == AUDIO));
    assert!(rig.gaps.len() >= 4);
    assert_eq!(rig.count(|event| matches!(event, Event::TrackBack { track: AUDIO })), 1);
    rig.assert_everything_is_there();
    // MPEG-TS does not wait for it either.
    assert_eq!(rig.ts.len(), rig.of(VIDEO).len());
}

#[test]
fn a_stalled_track_holds_the_others_for_a_second_only() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.play(0, 60, 30, 30);
    let sounds = rig.parts_of(AUDIO).len();
    for frame in 94..134i64 {
        rig.sound(frame * 1024 / 48);
    }
    assert_eq!(rig.parts_of(AUDIO).len(), sounds, "0.9 s: it may only be late");
    for frame in 134..150i64 {
        rig.sound(frame * 1024 / 48);
    }
    assert!(rig.parts_of(AUDIO).len() > sounds + 4);
}

/// What an encoder declares is in the initialization segments made after that, and in a recording.
#[test]
fn a_declared_bit_rate_is_told_in_the_initialization_segment() {
    let mut rig = Rig::with(Config::default(), &both());
    rig.segmenter.set_bit_rate(VIDEO, Some(BitRate::declared(2_500_000))).unwrap();
    let other = TrackId::new(9);
    assert_eq!(rig.segmenter.set_bit_rate(other, None), Err(Error::UnknownTrack(other)));
    rig.play(0, 60, 30, 30);
    rig.finish();
    let told = |data: &[u8]| data.windows(4).any(|four| four == b"btrt");
    let (video, audio) = (rig.init_of(VIDEO), rig.init_of(AUDIO));
    assert!(told(&video.data) && !told(&audio.data));
    assert_eq!(video.bit_rate.map(|rate| rate.average), Some(2_500_000));
    assert!(told(&mp4::fragmented(&[video, audio]).unwrap()));
}
