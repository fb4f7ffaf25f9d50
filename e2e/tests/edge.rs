//! The edge in front of a real origin, with viewers by the hundred.

use std::collections::HashMap;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use airloom_e2e::clip::Clip;
use airloom_e2e::edge::Edge;
use airloom_e2e::hls::{self, Playlist};
use airloom_e2e::process::Process;
use airloom_e2e::proxy::Proxy;
use airloom_e2e::server::Live;
use airloom_e2e::viewer::{Got, assert_in_order, follow, next};
use airloom_e2e::{ffmpeg, http, wait};

const SOON: Duration = Duration::from_mins(2);

/// An origin with a stream on air, and an edge of it; what the edge asks goes through a proxy.
struct Site {
    live: Live,
    _publisher: Process,
    proxy: Proxy,
    edge: Edge,
}

fn site() -> Site {
    let live = Live::start(&["--segment", "1", "--part", "200"]);
    let publisher = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &live.rtmp_url("load"));
    hls::wait_for_segments(&live.url("/live/load/index.m3u8"), SOON);
    let proxy = Proxy::start(live.http());
    let edge = Edge::start(proxy.address(), &[]);
    Site { live, _publisher: publisher, proxy, edge }
}

/// How much later each part was there behind the edge than at the origin: the middle of all, and
/// how many there were.
fn added(direct: &[Got], behind: &[Got]) -> (Duration, usize) {
    let name = |part: &Got| http::split(&part.url).1.to_owned();
    let there: HashMap<String, Instant> = direct.iter().map(|part| (name(part), part.at)).collect();
    let mut later: Vec<Duration> = behind
        .iter()
        .filter_map(|part| Some(part.at.saturating_duration_since(*there.get(&name(part))?)))
        .collect();
    later.sort();
    (later.get(later.len() / 2).copied().unwrap_or_default(), later.len())
}

/// 200 viewers on the edge, and the origin sees one request per part.
#[test]
fn two_hundred_viewers_are_one_request_per_part_at_the_origin() {
    const VIEWERS: usize = 200;
    let site = site();
    let path = "/live/load/1.m3u8";
    let time = Duration::from_secs(12);
    let (direct, followed): (Vec<Got>, Vec<Vec<Got>>) = thread::scope(|scope| {
        let direct = scope.spawn(|| follow(site.live.http(), path, time));
        let viewer = || scope.spawn(|| follow(site.edge.http(), path, time));
        let viewers: Vec<_> = (0..VIEWERS).map(|_| viewer()).collect();
        let followed = viewers.into_iter().map(|viewer| viewer.join().expect("a viewer"));
        let followed = followed.collect();
        (direct.join().expect("a viewer"), followed)
    });
    let mut parts: HashMap<&str, u64> = HashMap::new();
    for viewer in &followed {
        assert!(viewer.len() > 10, "a viewer got {} parts only", viewer.len());
        assert_in_order(viewer);
        for part in viewer {
            let first = *parts.entry(http::split(&part.url).1).or_insert(part.hash);
            assert_eq!(first, part.hash, "{} differs", part.url);
        }
    }
    for part in &direct {
        let name = http::split(&part.url).1;
        assert!(parts.get(name).is_none_or(|hash| *hash == part.hash), "{name} differs");
    }
    let asked = site.proxy.requests();
    for part in parts.keys() {
        assert_eq!(asked.get(*part), Some(&1), "{part}");
    }
    let reloads: Vec<_> = asked.keys().filter(|path| path.contains("_HLS_msn")).collect();
    let total: usize = asked.values().sum();
    let (middle, count) = added(&direct, &followed.concat());
    println!(
        "{VIEWERS} viewers asked {} times, the edge {total} times: {} parts, {} reloads; parts were \
         there {middle:?} later than at the origin (median of {count})",
        site.edge.metric("airloom_edge_requests_total"),
        parts.len(),
        reloads.len(),
    );
    assert_eq!(site.edge.metric("airloom_edge_origin_failures_total"), 0);
}

