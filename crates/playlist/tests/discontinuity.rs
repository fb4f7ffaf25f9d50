//! Where media does not continue, is dated, or is missing.

mod support;

use airloom_media::{Duration, Timestamp, TrackId};
use airloom_playlist::{Answer, Config, Error, Gap, Input, Part, Resource, Segment};
use support::playlist::Playlist;
use support::{AUDIO, AUDIO_LIST, Stage, VIDEO, VIDEO_LIST, audio, per_ms, ready, tags, video};

fn stage() -> Stage {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage
}

fn broken(track: TrackId, sequence: u64, start: i64, length: u64) -> Segment {
    Segment {
        track,
        sequence,
        start: Timestamp::new(start * per_ms(track) as i64),
        duration: Duration::new(length * per_ms(track)),
        independent: true,
        discontinuity: true,
        bytes: 1000,
    }
}

fn numbers(list: &Playlist) -> Vec<(u64, u64)> {
    list.segments.iter().map(|s| (s.sequence, s.discontinuity_number)).collect()
}

/// SRS#3506, MTX#5242: a publisher that comes back is a discontinuity in every rendition, with
/// the same number (6.2.4).
#[test]
fn a_publisher_that_comes_back() {
    let mut stage = stage();
    let (video, audio) =
        (Playlist::read(&stage.text(VIDEO_LIST)), Playlist::read(&stage.text(AUDIO_LIST)));
    stage.clock += 8000;
    stage.input(Input::Discontinuity).unwrap();
    // Its clock starts again at zero.
    stage.clock += 200;
    stage.part(AUDIO, 3, 0, 0, 200);
    stage.part(VIDEO, 3, 0, 0, 200);
    stage.segment(VIDEO, 3, 0, 200);
    stage.ts(3, 0, 200);
    for (before, resource) in
        [(Some(video), VIDEO_LIST), (Some(audio), AUDIO_LIST), (None, Resource::Ts)]
    {
        let text = stage.text(resource);
        let list = Playlist::read(&text);
        assert_eq!(numbers(&list), [(0, 0), (1, 0), (2, 0), (3, 1)], "{text}");
        // Dated by when it was received: 6 s of media, 8 s of silence.
        assert_eq!(list.segments[3].date, Some(1_700_000_014_000));
        if let Some(before) = before {
            before.check_successor(&list);
        }
    }
}

/// 6.2.2: DISCONTINUITY-SEQUENCE counts the tags that left the list, from the start.
#[test]
fn discontinuities_are_counted_as_they_leave() {
    let mut stage =
        Stage::with_tracks(Config { window: std::time::Duration::ZERO, ..Config::default() });
    let mut previous: Option<Playlist> = None;
    for sequence in 0..40u64 {
        if sequence % 3 == 1 {
            stage.input(Input::Discontinuity).unwrap();
        }
        stage.clock += 2000;
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
        let text = stage.text(VIDEO_LIST);
        assert_eq!(tags(&text, "EXT-X-DISCONTINUITY-SEQUENCE").len(), 1);
        let list = Playlist::read(&text);
        for segment in &list.segments {
            assert_eq!(segment.discontinuity_number, segment.sequence.div_ceil(3));
        }
        if let Some(previous) = previous.replace(list.clone()) {
            previous.check_successor(&list);
        }
    }
}

/// ARUT#596, #1555: a jump of 16,769 s, forward or back, is one discontinuity; TARGETDURATION and
/// every EXTINF stay, and the dates go on.
#[test]
fn a_jump_of_the_clock() {
    for jump in [16_769_000, -16_769_000] {
        let mut stage = stage();
        let before = Playlist::read(&stage.text(VIDEO_LIST));
        stage.clock += 2000;
        stage.input(Input::Segment(broken(VIDEO, 3, 6000 + jump, 2000))).unwrap();
        stage.input(Input::Segment(broken(AUDIO, 3, 6000 + jump, 2000))).unwrap();
        let text = stage.text(VIDEO_LIST);
        let list = Playlist::read(&text);
        before.check_successor(&list);
        assert_eq!(tags(&text, "EXT-X-DISCONTINUITY").len(), 1);
        assert_eq!(list.complete().map(|s| s.duration).max(), Some(2_000_000));
        assert_eq!(list.segments[3].date, Some(1_700_000_006_000));
    }
}

