//! The manifest.

mod support;

use std::time::Duration;

use airloom_playlist::{Answer, Config, Input, Resource};
use dash_mpd_core::MPD;
use support::{AUDIO, Stage, VIDEO, audio, is_waiting, ready, video};

const MPD_NAME: Resource = Resource::Mpd;

/// Reads a manifest with two readers that are not ours.
fn read(text: &str) -> MPD {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            quick_xml::events::Event::Start(tag) => {
                tag.attributes().for_each(|attribute| {
                    attribute.expect("each attribute once");
                });
                open.push(tag.name().as_ref().to_owned());
            }
            quick_xml::events::Event::End(_) => {
                open.pop();
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty());
    dash_mpd_core::parse(text).expect("dash-mpd-core reads it")
}

fn mpd(stage: &mut Stage) -> MPD {
    read(&stage.text(MPD_NAME))
}

#[test]
fn to_the_letter() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(7..10);
    stage.part(VIDEO, 10, 0, 20_000, 200);
    assert_eq!(
        stage.text(MPD_NAME),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
         profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"dynamic\" \
         availabilityStartTime=\"2023-11-14T22:13:20.000Z\" \
         publishTime=\"2023-11-14T22:13:26.000Z\" minimumUpdatePeriod=\"PT0.35S\" \
         timeShiftBufferDepth=\"PT60S\" suggestedPresentationDelay=\"PT1.36S\" \
         minBufferTime=\"PT2S\">\n\
         \x20<ServiceDescription id=\"0\">\n\
         \x20 <Latency referenceId=\"0\" target=\"1360\" min=\"1020\" max=\"2720\"/>\n\
         \x20 <PlaybackRate min=\"0.9\" max=\"1.1\"/>\n\
         \x20</ServiceDescription>\n\
         \x20<Period id=\"0\" start=\"PT0S\">\n\
         \x20 <AdaptationSet id=\"1\" contentType=\"video\" mimeType=\"video/mp4\" \
         segmentAlignment=\"true\" startWithSAP=\"1\">\n\
         \x20  <Representation id=\"1\" codecs=\"avc1.640028\" bandwidth=\"800000\" \
         width=\"1920\" height=\"1080\" frameRate=\"30\">\n\
         \x20   <ProducerReferenceTime id=\"0\" type=\"encoder\" \
         wallClockTime=\"2023-11-14T22:13:20.000Z\" presentationTime=\"1260000\">\n\
         \x20    <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"time\"/>\n\
         \x20   </ProducerReferenceTime>\n\
         \x20   <Resync type=\"0\" dT=\"18000\"/>\n\
         \x20   <SegmentTemplate timescale=\"90000\" presentationTimeOffset=\"1260000\" \
         initialization=\"1-init-0.mp4\" media=\"1-$Number$.m4s\" startNumber=\"7\" \
         availabilityTimeOffset=\"1.800000\" availabilityTimeComplete=\"false\">\n\
         \x20    <SegmentTimeline>\n\
         \x20     <S t=\"1260000\" d=\"180000\" r=\"2\"/>\n\
         \x20     <S d=\"182250\"/>\n\
         \x20    </SegmentTimeline>\n\
         \x20   </SegmentTemplate>\n\
         \x20  </Representation>\n\
         \x20 </AdaptationSet>\n\
         \x20 <AdaptationSet id=\"2\" contentType=\"audio\" mimeType=\"audio/mp4\" \
         segmentAlignment=\"true\" startWithSAP=\"1\">\n\
         \x20  <Representation id=\"2\" codecs=\"mp4a.40.2\" bandwidth=\"800000\" \
         audioSamplingRate=\"48000\">\n\
         \x20   <AudioChannelConfiguration \
         schemeIdUri=\"urn:mpeg:mpegB:cicp:ChannelConfiguration\" value=\"2\"/>\n\
         \x20   <ProducerReferenceTime id=\"0\" type=\"encoder\" \
         wallClockTime=\"2023-11-14T22:13:20.000Z\" presentationTime=\"672000\">\n\
         \x20    <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"time\"/>\n\
         \x20   </ProducerReferenceTime>\n\
         \x20   <Resync type=\"0\" dT=\"9600\"/>\n\
         \x20   <SegmentTemplate timescale=\"48000\" presentationTimeOffset=\"672000\" \
         initialization=\"2-init-0.mp4\" media=\"2-$Number$.m4s\" startNumber=\"7\" \
         availabilityTimeOffset=\"1.800000\" availabilityTimeComplete=\"false\">\n\
         \x20    <SegmentTimeline>\n\
         \x20     <S t=\"672000\" d=\"96000\" r=\"2\"/>\n\
         \x20    </SegmentTimeline>\n\
         \x20   </SegmentTemplate>\n\
         \x20  </Representation>\n\
         \x20 </AdaptationSet>\n\
         \x20</Period>\n\
         \x20<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"time\"/>\n\
         </MPD>\n"
    );
}

