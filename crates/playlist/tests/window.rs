//! What is listed, what is kept, and what is gone (RFC 8216bis, 6.2.2).

mod support;

use std::time::Duration;

use airloom_playlist::{Answer, Config, Error, Input, Limits, Resource};
use support::playlist::Playlist;
use support::{AUDIO, AUDIO_LIST, Stage, VIDEO, VIDEO_LIST, tags, video};

fn window(seconds: u64) -> Config {
    Config { window: Duration::from_secs(seconds), ..Config::default() }
}

fn listed(stage: &mut Stage, resource: Resource) -> Playlist {
    Playlist::read(&stage.text(resource))
}

#[test]
fn the_window_is_listed_and_no_less() {
    let mut stage = Stage::with_tracks(window(60));
    stage.live(0..100);
    for resource in [VIDEO_LIST, AUDIO_LIST, Resource::Ts] {
        let list = listed(&mut stage, resource);
        assert_eq!((list.media_sequence, list.complete().count()), (70, 30), "{resource}");
    }
}

/// Apple's authoring rules: a live playlist has at least six segments.
#[test]
fn at_least_six_segments_are_listed() {
    let mut stage = Stage::with_tracks(window(1));
    stage.live(0..4);
    assert_eq!(listed(&mut stage, VIDEO_LIST).complete().count(), 4);
    stage.live(4..50);
    assert_eq!(listed(&mut stage, VIDEO_LIST).complete().count(), 6);
}

/// 6.2.2: never less than three target durations, however short segments are.
#[test]
fn at_least_three_target_durations_are_listed() {
    let mut stage = Stage::with_tracks(window(0));
    for sequence in 0..100u64 {
        stage.segment(VIDEO, sequence, sequence as i64 * 500, 500);
        if sequence > 12 {
            let list = listed(&mut stage, VIDEO_LIST);
            let sum: u64 = list.complete().map(|segment| segment.duration).sum();
            assert!(sum >= 6_000_000, "{sum}");
        }
    }
}

/// 6.2.2: parts near the live edge only, and fetchable for three target durations after that.
#[test]
fn parts_leave_the_list_before_their_segment() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..10);
    let list = listed(&mut stage, VIDEO_LIST);
    let with_parts: Vec<_> =
        list.segments.iter().filter(|s| !s.parts.is_empty()).map(|s| s.sequence).collect();
    assert_eq!(with_parts, [7, 8, 9]);
    let part = Resource::Part { track: VIDEO, sequence: 0, index: 9 };
    assert_eq!(stage.answer(part), Answer::Stored(part));
}

/// 6.2.2: a segment is there for its own duration and the longest playlist's from when it was
/// listed first, and here some seconds more. home-assistant#46310,
/// tunarr#2082: kept past its listing.
#[test]
fn segments_outlive_their_listing_and_are_evicted_once() {
    let mut stage = Stage::with_tracks(Config { linger: Duration::from_secs(4), ..window(20) });
    let mut gone = Vec::new();
    for sequence in 0..60 {
        stage.live(sequence..sequence + 1);
        gone.extend(stage.evicted());
        let list = listed(&mut stage, VIDEO_LIST);
        // What is listed is there; what was listed 2 + 22 s after its end is there.
        for kept in sequence.saturating_sub(12)..=sequence {
            let resource = Resource::Segment { track: VIDEO, sequence: kept };
            assert_eq!(stage.answer(resource), Answer::Stored(resource), "{kept} of {sequence}");
        }
        assert!(list.media_sequence >= sequence.saturating_sub(10));
    }
    let of = |track| -> Vec<_> {
        let of_track = |resource: &&Resource| matches!(resource, Resource::Segment { track: t, .. } if *t == track);
        gone.iter().filter(of_track).copied().collect()
    };
    let expected: Vec<_> =
        (0..46).map(|sequence| Resource::Segment { track: VIDEO, sequence }).collect();
    assert_eq!(of(VIDEO), expected);
    assert_eq!(of(AUDIO).len(), expected.len());
    let ts = gone.iter().filter(|resource| matches!(resource, Resource::TsSegment { .. }));
    assert_eq!(ts.count(), expected.len());
    for resource in gone {
        assert_eq!(stage.answer(resource), Answer::NotFound);
    }
    let part = Resource::Part { track: VIDEO, sequence: 0, index: 0 };
    assert_eq!(stage.answer(part), Answer::NotFound);
}

#[test]
fn late_draining_tells_the_same() {
    let feed = |drain_each: bool| {
        let mut stage = Stage::with_tracks(window(10));
        let mut gone = Vec::new();
        for sequence in 0..50 {
            stage.live(sequence..sequence + 1);
            if drain_each {
                gone.extend(stage.evicted());
            }
        }
        gone.extend(stage.evicted());
        gone.sort_unstable();
        gone
    };
    assert_eq!(feed(true), feed(false));
}

/// A header goes when the last segment that needs it went.
#[test]
fn inits_are_evicted_after_their_segments() {
    let mut stage = Stage::with_tracks(window(10));
    stage.live(0..3);
    stage.input(Input::Track(video(3))).unwrap();
    let old = Resource::Init { track: VIDEO, id: 0 };
    for sequence in 3..40 {
        stage.live(sequence..sequence + 1);
        let needed = stage.answer(Resource::Segment { track: VIDEO, sequence: 2 });
        let gone = stage.evicted();
        if needed == Answer::NotFound {
            assert!(gone.contains(&old));
            break;
        }
        assert!(!gone.contains(&old));
        assert_eq!(stage.answer(old), Answer::Stored(old));
    }
    assert_eq!(stage.answer(old), Answer::NotFound);
    let new = Resource::Init { track: VIDEO, id: 3 };
    assert_eq!(stage.answer(new), Answer::Stored(new));
}

