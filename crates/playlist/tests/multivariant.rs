//! When the multivariant playlist is there, and what it has measured.

mod support;

use airloom_playlist::{
    Answer, Caption, CaptionChannel, Captions, Config, Input, Resource, Session,
};
use support::{AUDIO, Stage, VIDEO, VIDEO_LIST, is_waiting, tags, video};

const INDEX: Resource = Resource::Multivariant;

#[test]
fn it_waits_for_every_track_that_was_announced() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.segment(VIDEO, 0, 0, 2000);
    assert!(is_waiting(&stage.answer(INDEX)));
    stage.segment(AUDIO, 0, 0, 2000);
    let text = stage.text(INDEX);
    assert_eq!(
        text,
        "#EXTM3U\n#EXT-X-VERSION:4\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio 2\",LANGUAGE=\"und\",\
         DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"2.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1600000,AVERAGE-BANDWIDTH=1600000,\
         CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION=1920x1080,FRAME-RATE=30.000,\
         AUDIO=\"audio\"\n1.m3u8\n"
    );
}

/// SRS#409, ZLMediaKit#3988: a track that was announced and never comes holds nobody up for
/// longer than the configuration says, in media time of the others.
#[test]
fn a_track_that_never_comes_is_not_waited_for() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.segment(VIDEO, 0, 0, 2000);
    assert!(is_waiting(&stage.answer(INDEX)));
    stage.segment(VIDEO, 1, 2000, 2000);
    assert!(tags(&stage.text(INDEX), "EXT-X-MEDIA").is_empty());
    assert_eq!(stage.answer(support::AUDIO_LIST), Answer::NotFound);
    // Should it come after all, it is there for who asks then.
    stage.segment(AUDIO, 2, 4000, 2000);
    assert_eq!(tags(&stage.text(INDEX), "EXT-X-MEDIA").len(), 1);
}

/// CASES: sound that starts 3 s after the pictures is still waited for.
#[test]
fn sound_that_starts_late_is_in_the_first_playlist() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.segment(VIDEO, 0, 0, 2000);
    stage
        .input(Input::Gap(airloom_playlist::Gap {
            track: AUDIO,
            sequence: 0,
            start: airloom_media::Timestamp::ZERO,
            duration: airloom_media::Duration::new(96_000),
            discontinuity: false,
        }))
        .unwrap();
    stage.part(VIDEO, 1, 0, 2000, 200);
    assert!(is_waiting(&stage.answer(INDEX)));
    stage.segment(AUDIO, 1, 3000, 1000);
    assert_eq!(tags(&stage.text(INDEX), "EXT-X-MEDIA").len(), 1);
    // Nobody saw the stream without it, so it is in the first Period.
    let text = stage.text(Resource::Mpd);
    assert_eq!((text.matches("<Period").count(), text.matches("<Adapt").count()), (1, 2));
}

/// RFC 8216bis, 4.1, 4.4.6.2: BANDWIDTH is the peak of any set of neighbours that last from half a
/// target duration to one and a half and half a second, AVERAGE-BANDWIDTH the average.
#[test]
fn bandwidth_is_measured() {
    let mut stage = Stage::new(Config::default());
    stage.input(Input::Track(video(0))).unwrap();
    let mut at = 0;
    for (sequence, (length, bytes)) in
        [(2000, 500_000), (2000, 1_000_000), (100, 400_000)].into_iter().enumerate()
    {
        stage
            .input(Input::Segment(airloom_playlist::Segment {
                track: VIDEO,
                sequence: sequence as u64,
                start: airloom_media::Timestamp::new(at * 90),
                duration: airloom_media::Duration::new(length * 90),
                independent: true,
                discontinuity: false,
                bytes,
            }))
            .unwrap();
        at += length as i64;
    }
    // The last is too short to count alone, and not with the one before it.
    let peak = (1_400_000u64 * 8 * 1000).div_ceil(2100);
    let average = (1_900_000u64 * 8 * 1000).div_ceil(4100);
    let text = stage.text(INDEX);
    assert!(text.contains(&format!("BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},")), "{text}");
}

