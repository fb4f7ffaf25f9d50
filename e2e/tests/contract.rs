//! The surface of `examples/live` as its page of promises states it.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::hls::{self, Playlist};
use airloom_e2e::packets::{Form, Kind, MILLISECOND, Media};
use airloom_e2e::process::{self, Process};
use airloom_e2e::scratch::Scratch;
use airloom_e2e::server::{Live, program};
use airloom_e2e::{ffmpeg, http, mpd, packets, wait};
use serde_json::Value;

/// For what takes a second where nothing else runs.
const SOON: Duration = Duration::from_mins(2);

/// A command line that must be refused in one line.
fn refused(arguments: &[&str]) -> String {
    let mut process = Process::start(Command::new(program()).args(arguments));
    let status = process.wait(SOON);
    let errors = process.errors();
    assert!(!status.success(), "{arguments:?} was accepted");
    assert!(status.code().is_some(), "{arguments:?} ended by a signal");
    assert_eq!(errors.trim_end().lines().count(), 1, "{arguments:?}: {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    assert_eq!(process.output(), "", "{arguments:?}");
    errors
}

#[test]
fn a_command_line_that_cannot_be_is_refused_in_one_line() {
    let data = Scratch::new();
    let data = data.path().display().to_string();
    let free = ["--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", &data];
    for wrong in [
        &["--nonsense"][..],
        &["--segment"],
        &["--segment", "0"],
        &["--segment", "soon"],
        &["--part", "-1"],
        &["--window", "0"],
        &["--rtmp", "nowhere"],
        &["surplus"],
    ] {
        let line = refused(&[&free[..], wrong].concat());
        assert!(wrong.iter().any(|word| line.contains(word)), "{wrong:?} is not named: {line}");
    }
}

#[test]
fn a_port_in_use_is_refused_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let data = Scratch::new();
    let data = data.path().display().to_string();
    for (rtmp, http) in [(taken.as_str(), "127.0.0.1:0"), ("127.0.0.1:0", taken.as_str())] {
        let line = refused(&["--rtmp", rtmp, "--http", http, "--data", &data]);
        assert!(line.contains(&taken), "the address is not named: {line}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_written_is_refused_in_one_line() {
    // Below a file, since a test that runs as root may write to any directory.
    let scratch = Scratch::new();
    std::fs::write(scratch.join("file"), "").expect("a file");
    let data = scratch.join("file/data").display().to_string();
    let line = refused(&["--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", &data]);
    assert!(line.contains(&data), "the directory is not named: {line}");
}

#[test]
fn standard_output_is_for_machines_and_signals_end_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let live = Live::start(&[]);
        let file = Clip::SMALL.file();
        let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("signal"));
        live.wait_for_state("signal", "live", SOON);
        let (status, output, errors) = live.end(signal);
        assert_eq!(status.code(), Some(0), "SIG{signal}: {status}\n{errors}");
        for line in output.lines() {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            assert!(line["event"].is_string(), "{line}");
        }
        assert!(!errors.contains("panicked"), "{errors}");
        let start: Vec<&str> = errors.lines().take(4).collect();
        assert!(start.iter().any(|line| line.contains("rtmp://")), "where to publish: {start:?}");
        assert!(start.iter().any(|line| line.contains("http://")), "where to watch: {start:?}");
    }
}

#[test]
fn a_waiting_viewer_is_told_the_end_before_the_process_ends() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("end"));
    let url = hls::wait_for_segments(&live.url("/live/end/index.m3u8"), SOON).remove(0);
    // A request for the segment after the next one is held for longer than this test.
    let next = Playlist::fetch(&url).next_sequence() + 1;
    let waiting = format!("{url}?_HLS_msn={next}");
    let viewer = std::thread::spawn(move || http::get(&waiting));
    wait::until(SOON, "the request to be held", || {
        live.get("/metrics").text().contains("\nairloom_http_waiting 1\n").then_some(())
    });
    let (status, _, errors) = live.end("TERM");
    assert_eq!(status.code(), Some(0), "{errors}");
    let answer = viewer.join().expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("#EXT-X-ENDLIST"), "{}", answer.text());
}

