//! Sound and pictures stay as far from each other as the source has them, whatever one of them, or
//! both, may go through.

mod rig;

use airloom_media::{Track, TrackId};
use airloom_segmenter::{Config, Event};
use rig::{AUDIO, Arrival, Rig, VIDEO, X264, audio, pictures, sounds, video};

fn both() -> [Track; 2] {
    [video(X264), audio(48_000)]
}

/// Milliseconds at which the samples of a track stand.
fn milliseconds(rig: &Rig, track: TrackId) -> Vec<i64> {
    let hz = i64::from(rig.init_of(track).timescale.hz());
    rig.times(track).into_iter().map(|time| time * 1000 / hz).collect()
}

/// Thirty seconds in which the times of one track are `by` off from the fifth on.
fn stepped(track: TrackId, by: i64) -> Rig {
    let mut rig = Rig::with(Config::default(), &both());
    let arrivals = pictures(0..900, 60).into_iter().chain(sounds(0..1406));
    let moved = arrivals.map(|(at, arrival)| {
        let off = if at >= 5000 { by } else { 0 };
        let arrival = match arrival {
            Arrival::Picture(time, sync) if track == VIDEO => Arrival::Picture(time + off, sync),
            Arrival::Sound(time) if track == AUDIO => Arrival::Sound(time + off),
            arrival => arrival,
        };
        (at, arrival)
    });
    rig.arrive(moved.collect());
    rig.finish();
    rig.assert_everything_is_there();
    rig
}

#[test]
fn a_track_that_steps_alone_stays_beside_the_other() {
    for track in [VIDEO, AUDIO] {
        for by in [-200, -150, 2600, 3000, 20_000, 50_000_000, -4000] {
            let rig = stepped(track, by);
            // What came at the same time stands at the same time, but for a frame of either.
            let (shown, heard) = (milliseconds(&rig, VIDEO), milliseconds(&rig, AUDIO));
            for second in [8, 15, 29] {
                let (shown, heard) = (shown[second * 30], heard[second * 48 * 1000 / 1024]);
                assert!((shown - heard).abs() <= 60, "{track} {by}: {shown} beside {heard} ms");
            }
            let absent = rig.count(|event| matches!(event, Event::TrackAbsent { .. }));
            assert_eq!(absent, 0, "{track} {by}: {:?}", rig.events);
            let blind = rig.of(VIDEO).iter().filter(|segment| !segment.independent).count();
            assert!(blind <= 1, "{track} {by}: {blind} segments begin blind");
        }
    }
}

#[test]
fn tracks_of_clocks_of_their_own_go_on_where_they_were_after_a_restart() {
    for sound_first in [false, true] {
        let mut rig = Rig::with(Config::default(), &both());
        for run in 0..2 {
            for frame in 0..150 {
                let time = frame * 1000 / 30;
                let picture = 50_000_000 + time + run * 100_000;
                if sound_first {
                    rig.sound(time / 21 * 21);
                }
                rig.picture(picture, 0, frame % 60 == 0);
                if !sound_first {
                    rig.sound(time / 21 * 21);
                }
            }
            if run == 0 {
                rig.restart();
            }
        }
        rig.finish();
        for track in [VIDEO, AUDIO] {
            let times = milliseconds(&rig, track);
            let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(steps.max().unwrap() < 1500, "{track}: {:?}", rig.events);
        }
    }
}

#[test]
fn a_track_that_begins_just_below_zero_keeps_its_place() {
    let mut rig = Rig::with(Config::default(), &both());
    // The pictures come half a second early.
    let pictures = pictures(0..300, 60).into_iter().map(|(at, picture)| (at - 500, picture));
    let sounds = sounds(0..460).into_iter().map(|(at, _)| (at, Arrival::Sound(at - 20)));
    rig.arrive(pictures.chain(sounds).collect());
    rig.finish();
    assert_eq!(rig.times(VIDEO)[0], 0);
    let first = milliseconds(&rig, AUDIO)[0];
    assert!((0..=2).contains(&first), "{first}: {:?}", rig.events);
    assert_eq!(rig.count(|event| matches!(event, Event::Rebased { .. })), 0);
    assert_eq!(rig.count(|event| matches!(event, Event::Dropped { .. })), 1);
}

#[test]
fn a_track_that_is_always_behind_leads_all_the_same() {
    for lead in [600, 900, 1500] {
        let mut rig = Rig::with(Config::default(), &both());
        let sounds = sounds(0..1406).into_iter().map(|(at, sound)| (at - lead, sound));
        rig.arrive(pictures(0..900, 60).into_iter().chain(sounds).collect());
        rig.finish();
        rig.assert_everything_is_there();
        let late: Vec<_> = rig.of(VIDEO).into_iter().skip(2).collect();
        assert!(late.len() > 10);
        assert!(late.iter().all(|segment| segment.independent), "{lead}: {:?}", rig.events);
        let absent = rig.count(|event| matches!(event, Event::TrackAbsent { .. }));
        assert!(absent <= 1, "{lead}: {:?}", rig.events);
    }
}

#[test]
fn one_late_moment_does_not_cost_the_lead() {
    let mut rig = Rig::with(Config::default(), &both());
    let sounds = sounds(0..1406).into_iter().map(|(at, sound)| (at - 600, sound));
    let pictures = pictures(0..900, 60).into_iter().map(|(at, picture)| {
        let late = if (10_000..10_500).contains(&at) { 10_500 - at } else { 0 };
        (at + late, picture)
    });
    rig.arrive(pictures.chain(sounds).collect());
    rig.finish();
    rig.assert_everything_is_there();
    assert!(rig.events.is_empty(), "{:?}", rig.events);
    assert!(rig.of(VIDEO).iter().all(|segment| segment.independent));
}