/// ARUT#614, dash.js#1202, shaka-player#733: availabilityStartTime never moves, UTCTiming is
/// there, and a Period keeps its id and start.
#[test]
fn what_must_not_move_does_not() {
    let mut stage = Stage::with_tracks(Config {
        window: Duration::from_secs(20),
        time_url: Some("https://clock.example/?a=1&b=2".to_owned()),
        ..Config::default()
    });
    stage.live(0..3);
    let first = mpd(&mut stage);
    for round in 1..20 {
        stage.live(round * 3..round * 3 + 3);
        if round % 5 == 0 {
            stage.clock += 3000;
            stage.input(Input::Discontinuity).unwrap();
        }
        let next = mpd(&mut stage);
        assert_eq!(next.availabilityStartTime, first.availabilityStartTime);
        assert_eq!(next.UTCTiming[0].value.as_deref(), Some("https://clock.example/?a=1&b=2"));
        assert!(next.publishTime > first.publishTime);
        let mut ends = 0.0;
        for period in &next.periods {
            let start = period.start.unwrap().as_secs_f64();
            assert!(start >= ends, "Periods do not overlap");
            ends = start;
        }
    }
}

/// measured on nginx-rtmp and transmux: sound that starts 46 ms later is 46 ms later here, exactly,
/// and both tracks count from the same instant.
#[test]
fn the_offset_between_tracks_is_kept_to_the_tick() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.segment(VIDEO, 0, 10_001, 2000);
    stage.segment(AUDIO, 0, 10_047, 1954);
    let text = stage.text(MPD_NAME);
    let mpd = read(&text);
    let mut starts = Vec::new();
    for set in &mpd.periods[0].adaptations {
        let template = set.representations[0].SegmentTemplate.as_ref().unwrap();
        let (timescale, offset) =
            (template.timescale.unwrap(), template.presentationTimeOffset.unwrap());
        let start = template.SegmentTimeline.as_ref().unwrap().segments[0].t.unwrap();
        // In units of 1/720000 s, which both clocks divide.
        starts.push((start - offset) * (720_000 / timescale));
        assert_eq!(offset * (720_000 / timescale) % 120, 0);
    }
    assert_eq!(starts[1] - starts[0], 46 * 720, "{text}");
    assert!(starts[0] < 720, "the Period starts within a millisecond of its first segment");
}

/// Numbers of segments that the last Period lists of its first track, and how long the last is.
fn last_listed(mpd: &MPD) -> (u64, u64) {
    let set = &mpd.periods.last().unwrap().adaptations[0];
    let template = set.representations[0].SegmentTemplate.as_ref().unwrap();
    let listed = &template.SegmentTimeline.as_ref().unwrap().segments;
    let count: i64 = listed.iter().map(|s| 1 + s.r.unwrap_or(0)).sum();
    (template.startNumber.unwrap() + count as u64 - 1, listed.last().unwrap().d)
}

