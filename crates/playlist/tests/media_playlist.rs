//! What a media playlist says, line by line.

mod support;

use airloom_media::Duration;
use airloom_playlist::{Answer, Config, Input, Output, Rendition, Resource};
use support::playlist::Playlist;
use support::{AUDIO_LIST, Stage, VIDEO, VIDEO_LIST, audio, ready, tags, video};

#[test]
fn the_first_playlist_to_the_letter() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.clock = 200;
    stage.part(VIDEO, 7, 0, 14_000, 200);
    stage.clock = 400;
    stage.part(VIDEO, 7, 1, 14_200, 166);
    stage.segment(VIDEO, 7, 14_000, 366);
    stage.clock = 600;
    stage.part(VIDEO, 8, 0, 14_366, 200);
    assert_eq!(
        stage.text(VIDEO_LIST),
        "#EXTM3U\n\
         #EXT-X-VERSION:6\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,CAN-SKIP-DATERANGES=YES,\
         HOLD-BACK=6.000000,PART-HOLD-BACK=0.660000\n\
         #EXT-X-PART-INF:PART-TARGET=0.200000\n\
         #EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-MAP:URI=\"1-init-0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"1-7.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.166000,URI=\"1-7.1.m4s\"\n\
         #EXTINF:0.366000,\n\
         1-7.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.366Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"1-8.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1-8.1.m4s\"\n"
    );
}

#[test]
fn without_low_latency_there_is_no_trace_of_it() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    stage.live(0..1);
    stage.part(VIDEO, 1, 0, 2000, 200);
    assert_eq!(
        stage.text(VIDEO_LIST),
        "#EXTM3U\n\
         #EXT-X-VERSION:6\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,CAN-SKIP-DATERANGES=YES,\
         HOLD-BACK=6.000000\n\
         #EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-MAP:URI=\"1-init-0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n\
         #EXTINF:2.000000,\n\
         0.m4s\n"
            .replace("\n0.m4s", "\n1-0.m4s")
    );
}

/// CASES: parts in audio renditions too (zap-stream-core#96); RFC 8216bis, 4.4.5.4.
#[test]
fn audio_has_parts_and_each_rendition_reports_the_other() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.part(VIDEO, 3, 0, 6000, 200);
    let sound = stage.text(AUDIO_LIST);
    assert_eq!(tags(&sound, "EXT-X-PART").len(), 30);
    assert!(tags(&sound, "EXT-X-PART").iter().all(|part| part.ends_with("INDEPENDENT=YES")));
    assert_eq!(
        tags(&sound, "EXT-X-RENDITION-REPORT"),
        ["#EXT-X-RENDITION-REPORT:URI=\"1.m3u8\",LAST-MSN=3,LAST-PART=0"]
    );
    assert_eq!(
        tags(&stage.text(VIDEO_LIST), "EXT-X-RENDITION-REPORT"),
        ["#EXT-X-RENDITION-REPORT:URI=\"2.m3u8\",LAST-MSN=2,LAST-PART=9"]
    );
}

/// hls.js#7782: INDEPENDENT only where the part starts with a sync sample, and
/// INDEPENDENT-SEGMENTS only while every segment listed does (RFC 8216bis, 4.4.2.1).
#[test]
fn independence_is_claimed_only_where_it_holds() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..1);
    assert_eq!(tags(&stage.text(VIDEO_LIST), "EXT-X-INDEPENDENT-SEGMENTS").len(), 1);
    stage
        .input(Input::Part(airloom_playlist::Part {
            track: VIDEO,
            sequence: 1,
            index: 0,
            start: airloom_media::Timestamp::new(180_000),
            duration: airloom_media::Duration::new(18_000),
            independent: false,
            discontinuity: false,
            bytes: 1,
        }))
        .unwrap();
    let text = stage.text(VIDEO_LIST);
    assert!(text.contains("URI=\"1-1.0.m4s\"\n"));
    assert!(tags(&text, "EXT-X-INDEPENDENT-SEGMENTS").is_empty());
    // The multivariant playlist speaks of all renditions.
    let text = stage.text(Resource::Multivariant);
    assert!(tags(&text, "EXT-X-INDEPENDENT-SEGMENTS").is_empty());
}

/// Exact decimals: 1024 samples of 44.1 kHz have no finite decimal, and yet an hour of them does
/// not drift, and segments equal their parts.
#[test]
fn durations_do_not_drift() {
    use airloom_media::{Duration, Timescale, Timestamp};
    let hz = 44_100;
    let mut stage =
        Stage::new(Config { window: std::time::Duration::from_hours(1), ..Config::default() });
    let rendition =
        airloom_playlist::Rendition { timescale: Timescale::new(hz).unwrap(), ..audio(0) };
    stage.input(Input::Track(rendition)).unwrap();
    let mut at = 1234i64;
    for sequence in 0..1700 {
        let first = at;
        for index in 0..10 {
            stage
                .input(Input::Part(airloom_playlist::Part {
                    track: support::AUDIO,
                    sequence,
                    index,
                    start: Timestamp::new(at),
                    duration: Duration::new(8 * 1024),
                    independent: true,
                    discontinuity: false,
                    bytes: 1,
                }))
                .unwrap();
            at += 8 * 1024;
        }
        stage
            .input(Input::Segment(airloom_playlist::Segment {
                track: support::AUDIO,
                sequence,
                start: Timestamp::new(first),
                duration: Duration::new(80 * 1024),
                independent: true,
                discontinuity: false,
                bytes: 10,
            }))
            .unwrap();
    }
    let list = Playlist::read(&stage.text(AUDIO_LIST));
    let sum: u64 = list.complete().map(|segment| segment.duration).sum();
    let exact = 1700u64 * 80 * 1024 * 1_000_000 / u64::from(hz);
    assert!(sum.abs_diff(exact) <= 1, "{sum} for {exact}");
}