#[test]
fn health_and_metrics_are_there() {
    let live = Live::start(&[]);
    let health = live.get("/healthz");
    assert_eq!((health.status, health.text().trim()), (200, "ok"));
    let metrics = live.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("text/plain"), "{metrics:?}");
    let text = metrics.text();
    let mut samples = 0;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with(|first: char| first.is_ascii_alphabetic()), "{line}");
        value.parse::<f64>().expect("a number");
        samples += 1;
    }
    assert!(samples > 0, "no sample: {text}");
    // An encoder that is on air shows.
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("metrics"));
    live.wait_for_state("metrics", "live", SOON);
    assert_ne!(live.get("/metrics").text(), text);
}

#[test]
fn what_is_not_there_is_a_problem_document() {
    let live = Live::start(&[]);
    for path in [
        "/nothing",
        "/live/nobody/index.m3u8",
        "/live/nobody/ts.m3u8",
        "/live/nobody/manifest.mpd",
        "/live/bad!name/index.m3u8",
        "/live/nobody/../../etc/passwd",
        "/live/nobody/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/vod/nothing/video.mp4",
    ] {
        let answer = http::request("GET", &live.url(path), &[("origin", "http://elsewhere")]);
        answer.assert_problem(404);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    let list = live.get("/api/streams");
    assert_eq!((list.status, list.text().as_str()), (200, "[]"));
}

#[test]
fn everything_a_viewer_needs_has_its_type_its_caching_and_is_open_to_any_origin() {
    let live = Live::start(&["--segment", "1"]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("types"));
    let index = live.url("/live/types/index.m3u8");
    let media = hls::wait_for_segments(&index, SOON);
    let ts = live.url("/live/types/ts.m3u8");
    hls::wait_for_segments(&ts, SOON);

    let check = |url: &str, kinds: &[&str], lasting: bool| {
        let answer = http::request("GET", url, &[("origin", "http://elsewhere")]);
        assert_eq!(answer.status, 200, "{url}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{url}");
        let kind = answer.header("content-type");
        assert!(kinds.contains(&kind.split(';').next().unwrap_or(kind)), "{url} is {kind}");
        let caching = answer.header("cache-control");
        let age = caching
            .split(',')
            .find_map(|word| word.trim().strip_prefix("max-age="))
            .and_then(|age| age.parse::<u64>().ok());
        if lasting {
            assert!(age.is_some_and(|age| age >= 10), "{url}: cache-control: {caching}");
        } else {
            let checked = caching.contains("no-cache") || caching.contains("must-revalidate");
            let brief = age.is_some_and(|age| age <= 2);
            assert!(checked || brief, "{url}: cache-control: {caching}");
        }
    };
    let playlist = ["application/vnd.apple.mpegurl", "audio/mpegurl"];
    check(&index, &playlist, false);
    check(&ts, &playlist, false);
    check(Playlist::fetch(&ts).segments.first().expect("a segment"), &["video/mp2t"], true);
    let fragments = ["video/mp4", "audio/mp4", "video/iso.segment", "audio/iso.segment"];
    for url in &media {
        check(url, &playlist, false);
        let read = Playlist::fetch(url);
        check(&read.map.expect("an initialisation section"), &["video/mp4", "audio/mp4"], true);
        check(&read.segments[0], &fragments, true);
        check(&read.parts.last().expect("a part").url, &fragments, true);
    }
    let manifest = live.url("/live/types/manifest.mpd");
    check(&manifest, &["application/dash+xml"], false);
    let text = String::from_utf8(http::fetch(&manifest)).expect("UTF-8");
    assert_eq!(mpd::kind(&text), "dynamic");
    for representation in mpd::representations(&manifest, &text) {
        check(&representation.initialization, &["video/mp4", "audio/mp4"], true);
        check(&representation.segments[0].url, &fragments, true);
    }

    let asked = [
        ("origin", "http://elsewhere"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let answer = http::request("OPTIONS", &media[0], &asked);
    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!answer.header("access-control-allow-headers").is_empty(), "{answer:?}");
}

#[test]
fn streams_are_described() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("described"));
    hls::wait_for_segments(&live.url("/live/described/index.m3u8"), SOON);
    let stream = live.stream("described").expect("a stream on air");
    assert_eq!(stream["state"], "live");
    let started = stream["started_at"].as_str().expect("RFC 3339");
    assert!(started.len() >= 20 && started.as_bytes()[10] == b'T', "{started}");
    for counter in ["bytes_in", "frames_in", "viewers"] {
        assert!(stream[counter].is_u64(), "{counter}: {stream}");
    }
    assert!(stream["bytes_in"].as_u64() > Some(10_000), "{stream}");
    assert!(stream["frames_in"].as_u64() > Some(30), "{stream}");
    let tracks = stream["tracks"].as_array().expect("tracks");
    let track = |kind: &str| tracks.iter().find(|track| track["kind"] == kind).expect("a track");
    let video = track("video");
    let codec = video["codec"].as_str().expect("RFC 6381");
    assert!(codec.starts_with("avc1.") && codec.len() == 11, "{codec}");
    assert_eq!((&video["width"], &video["height"]), (&640.into(), &360.into()), "{video}");
    let audio = track("audio");
    assert_eq!(audio["codec"], "mp4a.40.2");
    assert_eq!((&audio["sample_rate"], &audio["channels"]), (&48_000.into(), &2.into()));
    assert_ne!(video["id"], audio["id"]);
    for link in ["hls", "ts", "dash"] {
        let link = stream[link].as_str().expect("a link");
        http::fetch(&http::join(&live.url("/api/streams"), link));
    }
}