/// DASH-IF low latency: the segment being made is listed from its first part on, for somewhat
/// longer than it is going to be, and the text changes only when it is complete.
#[test]
fn the_segment_being_made_is_listed() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    assert_eq!(last_listed(&mpd(&mut stage)), (2, 180_000));
    stage.part(VIDEO, 3, 0, 6000, 200);
    let first = stage.text(MPD_NAME);
    assert_eq!(last_listed(&read(&first)), (3, 180_000 + 2250));
    stage.part(VIDEO, 3, 1, 6200, 200);
    assert_eq!(stage.text(MPD_NAME), first);
    // The keyframe came early.
    stage.segment(VIDEO, 3, 6000, 400);
    assert_eq!(last_listed(&mpd(&mut stage)), (3, 36_000));
    stage.input(Input::End).unwrap();
    let text = stage.text(MPD_NAME);
    for word in ["availabilityTime", "ServiceDescription", "ProducerReferenceTime"] {
        assert!(!text.contains(word), "{word} in a recording");
    }
}

/// What comes after a break is played from its first parts on, as what came before was.
#[test]
fn a_period_is_listed_as_soon_as_each_track_has_a_part_of_it() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.clock += 3000;
    stage.input(Input::Discontinuity).unwrap();
    stage.part(VIDEO, 3, 0, 400_000, 200);
    assert_eq!(mpd(&mut stage).periods.len(), 1);
    stage.part(AUDIO, 3, 0, 400_010, 200);
    let before = mpd(&mut stage);
    assert_eq!(before.periods.len(), 2);
    stage.segment(VIDEO, 3, 400_000, 200);
    stage.segment(AUDIO, 3, 400_010, 200);
    let after = mpd(&mut stage);
    assert_eq!(before.periods[1].start, after.periods[1].start);
}

#[test]
fn a_latency_that_the_integrator_wants_is_asked_for() {
    let config = Config { dash_latency: Some(Duration::from_millis(2500)), ..Config::default() };
    let mut stage = Stage::with_tracks(config);
    stage.live(0..1);
    let latency = &mpd(&mut stage).ServiceDescription[0].Latency[0];
    assert_eq!((latency.target, latency.max), (Some(2500.0), Some(5000.0)));
}

#[test]
fn without_parts_only_complete_segments_are_listed() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    stage.live(0..3);
    stage.part(VIDEO, 3, 0, 6000, 200);
    let text = stage.text(MPD_NAME);
    assert_eq!(last_listed(&read(&text)), (2, 180_000));
    assert!(!text.contains("availabilityTime") && !text.contains("ServiceDescription"));
    let segment = Resource::Segment { track: VIDEO, sequence: 3 };
    assert_eq!(stage.answer(segment), Answer::NotFound);
}

#[test]
fn a_manifest_is_waited_for() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.part(VIDEO, 0, 0, 0, 200);
    assert!(is_waiting(&stage.answer(MPD_NAME)));
    stage.segment(VIDEO, 0, 0, 200);
    assert!(is_waiting(&stage.answer(MPD_NAME)));
    stage.segment(AUDIO, 0, 0, 200);
    stage.part(VIDEO, 1, 0, 200, 200);
    let Answer::Ready(before) = stage.answer(MPD_NAME) else { panic!("ready") };
    stage.part(VIDEO, 1, 1, 400, 200);
    let Answer::Ready(after) = stage.answer(MPD_NAME) else { panic!("ready") };
    assert_eq!((before.version, before.body.as_ptr()), (after.version, after.body.as_ptr()));
}

