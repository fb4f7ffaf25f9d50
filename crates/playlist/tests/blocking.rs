//! What a blocking request waits for (RFC 8216bis, 6.2.5.2 and 6.2.6).

mod support;

use std::time::Duration;

use airloom_playlist::{Answer, BadRequest, Config, Input, Position, Request, Resource};
use support::playlist::Playlist;
use support::{AUDIO, AUDIO_LIST, Stage, VIDEO, VIDEO_LIST, audio, is_waiting, ready};

fn stage() -> Stage {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..7);
    stage
}

fn part(sequence: u64, index: u32) -> Resource {
    Resource::Part { track: VIDEO, sequence, index }
}

#[test]
fn a_part_is_waited_for_and_no_longer() {
    let mut stage = stage();
    let Answer::Wait(wait) = stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1") else {
        panic!("it is not there yet")
    };
    assert_eq!(wait.until, Some(Position { track: Some(VIDEO), sequence: 7, part: 1 }));
    // 503 after three target durations (6.2.5.2).
    assert_eq!(wait.at_most, Duration::from_secs(6));
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1")));
    stage.part(support::AUDIO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1")));
    stage.part(VIDEO, 7, 1, 14_200, 200);
    let text = ready(stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1"));
    assert!(text.contains("1-7.1.m4s"));
}

/// OME#2207: `_HLS_msn` without `_HLS_part` blocks as part 0.
#[test]
fn a_sequence_alone_means_its_part_0() {
    let mut stage = stage();
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7")));
    stage.part(VIDEO, 7, 0, 14_000, 200);
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=7"));
}

/// Without parts a sequence number is there when its segment is.
#[test]
fn without_low_latency_segments_are_waited_for() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    stage.live(0..7);
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7")));
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=0")));
    stage.segment(VIDEO, 7, 14_000, 200);
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=7"));
    assert_eq!(stage.answer(part(7, 1)), Answer::NotFound);
}

#[test]
fn the_past_is_answered_at_once() {
    let mut stage = stage();
    for query in
        ["", "_HLS_msn=0", "_HLS_msn=6", "_HLS_msn=6&_HLS_part=9", "_HLS_msn=0&_HLS_part=3"]
    {
        ready(stage.ask(VIDEO_LIST, query));
    }
    // Long gone from the list: still the whole playlist, at once.
    stage.live(7..100);
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=1&_HLS_part=2"));
}

/// 6.2.5.2: an index beyond a segment's last part means part 0 of the one that follows.
#[test]
fn past_the_last_part_is_part_0_of_the_next() {
    let mut stage = stage();
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=6&_HLS_part=10")));
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=6&_HLS_part=4000000000")));
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=5&_HLS_part=10"));
    stage.part(VIDEO, 7, 0, 14_000, 200);
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=6&_HLS_part=10"));
}

/// The same while the request is already waiting: the segment closes before that part.
#[test]
fn a_segment_that_closes_early_moves_the_wait_to_the_next() {
    let mut stage = stage();
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1")));
    stage.segment(VIDEO, 7, 14_000, 200);
    let Answer::Wait(wait) = stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1") else {
        panic!("part 0 of 8 is due")
    };
    assert_eq!(wait.until, Some(Position { track: Some(VIDEO), sequence: 8, part: 0 }));
    stage.part(VIDEO, 8, 0, 14_200, 200);
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=1"));
}

/// 6.2.5.2: more than two ahead is 400, at once.
#[test]
fn too_far_ahead_is_a_bad_request() {
    let mut stage = stage();
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=8")));
    for msn in [9, u64::MAX] {
        assert_eq!(
            stage.ask(VIDEO_LIST, &format!("_HLS_msn={msn}")),
            Answer::BadRequest(BadRequest::TooFarAhead { msn, last: 6 })
        );
    }
    // With a part of 7 listed, 7 is the last.
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=9")));
    // The Advance Part Limit: three seconds of parts, fifteen of 200 ms.
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=15")));
    assert_eq!(
        stage.ask(VIDEO_LIST, "_HLS_msn=7&_HLS_part=16"),
        Answer::BadRequest(BadRequest::PartTooFarAhead { part: 16, last: 1 })
    );
}

