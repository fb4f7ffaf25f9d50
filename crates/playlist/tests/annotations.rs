//! What the integrator says besides the media: keys, date ranges, session data, playlist types.

mod support;

use std::time::Duration;

use airloom_playlist::{
    Answer, Config, ContentProtection, DateRange, Error, Input, Key, KeyMethod, Limits,
    PlaylistType, Protection, Resource, Session, SessionData, Steering, WallTime,
};
use bytes::Bytes;
use support::{AUDIO, NOON, Stage, VIDEO, VIDEO_LIST, ready, tags, video};

const KID: [u8; 16] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 0, 1, 2, 3, 4, 5, 6, 7];

fn at(seconds: u64) -> WallTime {
    WallTime::from_unix(Duration::from_secs(NOON + seconds))
}

fn protect(stage: &mut Stage, keys: Vec<Key>) {
    stage.input(Input::Protect(VIDEO, Protection { keys, content: Vec::new() })).unwrap();
}

/// Tags and URIs of a playlist that say what is encrypted how.
fn encryption(text: &str) -> Vec<&str> {
    let said = |line: &&str| {
        line.starts_with("#EXT-X-KEY") || line.starts_with("#EXT-X-MAP") || !line.starts_with('#')
    };
    text.lines().filter(said).collect()
}

/// 4.4.4.4: a key holds for every segment after it, until another.
#[test]
fn keys_stand_where_they_change() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    stage.whole(0..1);
    let key = |n: u8| {
        let uri = format!("https://keys.example/{n}");
        Key::new(KeyMethod::Aes128, uri).unwrap().with_iv([n; 16])
    };
    protect(&mut stage, vec![key(1)]);
    stage.whole(1..3);
    protect(&mut stage, vec![key(2)]);
    stage.whole(3..4);
    protect(&mut stage, Vec::new());
    stage.whole(4..5);
    assert_eq!(
        encryption(&stage.text(VIDEO_LIST)),
        [
            "#EXT-X-MAP:URI=\"1-init-0.mp4\"",
            "1-0.m4s",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/1\",\
             IV=0x01010101010101010101010101010101",
            "1-1.m4s",
            "1-2.m4s",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example/2\",\
             IV=0x02020202020202020202020202020202",
            "1-3.m4s",
            "#EXT-X-KEY:METHOD=NONE",
            "1-4.m4s",
        ]
    );
    // The other track was never encrypted.
    assert!(tags(&stage.text(support::AUDIO_LIST), "EXT-X-KEY").is_empty());
}

/// 4.4.4.5: a map after a key for whole files would be encrypted itself.
#[test]
fn headers_are_never_encrypted() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    protect(&mut stage, vec![Key::new(KeyMethod::Aes128, "k").unwrap()]);
    stage.whole(0..1);
    stage.input(Input::Track(video(1))).unwrap();
    stage.whole(1..2);
    assert_eq!(
        encryption(&stage.text(VIDEO_LIST)),
        [
            "#EXT-X-MAP:URI=\"1-init-0.mp4\"",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"",
            "1-0.m4s",
            "#EXT-X-KEY:METHOD=NONE",
            "#EXT-X-MAP:URI=\"1-init-1.mp4\"",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"",
            "1-1.m4s",
        ]
    );
}