/// The same where no segment is long enough alone, where a gap parts them, and where the target is
/// settled only later.
#[test]
fn bandwidth_is_that_of_neighbours() {
    let mut stage = Stage::new(Config::default());
    stage.input(Input::Track(video(0))).unwrap();
    let segment = |stage: &mut Stage, sequence: u64, bytes: u64| {
        let start = airloom_media::Timestamp::new(sequence as i64 * 36_000);
        let duration = airloom_media::Duration::new(36_000);
        let (independent, discontinuity) = (true, false);
        let segment = airloom_playlist::Segment {
            track: VIDEO,
            sequence,
            start,
            duration,
            independent,
            discontinuity,
            bytes,
        };
        stage.input(Input::Segment(segment)).unwrap();
    };
    for (sequence, bytes) in [100, 900, 100, 700].into_iter().enumerate() {
        segment(&mut stage, sequence as u64, bytes * 1000);
    }
    // 900, 100 and 700 KB in 1.2 s.
    let peak = 1_700_000 * 8 * 10 / 12 + 1;
    assert!(stage.text(INDEX).contains(&format!("BANDWIDTH={peak},")), "{}", stage.text(INDEX));
    // 4 alone is behind a gap, too short for any set.
    segment(&mut stage, 5, 9_000_000);
    let text = stage.text(INDEX);
    assert!(text.contains(&format!("BANDWIDTH={},", 10_800_000 * 8 / 2)), "{text}");

    let mut stage = Stage::new(Config { target_duration: 1, ..Config::default() });
    stage.input(Input::Track(video(0))).unwrap();
    segment(&mut stage, 0, 900_000);
    segment(&mut stage, 1, 100_000);
    stage.input(Input::TargetDuration(4)).unwrap();
    // No set lasts 2 s yet, so the average is all there is to say.
    assert!(stage.text(INDEX).contains("BANDWIDTH=10000000,AVERAGE-BANDWIDTH=10000000,"));
}

/// RFC 8216bis, 4.4.2.1: a client keeps what it is told here for as long as it plays. The first
/// segment tells nothing yet, and one that cannot be decoded alone tells enough for good.
#[test]
fn independence_is_promised_on_evidence() {
    let promised =
        |stage: &mut Stage| tags(&stage.text(INDEX), "EXT-X-INDEPENDENT-SEGMENTS").len() == 1;
    let mut stage = Stage::with_tracks(Config {
        window: std::time::Duration::from_secs(10),
        ..Config::default()
    });
    stage.live(0..1);
    assert!(!promised(&mut stage));
    stage.part(VIDEO, 1, 0, 2000, 200);
    assert!(!promised(&mut stage));
    stage.part(AUDIO, 1, 0, 2000, 200);
    assert!(promised(&mut stage));
    stage.segment(VIDEO, 1, 2000, 200);
    stage.segment(AUDIO, 1, 2000, 200);
    stage
        .input(Input::Segment(airloom_playlist::Segment {
            track: VIDEO,
            sequence: 2,
            start: airloom_media::Timestamp::new(4000 * 90),
            duration: airloom_media::Duration::new(2000 * 90),
            independent: false,
            discontinuity: false,
            bytes: 1,
        }))
        .unwrap();
    assert!(!promised(&mut stage));
    stage.live(3..20);
    // Each list may say it of what it lists.
    assert_eq!(tags(&stage.text(VIDEO_LIST), "EXT-X-INDEPENDENT-SEGMENTS").len(), 1);
    assert!(!promised(&mut stage));
}

/// RFC 8216bis, 4.4.6.1, 4.4.6.2, section 8; Apple's authoring rules, 4.4: captions are said of all
/// variants, with their languages, or that there are none, or nothing.
#[test]
fn captions_are_what_the_integrator_says() {
    let text = |captions| {
        let session = Session { captions, ..Session::default() };
        let mut stage = Stage::with_tracks(Config { session, ..Config::default() });
        stage.live(0..2);
        let text = stage.text(INDEX);
        let (list, mut broken) = follow::multivariant::Multivariant::read(&text).unwrap();
        broken.extend(list.broken());
        assert!(broken.is_empty(), "{broken:?}");
        text
    };
    assert!(!text(Captions::Unknown).contains("CAPTIONS"));
    let absent = text(Captions::Absent);
    assert!(absent.contains(",CLOSED-CAPTIONS=NONE,AUDIO=\"audio\"\n"), "{absent}");
    assert!(absent.contains("#EXT-X-VERSION:4\n"));
    let caption = |channel, language: &str, name: &str| Caption::new(channel, language, name);
    let listed = text(Captions::Listed(vec![
        caption(CaptionChannel::Line21(1), "en", "English").unwrap(),
        caption(CaptionChannel::Service(2), "es", "Español").unwrap(),
        caption(CaptionChannel::Service(2), "es", "Otra vez").unwrap(),
    ]));
    assert!(listed.contains(
        "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"captions\",NAME=\"English\",\
         LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,INSTREAM-ID=\"CC1\"\n\
         #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"captions\",NAME=\"Español\",\
         LANGUAGE=\"es\",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=\"SERVICE2\"\n#EXT-X-STREAM-INF"
    ));
    assert!(listed.contains(",CLOSED-CAPTIONS=\"captions\",AUDIO"), "{listed}");
    assert!(listed.contains("#EXT-X-VERSION:7\n"));
    for channel in [0, 5].map(CaptionChannel::Line21) {
        assert!(caption(channel, "en", "English").is_err());
    }
    for channel in [0, 64].map(CaptionChannel::Service) {
        assert!(caption(channel, "en", "English").is_err());
    }
    assert!(caption(CaptionChannel::Line21(1), "en", "\"").is_err());
}

