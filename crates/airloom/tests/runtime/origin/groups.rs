//! Several streams that are encodings of one programme, offered as its variants.

use airloom::Origin;
use airloom::origin::{JoinError, Refused, State};
use axum::http::StatusCode;
use tokio::time::{Duration, sleep};

use super::client::{Answer, get};
use crate::camera::Camera;

/// Two encodings by one encoder, on air up to `seconds`.
fn pair(origin: &Origin, seconds: u32) -> [Camera; 2] {
    let mut pair = ["cam_720", "cam_360"].map(|name| Camera::publish_in(origin, name, "cam"));
    run(&mut pair, 0..seconds);
    pair
}

/// Sends what the encodings have in those seconds, a tenth of a second of each in turn.
fn run(cameras: &mut [Camera], seconds: std::ops::Range<u32>) {
    for tenth in seconds.start * 10..seconds.end * 10 {
        for camera in cameras.iter_mut() {
            camera.run_to(f64::from(tenth + 1) / 10.0);
        }
    }
}

async fn text(origin: &Origin, path: &str) -> Answer {
    let answer = get(origin, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer
}

fn lines<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(tag)).collect()
}

/// RFC 8216bis, 4.4.6.2, 6.2.4: variants of one programme have the same boundaries, sequence numbers
/// and dates, and each knows where the others are.
#[tokio::test(start_paused = true)]
async fn two_publishes_are_the_variants_of_one_programme() {
    let origin = Origin::builder().build();
    let _pair = pair(&origin, 9);
    let index = text(&origin, "/cam/index.m3u8").await;
    assert_eq!(index.uris(), ["1.m3u8", "3.m3u8"]);
    assert!(index.text().contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "{}", index.text());
    // 4.4.6.1.1: the same sound has the same name in each group.
    let sound = lines(index.text(), "#EXT-X-MEDIA:");
    assert_eq!(sound.len(), 2, "{}", index.text());
    for (line, (group, uri)) in sound.iter().zip([("audio", 2), ("audio-2", 4)]) {
        assert!(line.contains(&format!("GROUP-ID=\"{group}\",NAME=\"Audio 2\"")), "{line}");
        assert!(line.ends_with(&format!("URI=\"{uri}.m3u8\"")), "{line}");
    }
    let lists = [1, 2, 3, 4].map(|track| format!("/cam/{track}.m3u8"));
    let mut answers = Vec::new();
    for list in &lists {
        answers.push(text(&origin, list).await);
    }
    for (one, other) in [(0, 2), (1, 3)] {
        let (one, other) = (answers[one].text(), answers[other].text());
        for tag in ["#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXTINF"] {
            assert_eq!(lines(one, tag), lines(other, tag));
        }
        assert_eq!(
            lines(one, "#EXT-X-PROGRAM-DATE-TIME"),
            lines(other, "#EXT-X-PROGRAM-DATE-TIME")
        );
        assert!(lines(one, "#EXTINF").len() >= 3, "{one}");
    }
    let reports = lines(answers[0].text(), "#EXT-X-RENDITION-REPORT");
    assert_eq!(reports.len(), 3, "{reports:?}");
    assert!(reports.iter().any(|report| report.contains(":URI=\"3.m3u8\",")), "{reports:?}");
    // What they lead to is there.
    let segment = answers[2].uris()[1];
    assert_eq!(get(&origin, &format!("/cam/{segment}")).await.status, StatusCode::OK);
    // ISO/IEC 23009-1, 5.3.3: what may be switched between is one AdaptationSet.
    let mpd = text(&origin, "/cam/manifest.mpd").await;
    assert_eq!(mpd.text().matches("<AdaptationSet").count(), 2, "{}", mpd.text());
    assert_eq!(mpd.text().matches("<Representation ").count(), 4, "{}", mpd.text());
    // And each is a stream of its own, as without the group.
    let own = text(&origin, "/cam_360/index.m3u8").await;
    assert_eq!(own.uris(), ["1.m3u8"]);
    let names: Vec<_> = origin.streams("").into_iter().map(|stream| stream.name).collect();
    assert_eq!(names, ["cam", "cam_360", "cam_720"]);
}

/// A member without a keyframe where the first has one: what begins in mid-decoding is nowhere said
/// to be decodable alone (RFC 8216bis, 4.4.2.1, 4.4.4.9; ISO/IEC 23009-1, 5.3.7), also not to those who
/// come while nothing of it has come to light.
#[tokio::test(start_paused = true)]
async fn keyframes_elsewhere_are_not_promised() {
    let origin = Origin::builder().build();
    let second = || Camera::publish_in(&origin, "cam_360", "cam").with_keyframes(50);
    let mut pair = [Camera::publish_in(&origin, "cam_720", "cam"), second()];
    for tenth in 0..100 {
        for camera in &mut pair {
            camera.run_to(f64::from(tenth + 1) / 10.0);
        }
        let index = get(&origin, "/cam/index.m3u8");
        let quiet = Duration::from_millis(1);
        let Ok(index) = tokio::time::timeout(quiet, index).await else { continue };
        assert!(!index.text().contains("#EXT-X-INDEPENDENT-SEGMENTS"), "after {tenth} tenths");
    }
    let list = text(&origin, "/cam/1.m3u8").await;
    assert!(list.text().contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "{}", list.text());
    let list = text(&origin, "/cam/3.m3u8").await;
    assert!(!list.text().contains("#EXT-X-INDEPENDENT-SEGMENTS"), "{}", list.text());
    let mut kinds = [0, 0];
    for line in lines(list.text(), "#EXT-X-PART:") {
        let name = line.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let part = get(&origin, &format!("/cam/{name}")).await.body;
        let data = part.windows(4).position(|four| four == b"mdat").unwrap() + 4;
        let begins_with_keyframe = part[data + 4] == 0x65;
        assert_eq!(line.contains("INDEPENDENT=YES"), begins_with_keyframe, "{line}");
        kinds[usize::from(begins_with_keyframe)] += 1;
    }
    assert!(kinds[0] > 5 && kinds[1] > 0, "{kinds:?}");
    let mpd = text(&origin, "/cam/manifest.mpd").await;
    let sets: Vec<_> = mpd.text().split("<AdaptationSet").skip(1).collect();
    for set in sets {
        let tag = set.split('>').next().unwrap();
        let sound = tag.contains("contentType=\"audio\"");
        assert_eq!(tag.contains("startWithSAP"), sound, "{}", mpd.text());
    }
}