#[test]
fn names_and_applications_that_are_not_allowed_are_refused() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("taken"));
    live.wait_for_state("taken", "live", SOON);
    let too_long = format!("live/{}", "n".repeat(65));
    let mut publishers: Vec<(&str, Process)> =
        ["live/bad!name", "live/bad%20name", "other/name", "live/taken", "live/a/b", &too_long]
            .map(|path| {
                // One that is not refused never ends.
                (path, ffmpeg::publish_for_ever(&file, &format!("rtmp://{}/{path}", live.rtmp())))
            })
            .into();
    for (path, publisher) in &mut publishers {
        assert!(!publisher.wait(SOON).success(), "{path} was accepted");
    }
    assert_eq!(live.stream("taken").expect("the first of the name")["state"], "live");
    assert_eq!(live.get("/api/streams").json().as_array().map(Vec::len), Some(1));
}

#[test]
fn names_of_every_allowed_character_and_a_query_are_accepted() {
    let live = Live::start(&[]);
    let file = Clip::SMALL.file();
    let name = format!("{}.-_Az09", "n".repeat(57));
    assert_eq!(name.len(), 64);
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url(&format!("{name}?key=value")));
    live.wait_for_state(&name, "live", SOON);
    hls::wait_for_segments(&live.url(&format!("/live/{name}/index.m3u8")), SOON);
}

#[test]
fn an_encoder_that_comes_back_in_time_continues_the_stream() {
    let live = Live::start(&["--segment", "1", "--resume", "10"]);
    let file = Clip::SMALL.file();
    let first = ffmpeg::publish_for_ever(&file, &live.rtmp_url("back"));
    let index = live.url("/live/back/index.m3u8");
    let media = hls::wait_for_segments(&index, SOON);
    let before: Vec<Playlist> = media.iter().map(|url| Playlist::fetch(url)).collect();
    // Killed: no goodbye of any kind.
    drop(first);
    live.wait_for_state("back", "resuming", SOON);
    for url in &media {
        assert!(!Playlist::fetch(url).ended, "{url} ended while its encoder may come back");
    }
    let _second = ffmpeg::publish_for_ever(&file, &live.rtmp_url("back"));
    live.wait_for_state("back", "live", SOON);
    for (url, before) in media.iter().zip(&before) {
        let after = wait::until(SOON, "segments of the second publish", || {
            let playlist = Playlist::fetch(url);
            let (_, new) = playlist.text.split_once("#EXT-X-DISCONTINUITY\n")?;
            new.contains("#EXTINF:").then_some(playlist)
        });
        assert!(after.sequence >= before.sequence, "{}", after.text);
        assert!(after.next_sequence() > before.next_sequence(), "{}", after.text);
        assert!(!after.ended);
    }
}