/// A codec change and a publisher that comes back are Periods; their start says how long nothing
/// was sent.
#[test]
fn discontinuities_are_periods() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.input(Input::Track(video(3))).unwrap();
    stage.live(3..5);
    stage.clock += 5000;
    stage.input(Input::Discontinuity).unwrap();
    stage.live(5..6);
    let mpd = mpd(&mut stage);
    let periods: Vec<_> = mpd
        .periods
        .iter()
        .map(|period| {
            let template = |set: usize| {
                period.adaptations[set].representations[0].SegmentTemplate.as_ref().unwrap()
            };
            (
                period.id.clone().unwrap(),
                period.start.unwrap().as_secs(),
                template(0).startNumber.unwrap(),
                template(0).initialization.clone().unwrap(),
                template(1).presentationTimeOffset.unwrap(),
            )
        })
        .collect();
    let init = |id: u64| format!("1-init-{id}.mp4");
    assert_eq!(
        periods,
        [
            ("0".to_owned(), 0, 0, init(0), 0),
            ("3".to_owned(), 6, 3, init(3), 6 * 48_000),
            ("5".to_owned(), 15, 5, init(3), 10 * 48_000),
        ]
    );
}

/// A new Period is not listed before all its tracks can be: players do not take what is added.
#[test]
fn a_period_comes_whole() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.input(Input::Discontinuity).unwrap();
    stage.segment(VIDEO, 3, 6000, 2000);
    assert_eq!(mpd(&mut stage).periods.len(), 1);
    stage.segment(AUDIO, 3, 6000, 2000);
    let mpd = mpd(&mut stage);
    assert_eq!(mpd.periods.len(), 2);
    assert_eq!(mpd.periods[1].adaptations.len(), 2);
}

/// ARUT#641: sound that comes later begins a Period of its own making.
#[test]
fn a_late_track_begins_a_period() {
    let mut stage = Stage::new(Config::default());
    stage.input(Input::Track(video(0))).unwrap();
    for sequence in 0..5 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    assert_eq!(mpd(&mut stage).periods[0].adaptations.len(), 1);
    stage.input(Input::Track(audio(5))).unwrap();
    stage.part(AUDIO, 5, 0, 10_000, 200);
    stage.segment(VIDEO, 5, 10_000, 2000);
    stage.segment(AUDIO, 5, 10_000, 200);
    let mpd = mpd(&mut stage);
    let shape: Vec<_> =
        mpd.periods.iter().map(|p| (p.id.clone().unwrap(), p.adaptations.len())).collect();
    assert_eq!(shape, [("0".to_owned(), 1), ("5".to_owned(), 2)]);
    assert_eq!(mpd.periods[1].start, Some(Duration::from_secs(10)));
    // HLS needs no discontinuity for it.
    assert!(!stage.text(support::VIDEO_LIST).contains("#EXT-X-DISCONTINUITY\n"));
}

/// `$Number$` counts without holes, so a track with a hole is listed up to it, and goes on in the
/// next Period: after the segment that others had begun, which may have been given out.
#[test]
fn a_gap_ends_a_run_of_numbers() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    stage.segment(VIDEO, 3, 6000, 2000);
    stage.segment(VIDEO, 4, 8000, 2000);
    stage.live(5..7);
    let mpd = mpd(&mut stage);
    let numbers: Vec<_> = mpd
        .periods
        .iter()
        .map(|period| {
            let of = |set: usize| {
                let template =
                    period.adaptations[set].representations[0].SegmentTemplate.as_ref().unwrap();
                let listed: i64 = template
                    .SegmentTimeline
                    .as_ref()
                    .unwrap()
                    .segments
                    .iter()
                    .map(|s| 1 + s.r.unwrap_or(0))
                    .sum();
                (template.startNumber.unwrap(), listed)
            };
            (of(0), of(1))
        })
        .collect();
    assert_eq!(numbers, [((0, 6), (0, 3)), ((6, 1), (6, 1))]);
}

#[test]
fn an_ended_stream_is_static() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    let live = mpd(&mut stage);
    stage.part(VIDEO, 3, 0, 6000, 200);
    stage.input(Input::End).unwrap();
    let text = ready(stage.answer(MPD_NAME));
    let mpd = read(&text);
    assert_eq!(mpd.mpdtype.as_deref(), Some("static"));
    assert_eq!(mpd.mediaPresentationDuration, Some(Duration::from_millis(6200)));
    assert!(mpd.minimumUpdatePeriod.is_none() && mpd.availabilityStartTime.is_none());
    assert_eq!(mpd.periods[0].id, live.periods[0].id);
    assert_eq!(mpd.periods[0].start, live.periods[0].start);
}