#[test]
fn malformed_directives_are_bad_requests() {
    let mut stage = stage();
    let malformed = |directive| Answer::BadRequest(BadRequest::Malformed { directive });
    for query in [
        "_HLS_msn=",
        "_HLS_msn=-1",
        "_HLS_msn=1.5",
        "_HLS_msn=07",
        "_HLS_msn=1&_HLS_msn=1",
        "_HLS_msn=18446744073709551616",
        "_HLS_msn",
        "_HLS_msn=%31",
    ] {
        assert_eq!(stage.ask(VIDEO_LIST, query), malformed("_HLS_msn"), "{query}");
    }
    assert_eq!(stage.ask(VIDEO_LIST, "_HLS_msn=1&_HLS_part=x"), malformed("_HLS_part"));
    assert_eq!(stage.ask(VIDEO_LIST, "_HLS_msn=1&_HLS_part=4294967296"), malformed("_HLS_part"));
    assert_eq!(stage.ask(VIDEO_LIST, "_HLS_skip=NO"), malformed("_HLS_skip"));
    assert_eq!(stage.ask(VIDEO_LIST, "_HLS_skip=YES&_HLS_skip=v2"), malformed("_HLS_skip"));
    assert_eq!(
        stage.ask(VIDEO_LIST, "_HLS_part=1"),
        Answer::BadRequest(BadRequest::PartWithoutSequence)
    );
    // What is not a directive is somebody else's: tokens, other players' parameters.
    ready(stage.ask(VIDEO_LIST, "token=abc&_HLS_future=1&&=&_hls_msn=x"));
    // Directives are for media playlists.
    ready(stage.ask(Resource::Multivariant, "_HLS_msn=x"));
}

/// 6.2.6: a hinted part is held until it is there; a part nobody hinted is not found.
#[test]
fn the_hinted_part_is_waited_for() {
    let mut stage = stage();
    assert_eq!(Playlist::read(&stage.text(VIDEO_LIST)).hint.as_deref(), Some("1-7.0.m4s"));
    assert!(is_waiting(&stage.answer(part(7, 0))));
    assert_eq!(stage.answer(part(7, 1)), Answer::NotFound);
    assert_eq!(stage.answer(part(8, 0)), Answer::NotFound);
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert_eq!(stage.answer(part(7, 0)), Answer::Stored(part(7, 0)));
    assert!(is_waiting(&stage.answer(part(7, 1))));
    // A segment that is not complete comes as it is made; one that nobody has begun is not there.
    let segment = |sequence| Resource::Segment { track: VIDEO, sequence };
    assert_eq!(stage.answer(segment(7)), Answer::Growing(segment(7)));
    assert_eq!(stage.answer(segment(8)), Answer::NotFound);
}

/// A name that was promised is kept, also when the segment ends where nobody knew it would: the
/// part that comes next has it, so a client that asked for the hint gets what it will need.
#[test]
fn a_promised_name_is_kept_over_the_end_of_its_segment() {
    let mut stage = stage();
    stage.part(VIDEO, 7, 0, 14_000, 200);
    let before = Playlist::read(&stage.text(VIDEO_LIST));
    assert_eq!(before.hint.as_deref(), Some("1-7.1.m4s"));
    stage.segment(VIDEO, 7, 14_000, 200);
    let between = Playlist::read(&stage.text(VIDEO_LIST));
    assert_eq!(between.hint.as_deref(), Some("1-7.1.m4s"));
    assert!(is_waiting(&stage.answer(part(7, 1))));
    stage.part(VIDEO, 8, 0, 14_200, 200);
    let after = Playlist::read(&stage.text(VIDEO_LIST));
    before.check_successor(&after);
    between.check_successor(&after);
    assert_eq!(after.segments.last().unwrap().parts[0].uri, "1-7.1.m4s");
    // The integrator keeps it where it belongs.
    assert_eq!(stage.answer(part(7, 1)), Answer::Stored(part(8, 0)));
    assert_eq!(stage.answer(part(8, 0)), Answer::Stored(part(8, 0)));
    assert_eq!(after.hint.as_deref(), Some("1-8.1.m4s"));
}

/// A hint nobody saw is no promise.
#[test]
fn a_name_that_was_not_given_out_is_free() {
    let mut stage = stage();
    stage.part(VIDEO, 7, 0, 14_000, 200);
    stage.segment(VIDEO, 7, 14_000, 200);
    stage.part(VIDEO, 8, 0, 14_200, 200);
    let list = Playlist::read(&stage.text(VIDEO_LIST));
    assert_eq!(list.segments.last().unwrap().parts[0].uri, "1-8.0.m4s");
}