/// 6.2.1: dates may not become ambiguous. A publisher whose media ran ahead of the wall clock
/// comes back early: what follows is not dated before what precedes it.
#[test]
fn dates_never_go_back() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.clock = 500;
    for sequence in 0..5 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    stage.input(Input::Discontinuity).unwrap();
    stage.clock = 700;
    stage.segment(VIDEO, 5, 0, 2000);
    let list = Playlist::read(&stage.text(VIDEO_LIST));
    let dates: Vec<_> = list.segments.iter().map(|s| s.date.unwrap()).collect();
    assert!(dates.windows(2).all(|pair| pair[1] == pair[0] + 2000), "{dates:?}");
}

/// measured: multimux dates media 6 s into the future when the first viewer comes late. Here it is
/// the time the sample was received, whoever asks when.
#[test]
fn the_date_is_when_the_sample_was_received() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.clock = 5200;
    stage.part(VIDEO, 0, 0, 90_000, 200);
    stage.segment(VIDEO, 0, 90_000, 200);
    stage.clock = 60_000;
    let list = Playlist::read(&stage.text(VIDEO_LIST));
    assert_eq!(list.segments[0].date, Some(1_700_000_005_000));
}

/// 6.2.4: the mapping of dates to media is the same in all renditions: sound that starts 46 ms
/// later is dated 46 ms later.
#[test]
fn renditions_share_one_mapping() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.clock = 2000;
    stage.segment(VIDEO, 0, 0, 2000);
    stage.clock = 2300;
    stage.segment(AUDIO, 0, 46, 1954);
    let date = |stage: &mut Stage, resource| {
        Playlist::read(&stage.text(resource)).segments[0].date.unwrap()
    };
    assert_eq!(date(&mut stage, AUDIO_LIST), date(&mut stage, VIDEO_LIST) + 46);
}

/// shaka-packager#976, hls.js#4231: new parameter sets are a new MAP after a discontinuity,
/// aligned over the renditions.
#[test]
fn a_codec_change_is_a_map_and_a_discontinuity_in_all_renditions() {
    let mut stage = stage();
    stage.input(Input::Track(video(3))).unwrap();
    // Announced, not yet in force; who asks for the part that is hinted at needs it (B.1).
    let text = stage.text(VIDEO_LIST);
    assert_eq!(tags(&text, "EXT-X-MAP").len(), 1);
    assert!(text.contains(
        "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"1-init-3.mp4\"\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-3.0.m4s\"\n"
    ));
    let map = Resource::Init { track: VIDEO, id: 3 };
    assert_eq!(stage.answer(map), Answer::Stored(map));
    assert_eq!(tags(&stage.text(AUDIO_LIST), "EXT-X-PRELOAD-HINT").len(), 1);
    stage.live(3..5);
    let text = stage.text(VIDEO_LIST);
    assert_eq!(
        tags(&text, "EXT-X-MAP"),
        ["#EXT-X-MAP:URI=\"1-init-0.mp4\"", "#EXT-X-MAP:URI=\"1-init-3.mp4\""]
    );
    assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"1-init-3.mp4\"\n"));
    let sound = stage.text(AUDIO_LIST);
    assert_eq!(tags(&sound, "EXT-X-MAP").len(), 1);
    assert_eq!(tags(&text, "EXT-X-PRELOAD-HINT").len(), 1);
    let expected = [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)];
    assert_eq!(numbers(&Playlist::read(&text)), expected);
    assert_eq!(numbers(&Playlist::read(&sound)), expected);
    // Once the old ones left the list, the new header stands first.
    stage.live(5..60);
    let text = stage.text(VIDEO_LIST);
    assert_eq!(tags(&text, "EXT-X-MAP"), ["#EXT-X-MAP:URI=\"1-init-3.mp4\""]);
}