/// A member that goes is missing and not offered; when it is back, whatever its clock says, it is
/// offered again. Nobody who watches another one meets a discontinuity.
#[tokio::test(start_paused = true)]
async fn members_come_and_go() {
    let origin = Origin::builder().build();
    let [first, second] = pair(&origin, 8);
    let mut first = [first];
    text(&origin, "/cam/manifest.mpd").await;
    drop(second);
    run(&mut first, 8..16);
    let index = text(&origin, "/cam/index.m3u8").await;
    assert_eq!(index.uris(), ["1.m3u8"], "{}", index.text());
    let gone = text(&origin, "/cam/3.m3u8").await;
    assert!(gone.text().contains("#EXT-X-GAP\n"), "{}", gone.text());
    let mpd = text(&origin, "/cam/manifest.mpd").await;
    let last = mpd.text().rsplit("<Period").next().unwrap();
    assert!(!last.contains("<Representation id=\"3\""), "{}", mpd.text());
    // Back, by a clock that begins anew.
    let [first] = first;
    let second = Camera::publish_in(&origin, "cam_360", "cam");
    let mut both = [first, second];
    for tenth in 0..80 {
        both[0].run_to(16.0 + f64::from(tenth + 1) / 10.0);
        both[1].run_to(f64::from(tenth + 1) / 10.0);
    }
    let index = text(&origin, "/cam/index.m3u8").await;
    assert_eq!(index.uris(), ["1.m3u8", "3.m3u8"], "{}", index.text());
    let lists = [text(&origin, "/cam/1.m3u8").await, text(&origin, "/cam/3.m3u8").await];
    let [one, three] = lists.each_ref().map(Answer::text);
    assert!(!one.contains("#EXT-X-DISCONTINUITY\n") && !one.contains("#EXT-X-GAP"), "{one}");
    assert!(!three.contains("#EXT-X-DISCONTINUITY\n"), "{three}");
    // Its keyframes are those of the other again, although it came a little later.
    assert!(three.contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "{three}");
    assert_eq!(lists[0].sequences(), lists[1].sequences());
    let ends = [one, three].map(|list| lines(list, "#EXTINF").last().map(ToOwned::to_owned));
    assert_eq!(ends[0], ends[1]);
    let mpd = text(&origin, "/cam/manifest.mpd").await;
    let last = mpd.text().rsplit("<Period").next().unwrap();
    assert!(last.contains("<Representation id=\"3\""), "{}", mpd.text());
}

/// The member whose keyframes decide where segments begin goes: another one decides.
#[tokio::test(start_paused = true)]
async fn the_others_go_on_without_the_first() {
    let origin = Origin::builder().build();
    let [first, second] = pair(&origin, 8);
    drop(first);
    let mut second = [second];
    run(&mut second, 8..20);
    let index = text(&origin, "/cam/index.m3u8").await;
    assert_eq!(index.uris(), ["3.m3u8"], "{}", index.text());
    let list = text(&origin, "/cam/3.m3u8").await;
    assert!(list.text().contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "{}", list.text());
    assert!(!list.text().contains("#EXT-X-GAP\n"), "{}", list.text());
    assert!(lines(list.text(), "#EXTINF").len() >= 9, "{}", list.text());
}

#[tokio::test(start_paused = true)]
async fn a_group_is_over_with_its_last_member() {
    let origin = Origin::builder().resume(Duration::from_secs(10)).build();
    let pair = pair(&origin, 5);
    let of = |state| origin.streams("").iter().filter(|stream| stream.state == state).count();
    assert_eq!(of(State::Live), 3);
    drop(pair);
    assert_eq!(of(State::Resuming), 3);
    // Within the time to resume it is the same programme, after a discontinuity.
    sleep(Duration::from_secs(5)).await;
    let mut back = [Camera::publish_in(&origin, "cam_360", "cam")];
    run(&mut back, 0..5);
    let list = text(&origin, "/cam/3.m3u8").await;
    assert_eq!(list.text().matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{}", list.text());
    drop(back);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(of(State::Ended), 3);
    assert!(text(&origin, "/cam/3.m3u8").await.text().ends_with("#EXT-X-ENDLIST\n"));
    sleep(Duration::from_mins(2)).await;
    assert!(origin.streams("").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_a_stream_or_a_group() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(1.0);
    let mut other = origin.publish(&"cam_720".parse().unwrap()).unwrap();
    let refused = |error| Err(JoinError::Refused(error));
    assert_eq!(other.join(&"cam".parse().unwrap()), refused(Refused::OnAir));
    assert_eq!(other.join(&"cam_720".parse().unwrap()), Err(JoinError::Itself));
    assert_eq!(other.join(&"both".parse().unwrap()), Ok(()));
    assert_eq!(Camera::publish(&origin, "both").err(), Some(Refused::OnAir));
    // Also while either may come back.
    drop(camera);
    assert_eq!(other.join(&"cam".parse().unwrap()), refused(Refused::OnAir));
}