/// ARUT#972, gohlslib#187: TARGETDURATION is constant for the stream's life, and never below a
/// rounded EXTINF. What comes before the first playlist settles it.
#[test]
fn target_duration_is_settled_once() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.input(Input::TargetDuration(4)).unwrap();
    stage.segment(VIDEO, 0, 0, 5400);
    assert_eq!(tags(&stage.text(VIDEO_LIST), "EXT-X-TARGETDURATION"), ["#EXT-X-TARGETDURATION:5"]);
    assert_eq!(
        stage.input(Input::TargetDuration(6)),
        Err(airloom_playlist::Error::Settled { seconds: 5 })
    );
    assert_eq!(stage.input(Input::TargetDuration(3)), Ok(()));
    // A segment beyond it is not lost, and not passed over in silence.
    stage.segment(VIDEO, 1, 5400, 9000);
    assert_eq!(
        stage.window.poll_output(),
        Some(Output::TooLong(Resource::Segment { track: VIDEO, sequence: 1 }))
    );
    let text = stage.text(VIDEO_LIST);
    assert_eq!(tags(&text, "EXT-X-TARGETDURATION"), ["#EXT-X-TARGETDURATION:5"]);
    assert!(text.contains("#EXTINF:9.000000,\n1-1.m4s\n"));
}

/// zap-stream-core#96: a part beyond PART-TARGET is the segmenter's fault, and is told.
#[test]
fn a_part_too_long_is_reported() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.part(VIDEO, 0, 0, 0, 200);
    assert_eq!(stage.window.poll_output(), None);
    stage.part(VIDEO, 0, 1, 200, 201);
    assert_eq!(
        stage.window.poll_output(),
        Some(Output::TooLong(Resource::Part { track: VIDEO, sequence: 0, index: 1 }))
    );
}

/// RFC 8216bis, 4.4.3.8. MTX#2317, OME#1510, gpac#2049: AVPlayer falls 10 to 20 s behind, or stalls at
/// exactly three parts.
#[test]
fn hold_backs_follow_the_configuration_and_the_rules() {
    let hold_back = |target: u64, hold_back: Option<u64>| {
        let mut stage = Stage::with_tracks(Config {
            part_target: Some(std::time::Duration::from_millis(target)),
            part_hold_back: hold_back.map(std::time::Duration::from_millis),
            ..Config::default()
        });
        stage.whole(0..1);
        Playlist::read(&stage.text(VIDEO_LIST)).control("PART-HOLD-BACK").unwrap()
    };
    // Apple: at least three part targets; AVPlayer is reported to stall at exactly three.
    assert!(hold_back(200, None) > 3 * 200_000);
    assert!(hold_back(333, None) > 3 * 333_000);
    assert_eq!(hold_back(200, Some(900)), 900_000);
    // RFC 8216bis, 4.4.3.8: never below two; Apple's authoring rules, 14.3: nor below three.
    assert_eq!(hold_back(200, Some(0)), 600_000);
}

#[test]
fn one_rendering_is_shared_until_something_changes() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..5);
    let (Answer::Ready(first), Answer::Ready(second)) =
        (stage.answer(VIDEO_LIST), stage.answer(VIDEO_LIST))
    else {
        panic!("both are there")
    };
    assert_eq!(first.body.as_ptr(), second.body.as_ptr());
    assert_eq!(first.version, second.version);
    // Sound does not touch the pictures' playlist.
    stage.part(support::AUDIO, 5, 0, 10_000, 200);
    let Answer::Ready(third) = stage.answer(VIDEO_LIST) else { panic!("still there") };
    assert_eq!(first.version, third.version);
    stage.part(VIDEO, 5, 0, 10_000, 200);
    let Answer::Ready(fourth) = stage.answer(VIDEO_LIST) else { panic!("still there") };
    assert!(fourth.version > third.version && fourth.body != third.body);
}

/// A restarted server gives versions above those of before, so no cache confuses them.
#[test]
fn versions_go_on_above_after_a_restart() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..5);
    let Answer::Ready(before) = stage.answer(VIDEO_LIST) else { panic!("there") };
    let clock = stage.clock + 3000;
    let mut stage = Stage::new(Config::default());
    stage.clock = clock;
    stage.input(Input::Track(video(100))).unwrap();
    stage.segment(VIDEO, 100, 0, 2000);
    let Answer::Ready(after) = stage.answer(VIDEO_LIST) else { panic!("there") };
    assert!(after.version > before.version);
}