/// cbcs: one key for each key system, and `ContentProtection` in the manifest.
#[test]
fn samples_are_protected_in_both_formats() {
    let mut stage = Stage::with_tracks(Config::default());
    let key = |format| Key::new(KeyMethod::SampleAes, "skd://1").unwrap().with_format(format);
    let pssh = Some("AAAANHBzc2gBAAAA".to_owned());
    let protection = Protection {
        keys: vec![key("com.apple.streamingkeydelivery").unwrap(), key("identity").unwrap()],
        content: vec![ContentProtection::cbcs(KID), ContentProtection::system(KID, pssh).unwrap()],
    };
    stage.input(Input::Protect(VIDEO, protection)).unwrap();
    stage.live(0..2);
    let list = stage.text(VIDEO_LIST);
    assert_eq!(
        tags(&list, "EXT-X-KEY"),
        [
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://1\",\
             KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"",
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://1\",\
             KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\"",
        ]
    );
    let manifest = stage.text(Resource::Mpd);
    let read = dash_mpd_core::parse(&manifest).unwrap();
    // DASH-IF IOP, 7.5: of the set, for all that can be switched between in it.
    let said = &read.periods[0].adaptations[0].ContentProtection;
    assert_eq!(said[0].value.as_deref(), Some("cbcs"));
    let kid = "10325476-98ba-dcfe-0001-020304050607";
    assert_eq!(said[0].default_KID.as_deref(), Some(kid));
    assert_eq!(said[1].schemeIdUri, format!("urn:uuid:{kid}"));
    assert!(manifest.contains("<pssh xmlns=\"urn:mpeg:cenc:2013\">AAAANHBzc2gBAAAA</pssh>"));
    assert!(read.periods[0].adaptations[1].ContentProtection.is_empty());
}

/// 4.4.4.4: a key holds until another of its system or none at all, so one whose system is gone is
/// revoked first.
#[test]
fn a_key_system_that_is_gone_is_revoked() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    let key = |uri: &str, format: &str| {
        Key::new(KeyMethod::SampleAes, uri).unwrap().with_format(format).unwrap()
    };
    protect(&mut stage, vec![key("a", "one"), key("b", "two")]);
    stage.whole(0..1);
    protect(&mut stage, vec![key("c", "two")]);
    stage.whole(1..2);
    protect(&mut stage, vec![key("d", "two"), key("e", "three")]);
    stage.whole(2..3);
    let text = stage.text(VIDEO_LIST);
    let said: Vec<_> = encryption(&text)
        .into_iter()
        .map(|line| {
            line.split("URI=\"").nth(1).map_or(line, |rest| rest.split('"').next().unwrap())
        })
        .collect();
    let none = "#EXT-X-KEY:METHOD=NONE";
    assert_eq!(
        said,
        ["1-init-0.mp4", "a", "b", "1-0.m4s", none, "c", "1-1.m4s", "d", "e", "1-2.m4s"]
    );
}

/// 4.4.4.4: `SAMPLE-AES-CTR` has no IV attribute.
#[test]
fn counter_mode_has_no_iv_in_the_playlist() {
    let mut stage = Stage::with_tracks(Config::default());
    let key = |method| Key::new(method, "k").unwrap().with_iv([1; 16]);
    protect(&mut stage, vec![key(KeyMethod::SampleAesCtr)]);
    stage.live(0..1);
    let list = stage.text(VIDEO_LIST);
    assert_eq!(tags(&list, "EXT-X-KEY"), ["#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"k\""]);
}

/// What is skipped in a delta update is known already, its key too (6.2.5.1).
#[test]
fn a_delta_update_repeats_no_key() {
    let mut stage = Stage::with_tracks(Config::default());
    protect(&mut stage, vec![Key::new(KeyMethod::SampleAes, "k").unwrap()]);
    stage.live(0..12);
    let delta = ready(stage.ask(VIDEO_LIST, "_HLS_skip=YES"));
    assert!(delta.contains("#EXT-X-SKIP") && !delta.contains("#EXT-X-KEY"), "{delta}");
}