#[test]
fn an_ended_stream_says_so() {
    let live = Live::start(&["--resume", "1"]);
    let file = Clip::SMALL.file();
    let mut publisher = ffmpeg::publish(&file, &live.rtmp_url("over"));
    let media = hls::wait_for_segments(&live.url("/live/over/index.m3u8"), SOON);
    assert!(publisher.wait(Duration::from_secs(30)).success());
    for url in media.iter().chain([&live.url("/live/over/ts.m3u8")]) {
        wait::until(SOON, "EXT-X-ENDLIST", || Playlist::fetch(url).ended.then_some(()));
    }
    let manifest = live.url("/live/over/manifest.mpd");
    wait::until(SOON, "a static manifest", || {
        let text = String::from_utf8(http::fetch(&manifest)).expect("UTF-8");
        (mpd::kind(&text) == "static").then_some(())
    });
}

#[test]
fn without_parts_playlists_are_plain() {
    let live = Live::start(&["--part", "0", "--segment", "1"]);
    let file = Clip::SMALL.file();
    let _publisher = ffmpeg::publish_for_ever(&file, &live.rtmp_url("plain"));
    for url in hls::wait_for_segments(&live.url("/live/plain/index.m3u8"), SOON) {
        let text = Playlist::fetch(&url).text;
        for tag in ["#EXT-X-PART", "#EXT-X-PRELOAD-HINT", "PART-HOLD-BACK", "#EXT-X-RENDITION"] {
            assert!(!text.contains(tag), "{tag}: {text}");
        }
    }
}

#[test]
fn http_2_without_tls_is_spoken() {
    let live = Live::start(&[]);
    let answer = process::run(
        SOON,
        Command::new("curl")
            .args(["--silent", "--http2-prior-knowledge", "--output", "/dev/null"])
            .args(["--write-out", "%{http_version} %{http_code}", &live.url("/healthz")]),
    );
    assert_eq!(answer, "2 200");
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let live = Live::start(&[]);
    let page = live.get("/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    let page = page.text();
    let mut seen = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for piece in page.split(attribute).skip(1) {
            let link = piece.split('"').next().expect("a link");
            let extension = link.rsplit('.').next().unwrap_or_default();
            if !matches!(extension, "js" | "css" | "svg" | "png" | "ico") {
                continue;
            }
            assert!(!link.contains("//"), "the page wants {link}");
            let url = http::join(&live.url("/"), link);
            http::fetch(&url);
            seen.push(url);
        }
    }
    assert!(!seen.is_empty(), "a page without script and style");
}

#[test]
fn the_demo_is_on_air_by_itself_and_loops_without_a_seam() {
    let live = Live::start(&["--demo", "--segment", "1"]);
    live.wait_for_state("demo", "live", SOON);
    let url = live.url("/live/demo/index.m3u8");
    let media = hls::wait_for_segments(&url, SOON);
    // The clip is 16 s long: 20 s contain the seam.
    let seconds = ["-live_start_index", "0", "-t", "20"];
    let pulled =
        process::run(Duration::from_mins(1), &mut packets::command(&seconds, &url, Form::Exact));
    let pulled = Media::parse(&pulled);
    for (kind, distance) in
        [(Kind::Video, 1000 * MILLISECOND / 30), (Kind::Audio, 1024 * MILLISECOND / 48)]
    {
        let track = pulled.track(kind);
        track.assert_monotone();
        for (index, pair) in track.packets.windows(2).enumerate() {
            let step = pair[1].dts - pair[0].dts;
            assert!((step - distance).abs() <= MILLISECOND, "{kind:?} steps by {step} at {index}");
        }
        let length = track.packets.last().expect("packets").dts - track.packets[0].dts;
        assert!(length > 17_000 * MILLISECOND, "{kind:?}: only {length}");
    }
    for url in media {
        assert!(!Playlist::fetch(&url).text.contains("#EXT-X-DISCONTINUITY\n"));
    }
}