/// RFC 8216bis, 6.2.1: the end is said, and nothing is promised beyond it.
#[test]
fn an_ended_stream_says_so() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.part(VIDEO, 3, 0, 6000, 200);
    stage.part(VIDEO, 3, 1, 6200, 100);
    let before = Playlist::read(&stage.text(VIDEO_LIST));
    stage.input(Input::End).unwrap();
    let text = stage.text(VIDEO_LIST);
    let after = Playlist::read(&text);
    before.check_successor(&after);
    assert!(text.ends_with("#EXTINF:0.300000,\n1-3.m4s\n#EXT-X-ENDLIST\n"));
    assert!(after.ended && after.hint.is_none() && after.reports.is_empty());
    assert!(ready(stage.answer(Resource::Ts)).ends_with("#EXT-X-ENDLIST\n"));
    // Nothing can be added, and saying it twice does no harm.
    assert_eq!(stage.try_segment(VIDEO, 4, 8000, 2000), Err(airloom_playlist::Error::Ended));
    assert_eq!(stage.input(Input::End), Ok(()));
}

/// A player lines renditions up by date (hls.js): the date is that of presentation, or sound lies
/// beside a reordered picture by the delay of its B-frames.
#[test]
fn dates_are_those_of_presentation() {
    let mut stage = Stage::new(Config::default());
    let delay = Duration::new(6000);
    stage.input(Input::Track(Rendition { presentation_delay: delay, ..video(0) })).unwrap();
    stage.input(Input::Track(audio(0))).unwrap();
    stage.live(0..1);
    let date = |text: &str| {
        tags(text, "EXT-X-PROGRAM-DATE-TIME")[0].rsplit_once("TIME:").unwrap().1.to_owned()
    };
    assert_eq!(date(&stage.text(VIDEO_LIST)), "2023-11-14T22:13:20.066Z");
    assert_eq!(date(&stage.text(AUDIO_LIST)), "2023-11-14T22:13:20.000Z");
}

/// 24 fps cannot fill 85 % of 200 ms with whole frames and not pass it (4.4.3.7).
#[test]
fn a_track_states_its_own_part_target_where_it_is_lower() {
    let mut stage = Stage::new(Config::default());
    let target = Some(Duration::new(15_000));
    stage.input(Input::Track(Rendition { part_target: target, ..video(0) })).unwrap();
    stage.input(Input::Track(audio(0))).unwrap();
    stage.live(0..1);
    assert!(stage.text(VIDEO_LIST).contains("PART-TARGET=0.166667\n"));
    assert!(stage.text(AUDIO_LIST).contains("PART-TARGET=0.200000\n"));
}

/// RFC 8216bis, 6.2.5.1: a delta update leaves out what ends further than CAN-SKIP-UNTIL from the
/// last segment's end, and says how many; both forms of the directive are answered so.
#[test]
fn a_delta_update_skips_what_is_old() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..20);
    let whole = stage.text(VIDEO_LIST);
    let delta = ready(stage.ask(VIDEO_LIST, "_HLS_skip=YES"));
    assert!(delta.len() < whole.len());
    let bare = delta.replace("=13\n", "=13,RECENTLY-REMOVED-DATERANGES=\"\"\n");
    assert_eq!(bare, ready(stage.ask(VIDEO_LIST, "_HLS_skip=v2")));
    let head = "#EXTM3U\n\
         #EXT-X-VERSION:9\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,CAN-SKIP-DATERANGES=YES,\
         HOLD-BACK=6.000000,PART-HOLD-BACK=0.660000\n\
         #EXT-X-PART-INF:PART-TARGET=0.200000\n\
         #EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-SKIP:SKIPPED-SEGMENTS=13\n\
         #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:46.000Z\n\
         #EXTINF:2.000000,\n\
         1-13.m4s\n";
    assert!(delta.starts_with(head), "{delta}");
    let tail = head.split_inclusive('\n').skip(9).collect::<String>();
    let (_, rest) = whole.split_once(&tail).unwrap();
    assert_eq!(&delta[head.len()..], rest);
    // It blocks like any other.
    assert!(support::is_waiting(&stage.ask(VIDEO_LIST, "_HLS_msn=20&_HLS_part=0&_HLS_skip=v2")));
}

/// The same: nothing to skip is nothing skipped, and an ended list is whole (6.2.5.1).
#[test]
fn a_delta_update_of_a_short_or_ended_list_is_the_list() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..7);
    let whole = stage.text(VIDEO_LIST);
    assert_eq!(ready(stage.ask(VIDEO_LIST, "_HLS_skip=YES")), whole);
    stage.live(7..20);
    stage.input(Input::End).unwrap();
    let text = ready(stage.ask(VIDEO_LIST, "_HLS_skip=YES"));
    assert!(tags(&text, "EXT-X-SKIP").is_empty());
}