/// What an edge costs a viewer who is alone on it.
#[test]
fn a_part_is_there_at_once() {
    let site = site();
    let path = "/live/load/1.m3u8";
    let time = Duration::from_secs(8);
    let (direct, behind) = thread::scope(|scope| {
        let direct = scope.spawn(|| follow(site.live.http(), path, time));
        let behind = scope.spawn(|| follow(site.edge.http(), path, time));
        (direct.join().expect("a viewer"), behind.join().expect("a viewer"))
    });
    assert_in_order(&behind);
    let (middle, count) = added(&direct, &behind);
    println!("parts were there {middle:?} later than at the origin (median of {count})");
    assert!(count > 10, "{count} parts only");
}

#[test]
fn an_origin_that_is_started_anew_is_found_again() {
    let site = site();
    let path = "/live/load/1.m3u8";
    let before = Playlist::fetch(&site.edge.url(path));
    let segment = before.segments.last().expect("a segment").clone();
    let bytes = http::fetch(&segment);
    site.proxy.lose();
    drop(site.live);

    let stale = wait::until(SOON, "the edge to notice", || {
        let answer = site.edge.get(path);
        (answer.header("cache-status").contains("stale")).then_some(answer)
    });
    assert_eq!(stale.status, 200);
    assert_eq!(http::fetch(&segment), bytes);
    let (sequence, part) = next(&before);
    // Long past, but nobody has asked for it here.
    let blocked = site.edge.get(&format!("{path}?_HLS_msn={sequence}&_HLS_part={part}"));
    blocked.assert_problem(502);
    site.edge.get("/live/load/manifest.mpd").assert_problem(502);

    let live = Live::start(&["--segment", "1", "--part", "200"]);
    let _publisher = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &live.rtmp_url("load"));
    hls::wait_for_segments(&live.url("/live/load/index.m3u8"), SOON);
    site.proxy.lead_to(live.http());
    let after = wait::until(SOON, "the new origin's playlist", || {
        let answer = site.edge.get(path);
        let list = (answer.status == 200).then(|| Playlist::parse("http://h/", &answer.text()))?;
        (list.sequence > before.sequence + before.segments.len() as u64).then_some(list)
    });
    assert!(!after.segments.is_empty());
    assert!(follow(site.edge.http(), path, Duration::from_secs(2)).len() > 2);
}

/// Signed URLs, made by a shell as the documentation of the crate says.
#[test]
fn an_edge_with_a_key_serves_who_shows_a_token() {
    const KEY: &str = "a secret of more than sixteen bytes";
    let live = Live::start(&["--segment", "1", "--part", "200"]);
    let _publisher = ffmpeg::publish_for_ever(&Clip::SMALL.file(), &live.rtmp_url("load"));
    hls::wait_for_segments(&live.url("/live/load/index.m3u8"), SOON);
    let edge = Edge::start(live.http(), &["--sign-key", KEY]);
    let token = |text: &str| {
        let line = format!(
            "echo {text}.$(printf %s {text} | openssl dgst -sha256 -hmac '{KEY}' -r | cut -c -64)"
        );
        let output = Command::new("sh").args(["-c", &line]).output().expect("a shell");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let status = |query: &str| edge.get(&format!("/live/load/index.m3u8{query}")).status;
    let good = token("play.4102444800.load");
    assert_eq!(status(""), 401, "nothing shown");
    assert_eq!(status(&format!("?token={good}0")), 401, "not of the form");
    assert_eq!(status(&format!("?token={}", good.replace("load", "lo*"))), 401, "forged");
    assert_eq!(status(&format!("?token={}", token("play.1000000000.load"))), 401, "expired");
    assert_eq!(status(&format!("?token={}", token("play.4102444800.other"))), 403, "another");
    assert_eq!(status(&format!("?token={}", token("publish.4102444800.load"))), 403, "to publish");
    // From here on playlists carry it, to the last part.
    let media =
        hls::wait_for_segments(&edge.url(&format!("/live/load/index.m3u8?token={good}")), SOON);
    assert!(media.iter().all(|url| url.contains(&good)), "{media:?}");
    let list = Playlist::fetch(&media[0]);
    assert!(!http::fetch(list.segments.first().expect("a segment")).is_empty());
}