/// The video segment behind the first two, which are 2 s long.
fn third(independent: bool, bytes: u64) -> Input {
    Input::Segment(airloom_playlist::Segment {
        track: VIDEO,
        sequence: 2,
        start: airloom_media::Timestamp::new(360_000),
        duration: airloom_media::Duration::new(180_000),
        independent,
        discontinuity: false,
        bytes,
    })
}

/// `@bandwidth` of a Representation does not change within its Period.
#[test]
fn bandwidth_stays_within_a_period() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    let bandwidth =
        |mpd: &MPD| mpd.periods.last().unwrap().adaptations[0].representations[0].bandwidth;
    let first = bandwidth(&mpd(&mut stage));
    stage.input(third(true, 9_000_000)).unwrap();
    assert_eq!(bandwidth(&mpd(&mut stage)), first);
    stage.segment(AUDIO, 2, 4000, 2000);
    // The next Period says what is known by then, and the one before what it said.
    stage.input(Input::Discontinuity).unwrap();
    stage.live(3..4);
    let mpd = mpd(&mut stage);
    assert_eq!(mpd.periods.len(), 2);
    assert_eq!(mpd.periods[0].adaptations[0].representations[0].bandwidth, first);
    assert_eq!(bandwidth(&mpd), Some(36_000_000));
}

/// ISO/IEC 23009-1, 5.4.1: a Period that was given out has the tracks it has. One that comes too late
/// for it has the next.
#[test]
fn a_period_never_gains_a_track() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    stage.input(Input::Discontinuity).unwrap();
    for sequence in 2..4 {
        stage.segment(VIDEO, sequence, sequence as i64 * 2000, 2000);
    }
    let tracks = |mpd: &MPD| -> Vec<_> {
        mpd.periods.iter().map(|period| period.adaptations.len()).collect()
    };
    assert_eq!(tracks(&mpd(&mut stage)), [2, 1]);
    for sequence in 2..4 {
        stage.segment(AUDIO, sequence, sequence as i64 * 2000, 2000);
        assert_eq!(tracks(&mpd(&mut stage)), [2, 1]);
    }
    stage.live(4..6);
    let mpd = mpd(&mut stage);
    assert_eq!(tracks(&mpd), [2, 1, 2]);
    assert_eq!(mpd.periods[2].id.as_deref(), Some("4"));
}

/// ISO/IEC 23009-1, 5.3.7: `@startWithSAP` is a promise of every segment listed.
#[test]
fn segments_that_begin_in_mid_decoding_are_not_said_to_be_access_points() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..2);
    let promised = |mpd: &MPD| {
        let sets = &mpd.periods[0].adaptations;
        [&sets[0], &sets[1]].map(|set| set.startWithSAP.is_some())
    };
    assert_eq!(promised(&mpd(&mut stage)), [true, true]);
    stage.input(third(false, 900_000)).unwrap();
    assert_eq!(promised(&mpd(&mut stage)), [false, true]);
}

/// Keyframes of HEVC may have leading pictures that refer to what was before.
#[test]
fn segments_of_hevc_are_access_points_of_type_3() {
    for (codecs, expected) in [("avc1.640028", 1), ("hvc1.1.6.L93.B0", 3), ("av01.0.04M.08", 1)] {
        let mut stage = Stage::with_tracks(Config::default());
        let codecs = codecs.into();
        stage.input(Input::Track(airloom_playlist::Rendition { codecs, ..video(0) })).unwrap();
        stage.live(0..2);
        let sets = &mpd(&mut stage).periods[0].adaptations;
        assert_eq!(sets[0].startWithSAP, Some(expected));
    }
}