/// RFC 8216bis, 6.2.1: missing media is listed as such, as long as it would have been.
#[test]
fn numbers_a_track_has_no_media_for_are_gaps() {
    let mut stage = stage();
    stage.segment(VIDEO, 3, 6000, 2000);
    stage.segment(VIDEO, 4, 8000, 1800);
    stage.segment(AUDIO, 5, 9800, 2000);
    let text = stage.text(AUDIO_LIST);
    let list = Playlist::read(&text);
    let missing: Vec<_> =
        list.segments.iter().filter(|s| s.gap).map(|s| (s.sequence, s.duration)).collect();
    assert_eq!(missing, [(3, 2_000_000), (4, 1_800_000)]);
    // Section 8, 6.2.1: the version is what it was before.
    assert_eq!(tags(&text, "EXT-X-VERSION"), ["#EXT-X-VERSION:6"]);
    assert_eq!(stage.answer(Resource::Segment { track: AUDIO, sequence: 3 }), Answer::NotFound);
}

/// A gap that is said is listed at once, where and as long as it is said to be.
#[test]
fn a_gap_that_is_said_is_listed_at_once() {
    let mut stage = stage();
    let gap = |sequence, start: i64, length: u64| {
        Input::Gap(Gap {
            track: AUDIO,
            sequence,
            start: Timestamp::new(start * 48),
            duration: Duration::new(length * 48),
            discontinuity: false,
        })
    };
    let before = Playlist::read(&stage.text(AUDIO_LIST));
    stage.input(gap(3, 6000, 1500)).unwrap();
    let text = stage.text(AUDIO_LIST);
    let after = Playlist::read(&text);
    before.check_successor(&after);
    let last = after.complete().next_back().unwrap();
    assert_eq!((last.sequence, last.gap, last.duration), (3, true, 1_500_000));
    assert_eq!(last.date, Some(1_700_000_006_000));
    // The part that was promised comes under its name after it.
    assert_eq!(after.hint, before.hint);
    stage.part(AUDIO, 4, 0, 7500, 200);
    let later = Playlist::read(&stage.text(AUDIO_LIST));
    after.check_successor(&later);
    assert_eq!(later.segments.last().unwrap().parts[0].uri, "2-3.0.m4s");
    assert_eq!(
        stage.input(gap(4, 7500, 2000)),
        Err(Error::SequenceFell { sequence: 4, expected: 5 })
    );
}

/// RFC 8216bis, 4.4.5.4: a report is of the last part, and says which, also where a gap follows it.
#[test]
fn a_report_names_the_last_part_there_is() {
    let mut stage = stage();
    stage
        .input(Input::Gap(Gap {
            track: AUDIO,
            sequence: 3,
            start: Timestamp::new(6000 * 48),
            duration: Duration::new(2000 * 48),
            discontinuity: false,
        }))
        .unwrap();
    stage.part(VIDEO, 3, 0, 6000, 200);
    let reports =
        |stage: &mut Stage| tags(&stage.text(VIDEO_LIST), "EXT-X-RENDITION-REPORT")[0].to_owned();
    let report = reports(&mut stage);
    assert!(report.ends_with("URI=\"2.m3u8\",LAST-MSN=2,LAST-PART=9"), "{report}");
    // Without any part in its list, it is of the last segment.
    for sequence in 4..8 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    let report = reports(&mut stage);
    assert!(report.ends_with("URI=\"2.m3u8\",LAST-MSN=5"), "{report}");
}