/// 4.4.5.1, and SCTE 35: an advertisement is told when it begins, and again when it ends.
#[test]
fn date_ranges_carry_scte_35() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..4);
    let out = DateRange::new("ad-1", at(6))
        .unwrap()
        .with_class("com.example.ad")
        .unwrap()
        .with_planned_duration(Duration::from_millis(30_500))
        .with_scte35_out(Bytes::from_static(&[0xFC, 0x30, 0x01]))
        .unwrap()
        .with_attribute("X-COM-EXAMPLE-ID", "7")
        .unwrap();
    stage.input(Input::DateRange(out.clone())).unwrap();
    let said = "#EXT-X-DATERANGE:ID=\"ad-1\",CLASS=\"com.example.ad\",\
                START-DATE=\"2023-11-14T22:13:26.000Z\"";
    let list = stage.text(VIDEO_LIST);
    let rest = ",SCTE35-OUT=0xFC3001,X-COM-EXAMPLE-ID=\"7\"";
    let planned = ",PLANNED-DURATION=30.500000";
    assert_eq!(tags(&list, "EXT-X-DATERANGE"), [format!("{said}{planned}{rest}")]);
    // In all renditions: a client may play any.
    assert_eq!(tags(&stage.text(Resource::Ts), "EXT-X-DATERANGE").len(), 1);

    let back = Bytes::from_static(&[0xFC, 0x31]);
    let over = out.with_duration(Duration::from_secs(20)).with_scte35_in(back).unwrap();
    stage.input(Input::DateRange(over)).unwrap();
    let list = stage.text(VIDEO_LIST);
    let rest = ",SCTE35-OUT=0xFC3001,SCTE35-IN=0xFC31,X-COM-EXAMPLE-ID=\"7\"";
    let length = ",DURATION=20.000000,PLANNED-DURATION=30.500000";
    assert_eq!(tags(&list, "EXT-X-DATERANGE"), [format!("{said}{length}{rest}")]);
}

/// 6.2.5.1: `v2` skips what was said long ago and names what is gone; `YES` skips none.
#[test]
fn delta_updates_skip_date_ranges_where_the_client_wants_it() {
    let config = Config { window: Duration::from_secs(30), ..Config::default() };
    let mut stage = Stage::with_tracks(config);
    let range = |id: &str, start, length| {
        let range = DateRange::new(id, at(start)).unwrap();
        Input::DateRange(range.with_duration(Duration::from_secs(length)))
    };
    stage.live(0..1);
    stage.input(range("early", 0, 5)).unwrap();
    stage.input(range("long", 1, 300)).unwrap();
    stage.live(1..16);
    stage.input(range("late", 31, 5)).unwrap();
    stage.live(16..19);
    let ids = |text: &str| -> Vec<String> {
        tags(text, "EXT-X-DATERANGE")
            .iter()
            .map(|tag| tag.split('"').nth(1).unwrap().to_owned())
            .collect()
    };
    assert!(stage.text(VIDEO_LIST).contains(",CAN-SKIP-DATERANGES=YES"));
    assert_eq!(ids(&stage.text(VIDEO_LIST)), ["long", "late"]);
    let all = ready(stage.ask(VIDEO_LIST, "_HLS_skip=YES"));
    assert_eq!(ids(&all), ["long", "late"]);
    assert!(all.contains("#EXT-X-VERSION:9\n") && !all.contains("RECENTLY-REMOVED"), "{all}");
    let recent = ready(stage.ask(VIDEO_LIST, "_HLS_skip=v2"));
    assert_eq!(ids(&recent), ["late"]);
    assert!(recent.contains("#EXT-X-VERSION:10\n"));
    assert!(recent.contains(",RECENTLY-REMOVED-DATERANGES=\"early\"\n"), "{recent}");
    stage.live(19..30);
    let later = ready(stage.ask(VIDEO_LIST, "_HLS_skip=v2"));
    assert!(!later.contains("early"), "{later}");
}