/// ISO/IEC 23009-1, 5.3.1.2: a manifest that says something else says so by its time, also where the
/// clock stands still or was set back.
#[test]
fn every_manifest_has_a_later_time() {
    let mut stage = Stage::with_tracks(Config::default());
    stage.live(0..3);
    let mut last = mpd(&mut stage).publishTime;
    for sequence in 3..9 {
        for track in [VIDEO, AUDIO] {
            stage.segment(track, sequence, sequence as i64 * 2000, 2000);
            let next = mpd(&mut stage).publishTime;
            assert!(next > last, "{next:?} after {last:?}");
            last = next;
        }
        stage.clock = stage.clock.saturating_sub(700);
    }
}

/// ISO/IEC 23009-1, 5.3.1.2; ETSI TS 103 285, 4.8.3: the longest segment is as long as listed, since
/// nobody knows what is to come, and the attribute must not grow.
#[test]
fn the_longest_segment_is_the_longest_listed() {
    let mut stage = Stage::with_tracks(Config { part_target: None, ..Config::default() });
    stage.segment(VIDEO, 0, 0, 2400);
    stage.segment(AUDIO, 0, 0, 2400);
    let mpd = mpd(&mut stage);
    assert_eq!(mpd.maxSegmentDuration, None);
    assert_eq!(last_listed(&mpd), (0, 216_000));
}

/// DASH-IF IOP low latency, 9.X.4.5: a client may begin to read at each chunk, and how far apart those
/// are is said track by track.
#[test]
fn chunks_are_points_to_resynchronize_at() {
    let mut stage = Stage::new(Config::default());
    let part_target = Some(airloom_media::Duration::new(15_000));
    stage.input(Input::Track(airloom_playlist::Rendition { part_target, ..video(0) })).unwrap();
    stage.input(Input::Track(audio(0))).unwrap();
    stage.live(0..2);
    let text = stage.text(MPD_NAME);
    read(&text);
    for distance in [15_000, 9600] {
        assert!(text.contains(&format!("<Resync type=\"0\" dT=\"{distance}\"/>")), "{text}");
    }
}

/// What not every screen shows, or not every client may decrypt, is a set of its own (ISO/IEC 23009-1,
/// 5.3.3.1), and says so.
#[test]
fn what_differs_in_more_than_size_is_another_set() {
    use airloom_playlist::{ContentProtection, Format, Protection, Rendition, VideoRange};
    let other = airloom_media::TrackId::new(3);
    let timescale = audio(0).timescale;
    let sets = |range, protected: bool| {
        let Format::Video { width, height, frame_rate, .. } = video(0).format else { panic!() };
        let format = Format::Video { width, height, frame_rate, range };
        let mut stage = Stage::new(Config::default());
        stage.input(Input::Track(video(0))).unwrap();
        let second = Rendition { track: other, timescale, variant: 1, format, ..video(0) };
        stage.input(Input::Track(second)).unwrap();
        if protected {
            let content = vec![ContentProtection::cbcs([7; 16])];
            let protection = Protection { keys: Vec::new(), content };
            stage.input(Input::Protect(other, protection)).unwrap();
        }
        for track in [VIDEO, other] {
            stage.part(track, 0, 0, 0, 200);
            stage.segment(track, 0, 0, 200);
        }
        let text = stage.text(MPD_NAME);
        (mpd(&mut stage).periods[0].adaptations.len(), text)
    };
    assert_eq!(sets(VideoRange::Sdr, false).0, 1);
    assert_eq!(sets(VideoRange::Sdr, true).0, 2);
    let (count, text) = sets(VideoRange::Hlg, false);
    assert_eq!(count, 2);
    let scheme = "urn:mpeg:mpegB:cicp:TransferCharacteristics";
    assert!(
        text.contains(&format!("<SupplementalProperty schemeIdUri=\"{scheme}\" value=\"18\"/>"))
    );
}