/// hls.js#4309, SRS#3506: MEDIA-SEQUENCE never falls; the integrator's numbers do not either.
#[test]
fn a_sequence_that_falls_is_refused_and_changes_nothing() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(5..9);
    let before = stage.text(VIDEO_LIST);
    assert_eq!(
        stage.try_segment(VIDEO, 8, 18_000, 2000),
        Err(Error::SequenceFell { sequence: 8, expected: 9 })
    );
    assert_eq!(stage.text(VIDEO_LIST), before);
}

/// measured on xiu, which restarts at 0: after a restart the numbers go on above, and so do the
/// discontinuities.
#[test]
fn a_restarted_server_goes_on() {
    let mut stage = Stage::with_tracks(Config { discontinuity_sequence: 12, ..Config::default() });
    stage.input(Input::Discontinuity).unwrap();
    stage.live(500..502);
    let text = stage.text(VIDEO_LIST);
    let list = Playlist::read(&text);
    assert_eq!((list.media_sequence, list.discontinuity_sequence), (500, 12));
    assert_eq!(list.segments[0].discontinuity_number, 13);
    assert_eq!(tags(&text, "EXT-X-DISCONTINUITY").len(), 1);
}

/// A number far ahead starts the list again instead of listing everything between as missing.
#[test]
fn a_wide_jump_of_numbers_costs_nothing() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..5);
    let before = listed(&mut stage, VIDEO_LIST);
    stage.segment(VIDEO, u64::MAX - 10, 10_000, 2000);
    let after = listed(&mut stage, VIDEO_LIST);
    assert_eq!(after.media_sequence, u64::MAX - 10);
    assert_eq!(after.segments.len(), 1);
    assert_eq!(after.segments[0].discontinuity_number, 1);
    before.check_successor(&after);
    // What was listed lingers.
    let old = Resource::Segment { track: VIDEO, sequence: 4 };
    assert_eq!(stage.answer(old), Answer::Stored(old));
    assert_eq!(
        stage.try_segment(VIDEO, u64::MAX, 12_000, 2000),
        Err(Error::Unwritable { field: "sequence" })
    );
}

#[test]
fn limits_hold() {
    let limits = Limits { tracks: 2, segments: 20, parts: 3, gap: 2, ..Limits::default() };
    let mut stage = Stage::with_tracks(Config { limits, ..Config::default() });
    let third =
        airloom_playlist::Rendition { track: airloom_media::TrackId::new(3), ..support::audio(0) };
    assert_eq!(stage.input(Input::Track(third)), Err(Error::TooManyTracks { limit: 2 }));
    for index in 0..3 {
        stage.part(VIDEO, 0, index, i64::from(index) * 200, 200);
    }
    let part = airloom_playlist::Part {
        track: VIDEO,
        sequence: 0,
        index: 3,
        start: airloom_media::Timestamp::new(600 * 90),
        duration: airloom_media::Duration::new(18_000),
        independent: false,
        discontinuity: false,
        bytes: 1,
    };
    assert_eq!(
        stage.input(Input::Part(part)),
        Err(Error::TooManyParts { track: VIDEO, sequence: 0, limit: 3 })
    );
    stage.whole(1..100);
    let list = listed(&mut stage, VIDEO_LIST);
    assert_eq!(list.complete().count(), 20);
    assert_eq!(list.media_sequence, 80);
    assert_eq!(stage.evicted().len(), 80 + 79 + 79);
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    use airloom_media::{Duration, Timescale, Timestamp};
    let mut stage = Stage::new(Config::default());
    assert_eq!(stage.try_segment(VIDEO, 0, 0, 2000), Err(Error::UnknownTrack { track: VIDEO }));
    stage.input(Input::Track(video(0))).unwrap();
    let codecs =
        |codecs: &str| airloom_playlist::Rendition { codecs: codecs.to_owned(), ..video(0) };
    for text in ["", "avc1\"", "avc1\n", "avc1&", "<", "é", &"x".repeat(257)] {
        assert_eq!(
            stage.input(Input::Track(codecs(text))),
            Err(Error::Unwritable { field: "codecs" }),
            "{text:?}"
        );
    }
    let other = airloom_playlist::Rendition { timescale: Timescale::MILLIS, ..video(0) };
    assert_eq!(
        stage.input(Input::Track(other)),
        Err(Error::Changed { track: VIDEO, field: "timescale" })
    );
    let other = airloom_playlist::Rendition { format: support::audio(0).format, ..video(0) };
    assert_eq!(
        stage.input(Input::Track(other)),
        Err(Error::Changed { track: VIDEO, field: "kind" })
    );
    assert_eq!(stage.try_segment(VIDEO, 0, 0, 0), Err(Error::Unwritable { field: "duration" }));
    let mut segment = airloom_playlist::Segment {
        track: VIDEO,
        sequence: 0,
        start: Timestamp::new(i64::MAX),
        duration: Duration::new(1),
        independent: true,
        discontinuity: false,
        bytes: 0,
    };
    assert_eq!(stage.input(Input::Segment(segment)), Err(Error::Unwritable { field: "duration" }));
    segment.start = Timestamp::new(i64::MAX - 10);
    assert_eq!(stage.input(Input::Segment(segment)), Err(Error::Unwritable { field: "start" }));
    stage.part(VIDEO, 0, 0, 0, 200);
    for (start, length, field) in [(10, 200, "start"), (0, 199, "duration")] {
        assert_eq!(
            stage.try_segment(VIDEO, 0, start, length),
            Err(Error::PartsDisagree { track: VIDEO, sequence: 0, field })
        );
    }
    stage.segment(VIDEO, 0, 0, 200);
}