/// 4.4.5.1: clients put together what they are told of one identifier, so nothing of it changes or is
/// lost; 4.4.5.1.1: what comes back from a splice says how long it was; 4.2: an attribute stands once.
#[test]
fn a_date_range_stays_what_it_was() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    let section = |byte: u8| Bytes::from(vec![0xFC, byte]);
    let first = DateRange::new("1", at(2)).unwrap().with_class("c").unwrap();
    let first = first.with_planned_duration(Duration::from_secs(9)).with_scte35_out(section(1));
    let first = first.unwrap().with_attribute("X-A", "0").unwrap();
    let first = first.with_attribute("X-A", "1").unwrap();
    stage.input(Input::DateRange(first.clone())).unwrap();
    let list = stage.text(VIDEO_LIST);
    assert_eq!(list.matches("X-A=").count(), 1);
    assert!(list.contains("X-A=\"1\"\n"));
    let again = || DateRange::new("1", at(2)).unwrap().with_class("c").unwrap();
    let planned = || again().with_planned_duration(Duration::from_secs(9));
    let out = || planned().with_scte35_out(section(1)).unwrap();
    for (attribute, range) in [
        ("START-DATE", DateRange::new("1", at(3)).unwrap()),
        ("CLASS", DateRange::new("1", at(2)).unwrap()),
        ("PLANNED-DURATION", again()),
        ("X-", out()),
        ("SCTE35-OUT", planned().with_attribute("X-A", "1").unwrap()),
        ("X-", out().with_attribute("X-A", "2").unwrap()),
    ] {
        let refused = Err(Error::RangeChanged { attribute });
        assert_eq!(stage.input(Input::DateRange(range)), refused, "{attribute}");
    }
    let back = first.clone().with_scte35_in(section(2)).unwrap();
    assert!(matches!(stage.input(Input::DateRange(back.clone())), Err(Error::Unwritable { .. })));
    let back = back.with_duration(Duration::from_secs(8));
    stage.input(Input::DateRange(back)).unwrap();
    assert_eq!(
        stage.input(Input::DateRange(first)),
        Err(Error::RangeChanged { attribute: "DURATION" })
    );
}

/// 4.4.6.4, 4.4.6.5: neither data of one name and language nor a key is there twice; section 8: keys
/// by their systems need version 5.
#[test]
fn nothing_of_the_session_is_said_twice() {
    let data = |value: &str| SessionData::value("com.example.title", value).unwrap();
    let key = || Key::new(KeyMethod::SampleAes, "skd://1").unwrap();
    let session = Session {
        data: vec![data("a"), data("b"), data("c").in_language("de").unwrap()],
        keys: vec![key(), key(), key().with_format("com.apple.streamingkeydelivery").unwrap()],
        ..Session::default()
    };
    let mut stage = Stage::with_tracks(Config { session, ..Config::default() });
    stage.live(0..2);
    let text = stage.text(Resource::Multivariant);
    assert_eq!(tags(&text, "EXT-X-SESSION-DATA").len(), 2);
    assert_eq!(tags(&text, "EXT-X-SESSION-KEY").len(), 2);
    assert!(text.contains("VALUE=\"a\"") && text.contains("#EXT-X-VERSION:5\n"), "{text}");
    let (list, broken) = follow::multivariant::Multivariant::read(&text).unwrap();
    assert!(broken.is_empty() && list.broken().is_empty(), "{:?}", list.broken());
}

#[test]
fn date_ranges_are_bounded() {
    let limits = Limits { date_ranges: 4, ..Limits::default() };
    let mut stage = Stage::with_tracks(Config { limits, ..Config::default() });
    stage.live(0..2);
    let range = |id: u32| Input::DateRange(DateRange::new(id.to_string(), at(0)).unwrap());
    for id in 0..4 {
        stage.input(range(id)).unwrap();
    }
    assert_eq!(stage.input(range(9)), Err(Error::TooManyDateRanges { limit: 4 }));
    stage.input(range(2)).unwrap();
    // Ends that nobody tells do not fill the list for ever.
    stage.live(2..60);
    stage.input(range(9)).unwrap();
}

#[test]
fn what_would_leave_its_quotes_is_refused() {
    for text in ["", "a\"b", "a\nb", "a\tb", &"x".repeat(3000)] {
        assert!(DateRange::new(text, at(0)).is_err());
        assert!(Key::new(KeyMethod::Aes128, text).is_err());
        assert!(SessionData::value("id", text).is_err());
        assert!(Steering::new(text).is_err());
    }
    let range = DateRange::new("1", at(0)).unwrap();
    assert!(range.clone().with_attribute("Y-A", "1").is_err());
    assert!(range.clone().with_attribute("X-a", "1").is_err());
    assert!(range.clone().with_scte35(Bytes::new()).is_err());
    assert!(range.with_scte35(Bytes::from(vec![0; 5000])).is_err());
    assert!(ContentProtection::system(KID, Some("<".to_owned())).is_err());
    assert!(Steering::new("/s").unwrap().with_pathway("a b").is_err());
}