/// Measured: Shaka raises a critical error over a hinted part that never comes. At the end of a
/// stream everything that waits is answered, and the playlist says why.
#[test]
fn the_end_answers_all_who_wait() {
    let mut stage = stage();
    stage.part(VIDEO, 7, 0, 14_000, 200);
    assert!(is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=8&_HLS_part=0")));
    assert!(is_waiting(&stage.answer(part(7, 1))));
    stage.input(Input::End).unwrap();
    assert!(ready(stage.ask(VIDEO_LIST, "_HLS_msn=8&_HLS_part=0")).ends_with("#EXT-X-ENDLIST\n"));
    // 6.2.5.2: directives are ignored once the list has ended, however far they reach.
    ready(stage.ask(VIDEO_LIST, "_HLS_msn=4000000000"));
    assert_eq!(stage.answer(part(7, 1)), Answer::NotFound);
    assert_eq!(
        stage.answer(Resource::Segment { track: VIDEO, sequence: 7 }),
        Answer::Stored(Resource::Segment { track: VIDEO, sequence: 7 })
    );
}

#[test]
fn a_stream_that_starts_is_waited_for_and_an_unknown_one_is_not() {
    let mut stage = Stage::new(Config::default());
    for resource in [Resource::Multivariant, Resource::Mpd, Resource::Ts] {
        assert!(is_waiting(&stage.answer(resource)), "{resource}");
    }
    assert_eq!(stage.answer(VIDEO_LIST), Answer::NotFound);
    stage.input(Input::Track(support::video(0))).unwrap();
    assert!(is_waiting(&stage.answer(VIDEO_LIST)));
    assert_eq!(stage.answer(AUDIO_LIST), Answer::NotFound);
    // Players refuse a playlist without a segment, so parts alone do not start it.
    stage.part(VIDEO, 0, 0, 0, 200);
    assert!(is_waiting(&stage.answer(VIDEO_LIST)));
    assert!(is_waiting(&stage.answer(Resource::Multivariant)));
    stage.segment(VIDEO, 0, 0, 200);
    for resource in [VIDEO_LIST, Resource::Multivariant, Resource::Mpd] {
        ready(stage.answer(resource));
    }
}

#[test]
fn a_stream_that_ends_before_it_started_is_not_found() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.input(Input::End).unwrap();
    for resource in [Resource::Multivariant, Resource::Mpd, Resource::Ts, VIDEO_LIST, AUDIO_LIST] {
        assert_eq!(stage.answer(resource), Answer::NotFound, "{resource}");
    }
}

#[test]
fn the_clock_is_somebody_elses() {
    let mut stage = stage();
    assert_eq!(stage.answer(Resource::Time), Answer::Time);
}

/// nginx-rtmp pushes sound at once and the picture from its next key frame on: a playlist given out
/// in between would name sound alone.
#[test]
fn a_kind_the_metadata_promises_is_waited_for_and_not_for_ever() {
    let mut stage = Stage::new(Config::default());
    stage.input(Input::Expect(airloom_media::Kind::Video)).unwrap();
    stage.input(Input::Track(audio(0))).unwrap();
    stage.segment(AUDIO, 0, 0, 2000);
    let index = Request::new(Resource::Multivariant);
    assert!(matches!(stage.window.answer(&index), Answer::Wait(_)));
    stage.segment(AUDIO, 1, 2000, 2000);
    stage.segment(AUDIO, 2, 4000, 2000);
    assert!(matches!(stage.window.answer(&index), Answer::Ready(_)));
}

#[test]
fn the_playlist_of_mpeg_ts_blocks_and_refuses_like_the_others() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    let ask = |query: &str| Request::from_query(Resource::Ts, query).unwrap();
    assert!(stage.text(Resource::Ts).contains("CAN-BLOCK-RELOAD=YES"));
    assert!(matches!(stage.window.answer(&ask("_HLS_msn=2")), Answer::Ready(_)));
    assert!(matches!(stage.window.answer(&ask("_HLS_msn=3")), Answer::Wait(_)));
    assert!(matches!(stage.window.answer(&ask("_HLS_msn=1000")), Answer::BadRequest(_)));
}