/// A rendition whose list has nothing but gaps left is not offered.
#[test]
fn a_track_that_is_gone_for_a_window_is_not_offered() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    for sequence in 2..60 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    assert!(tags(&stage.text(INDEX), "EXT-X-MEDIA").is_empty());
    assert_eq!(stage.answer(support::AUDIO_LIST), Answer::NotFound);
    assert!(tags(&stage.text(VIDEO_LIST), "EXT-X-RENDITION-REPORT").is_empty());
}

/// A codec change is in the next multivariant playlist.
#[test]
fn the_latest_configuration_is_described() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    stage.text(INDEX);
    let changed = airloom_playlist::Rendition {
        codecs: "avc1.42C01E".to_owned(),
        init: 2,
        format: airloom_playlist::Format::Video {
            width: 640,
            height: 360,
            frame_rate: None,
            range: airloom_playlist::VideoRange::Sdr,
        },
        ..video(2)
    };
    stage.input(Input::Track(changed)).unwrap();
    let text = stage.text(INDEX);
    assert!(text.contains("CODECS=\"avc1.42C01E,mp4a.40.2\",RESOLUTION=640x360,AUDIO"), "{text}");
}

/// Of several encodings of one programme, one that has nothing now is not offered to who comes, as
/// long as another has; who watches it is told by EXT-X-GAP (RFC 8216bis, 6.2.1), or by a Period
/// without it.
#[test]
fn an_encoding_that_is_interrupted_is_not_offered() {
    let mut stage = Stage::new(Config::default());
    let other = airloom_media::TrackId::new(3);
    let timescale = support::audio(0).timescale;
    let small = airloom_playlist::Rendition { track: other, timescale, variant: 1, ..video(0) };
    stage.input(Input::Track(video(0))).unwrap();
    stage.input(Input::Track(small)).unwrap();
    let both = |stage: &mut Stage, sequence: u64| {
        for track in [VIDEO, other] {
            stage.part(track, sequence, 0, sequence as i64 * 200, 200);
            stage.segment(track, sequence, sequence as i64 * 200, 200);
        }
    };
    (0..3).for_each(|sequence| both(&mut stage, sequence));
    assert_eq!(tags(&stage.text(INDEX), "EXT-X-STREAM-INF").len(), 2);
    assert_eq!(stage.text(Resource::Mpd).matches("<AdaptationSet").count(), 1);
    stage.part(VIDEO, 3, 0, 600, 200);
    stage
        .input(Input::Gap(airloom_playlist::Gap {
            track: other,
            sequence: 3,
            start: airloom_media::Timestamp::new(600 * 48),
            duration: airloom_media::Duration::new(200 * 48),
            discontinuity: false,
        }))
        .unwrap();
    stage.segment(VIDEO, 3, 600, 200);
    assert_eq!(tags(&stage.text(INDEX), "EXT-X-STREAM-INF").len(), 1);
    assert_eq!(tags(&stage.text(Resource::Media { track: other }), "EXT-X-GAP").len(), 1);
    // The segment that was listed as being made stays where it was; the next one is elsewhere.
    assert_eq!(stage.text(Resource::Mpd).matches("<Period").count(), 1);
    stage.part(VIDEO, 4, 0, 800, 200);
    let text = stage.text(Resource::Mpd);
    let periods: Vec<_> = text.split("<Period").skip(1).collect();
    assert_eq!(periods.iter().map(|it| it.matches("<Repr").count()).collect::<Vec<_>>(), [2, 1]);
    stage.segment(VIDEO, 4, 800, 200);
    both(&mut stage, 5);
    assert_eq!(tags(&stage.text(INDEX), "EXT-X-STREAM-INF").len(), 2);
    both(&mut stage, 6);
    let text = stage.text(Resource::Mpd);
    let last = text.rsplit("<Period").next().unwrap();
    assert_eq!(last.matches("<Representation ").count(), 2, "{text}");
}