/// SRS#409: sound that stops does not hold the pictures up, and its list goes on with gaps; what
/// then comes too late is refused.
#[test]
fn a_track_that_falls_silent_is_given_up() {
    let mut stage = stage();
    let before = Playlist::read(&stage.text(AUDIO_LIST));
    stage.part(AUDIO, 3, 0, 6000, 200);
    for sequence in 3..5 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
        assert_eq!(Playlist::read(&stage.text(AUDIO_LIST)).complete().count(), 3);
    }
    // 4 s after segment 3 ended it is closed with what it has, and so on.
    stage.segment(VIDEO, 5, 10_000, 2000);
    stage.segment(VIDEO, 6, 12_000, 2000);
    let list = Playlist::read(&stage.text(AUDIO_LIST));
    before.check_successor(&list);
    let tail: Vec<_> = list.complete().skip(3).map(|s| (s.sequence, s.gap, s.duration)).collect();
    assert_eq!(tail, [(3, false, 200_000), (4, true, 2_000_000)]);
    assert_eq!(
        stage.try_segment(AUDIO, 4, 8000, 2000),
        Err(Error::SequenceFell { sequence: 4, expected: 5 })
    );
    stage.segment(AUDIO, 7, 14_000, 2000);
    let list = Playlist::read(&stage.text(AUDIO_LIST));
    let tail: Vec<_> = list.complete().skip(5).map(|s| (s.sequence, s.gap)).collect();
    assert_eq!(tail, [(5, true), (6, true), (7, false)]);
}

/// ARUT#641: sound that comes later. 6.2.4: renditions differ by a segment at most, so what the
/// pictures list already is listed as missing.
#[test]
fn a_track_that_comes_later() {
    let mut stage = Stage::new(Config::default());
    stage.input(Input::Track(video(0))).unwrap();
    for sequence in 0..5 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    assert_eq!(tags(&stage.text(Resource::Multivariant), "EXT-X-MEDIA").len(), 0);
    stage.input(Input::Track(audio(5))).unwrap();
    assert!(support::is_waiting(&stage.answer(AUDIO_LIST)));
    stage.part(AUDIO, 5, 0, 10_000, 200);
    stage.segment(AUDIO, 5, 10_000, 200);
    let list = Playlist::read(&stage.text(AUDIO_LIST));
    assert_eq!(list.media_sequence, 0);
    let missing: Vec<_> = list.complete().map(|s| s.gap).collect();
    assert_eq!(missing, [true, true, true, true, true, false]);
    assert_eq!(tags(&stage.text(Resource::Multivariant), "EXT-X-MEDIA").len(), 1);
}

/// A segment that nobody closed is closed by the next: its parts are all of it.
#[test]
fn the_next_segment_closes_the_one_before() {
    let mut stage = stage();
    stage.part(VIDEO, 3, 0, 6000, 200);
    stage.part(VIDEO, 3, 1, 6200, 100);
    stage.part(VIDEO, 4, 0, 6300, 200);
    let list = Playlist::read(&stage.text(VIDEO_LIST));
    assert_eq!(list.complete().next_back().unwrap().duration, 300_000);
    let segment = Resource::Segment { track: VIDEO, sequence: 3 };
    assert_eq!(stage.answer(segment), Answer::Stored(segment));
    assert_eq!(
        stage.try_segment(VIDEO, 3, 6000, 300),
        Err(Error::PartsDisagree { track: VIDEO, sequence: 3, field: "start" })
            .or(Err(Error::SequenceFell { sequence: 3, expected: 5 }))
    );
}

#[test]
fn parts_come_in_order() {
    let mut stage = stage();
    let part = |sequence, index| {
        Input::Part(Part {
            track: VIDEO,
            sequence,
            index,
            start: Timestamp::new(540_000),
            duration: Duration::new(18_000),
            independent: true,
            discontinuity: false,
            bytes: 1,
        })
    };
    let out_of_order =
        |index, expected| Err(Error::PartOutOfOrder { track: VIDEO, sequence: 3, index, expected });
    assert_eq!(stage.input(part(3, 1)), out_of_order(1, 0));
    assert_eq!(stage.input(part(3, 0)), Ok(()));
    assert_eq!(stage.input(part(3, 0)), out_of_order(0, 1));
    assert_eq!(stage.input(part(3, 2)), out_of_order(2, 1));
    assert_eq!(stage.input(part(2, 0)), Err(Error::SequenceFell { sequence: 2, expected: 4 }));
    ready(stage.answer(VIDEO_LIST));
}