/// 4.4.6.4 to 4.4.6.6.
#[test]
fn the_session_is_described_in_the_multivariant_playlist() {
    let session = Session {
        data: vec![
            SessionData::value("com.example.title", "Ein Titel")
                .unwrap()
                .in_language("de")
                .unwrap(),
            SessionData::uri("com.example.lyrics", "lyrics.json").unwrap(),
        ],
        keys: vec![Key::new(KeyMethod::SampleAes, "skd://1").unwrap()],
        steering: Some(Steering::new("/steering?s=1").unwrap().with_pathway("CDN-A").unwrap()),
        ..Session::default()
    };
    let mut stage = Stage::with_tracks(Config { session, ..Config::default() });
    stage.live(0..2);
    let text = stage.text(Resource::Multivariant);
    assert!(text.contains(
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering?s=1\",PATHWAY-ID=\"CDN-A\"\n\
         #EXT-X-SESSION-DATA:DATA-ID=\"com.example.title\",VALUE=\"Ein Titel\",LANGUAGE=\"de\"\n\
         #EXT-X-SESSION-DATA:DATA-ID=\"com.example.lyrics\",URI=\"lyrics.json\"\n\
         #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://1\"\n"
    ));
    assert!(text.contains(",AUDIO=\"audio\",PATHWAY-ID=\"CDN-A\"\n1.m3u8\n"), "{text}");
}

/// 4.4.3.5: an event loses nothing.
#[test]
fn an_event_keeps_its_beginning() {
    let playlist_type = Some(PlaylistType::Event);
    let window = Duration::from_secs(10);
    let mut stage = Stage::with_tracks(Config { playlist_type, window, ..Config::default() });
    stage.live(0..100);
    let text = stage.text(VIDEO_LIST);
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:0\n"));
    assert_eq!(text.matches("#EXTINF").count(), 100);
    assert!(stage.evicted().is_empty());
    let manifest = stage.text(Resource::Mpd);
    assert!(!manifest.contains("timeShiftBufferDepth") && manifest.contains("startNumber=\"0\""));
    dash_mpd_core::parse(&manifest).unwrap();
    stage.input(Input::End).unwrap();
    assert!(stage.text(VIDEO_LIST).ends_with("#EXT-X-ENDLIST\n"));
}

/// 4.4.3.5: a recording is complete, and has nothing of what is live about it.
#[test]
fn a_recording_is_given_out_when_it_is_complete() {
    let playlist_type = Some(PlaylistType::Vod);
    let mut stage = Stage::with_tracks(Config { playlist_type, ..Config::default() });
    stage.live(0..50);
    for resource in [VIDEO_LIST, Resource::Ts, Resource::Multivariant, Resource::Mpd] {
        assert_eq!(stage.answer(resource), Answer::NotFound, "{resource}");
    }
    stage.input(Input::End).unwrap();
    let text = stage.text(VIDEO_LIST);
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && text.ends_with("#EXT-X-ENDLIST\n"));
    assert_eq!(text.matches("#EXTINF").count(), 50);
    for tag in ["EXT-X-SERVER-CONTROL", "EXT-X-PART", "EXT-X-PRELOAD-HINT"] {
        assert!(!text.contains(tag), "{tag}");
    }
    let manifest = stage.text(Resource::Mpd);
    assert!(manifest.contains("type=\"static\" mediaPresentationDuration=\"PT100S\""));
    assert!(stage.text(Resource::Ts).contains("49.ts"));
    let segment = Resource::Segment { track: AUDIO, sequence: 0 };
    assert_eq!(stage.answer(segment), Answer::Stored(segment));
}
