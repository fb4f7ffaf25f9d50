use airloom::record::Config;
use airloom::segmenter::mp4::Index;
use axum::http::StatusCode;
use tokio::time::{Duration, sleep};

use super::studio::{Answer, Studio, index, samples};
use crate::camera::Camera;

fn frames(index: &Index) -> [usize; 2] {
    [0, 1].map(|track| index.tracks()[track].len())
}

/// All segments of a track's playlist after its header, as a player joins them.
async fn joined(studio: &Studio, base: &str, playlist: &Answer) -> Vec<u8> {
    let init = playlist.text().split("#EXT-X-MAP:URI=\"").nth(1).unwrap();
    let init = init.split('"').next().unwrap();
    let mut file = studio.get(&format!("{base}/{init}")).await.body.to_vec();
    for link in playlist.links() {
        let segment = studio.get(&format!("{base}/{link}")).await;
        assert_eq!(segment.status, StatusCode::OK, "{link}");
        file.extend_from_slice(&segment.body);
    }
    file
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_in_every_form_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    drop(camera);
    let recordings = studio.wrap().await;
    let [recording] = &recordings[..] else { panic!("{recordings:?}") };
    assert_eq!(recording.name.as_str(), "cam");
    assert!((9_900..=10_100).contains(&recording.duration.as_millis()), "{recording:?}");
    assert_eq!(recording.cut_short, None);
    let base = format!("/vod/{}", recording.id);

    let mp4 = studio.get(&format!("{base}/video.mp4")).await;
    assert_eq!(mp4.status, StatusCode::OK);
    assert_eq!(mp4.headers["content-type"], "video/mp4");
    assert_eq!(&mp4.body[4..8], b"ftyp");
    let found = index(&mp4.body);
    assert!(!found.is_fragmented());
    assert_eq!(frames(&found), [300, 469]);

    let packed = studio.ask(&format!("{base}/1.m3u8"), &[("accept-encoding", "gzip")]).await;
    assert_eq!(
        (&packed.headers["content-encoding"], &packed.body[..2]),
        (&"gzip".parse().unwrap(), &[0x1F, 0x8B][..])
    );

    let multivariant = studio.get(&format!("{base}/index.m3u8")).await;
    assert_eq!(multivariant.headers["content-type"], "application/vnd.apple.mpegurl");
    let video = multivariant.links()[0].clone();
    for (track, playlist) in [(0, video), (1, "2.m3u8".to_owned())] {
        let playlist = studio.get(&format!("{base}/{playlist}")).await;
        assert!(playlist.text().contains("#EXT-X-PLAYLIST-TYPE:VOD"));
        assert!(playlist.text().trim_end().ends_with("#EXT-X-ENDLIST"));
        assert!(!playlist.text().contains("EXT-X-GAP"));
        let file = joined(&studio, &base, &playlist).await;
        assert_eq!(samples(&index(&file), 0, &file), samples(&found, track, &mp4.body));
    }

    let manifest = studio.get(&format!("{base}/manifest.mpd")).await;
    assert!(manifest.text().contains("type=\"static\""), "{}", manifest.text());
    assert!(manifest.text().contains("mediaPresentationDuration=\"PT"), "{}", manifest.text());

    // The raw file is a whole MP4 file too.
    let raw = std::fs::read(folder.path().join(&recording.id).join("1.mp4")).unwrap();
    assert_eq!(frames(&index(&raw)), [300, 469]);
    assert_eq!(index(&raw).damage(), None);
}

#[tokio::test(start_paused = true)]
async fn another_process_serves_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(7.0);
    let recordings = studio.wrap().await;
    let again = Studio::open(folder.path());
    assert_eq!(again.recorder.recordings(), recordings);
    let id = &recordings[0].id;
    // Without its index too, and with one that lost its end.
    let path = folder.path().join(id).join("1.idx");
    let whole = std::fs::read(&path).unwrap();
    for damage in [None, Some(whole.len() / 2), Some(0)] {
        if let Some(len) = damage {
            std::fs::write(&path, &whole[..len]).unwrap();
        }
        let again = Studio::open(folder.path());
        for file in ["index.m3u8", "1.m3u8", "2.m3u8", "manifest.mpd", "video.mp4"] {
            let path = format!("/vod/{id}/{file}");
            let (one, other) = (studio.get(&path).await, again.get(&path).await);
            assert_eq!(one.status, StatusCode::OK, "{file}");
            assert_eq!(one.body, other.body, "{file} {damage:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_is_newest_first_and_as_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    for name in ["one", "two"] {
        let mut camera = Camera::publish(&studio.origin, name).unwrap();
        camera.run_to(3.0);
        drop(camera);
        sleep(Duration::from_secs(6)).await;
    }
    // One that sends nothing leaves nothing behind.
    drop(Camera::publish(&studio.origin, "nothing").unwrap());
    studio.wrap().await;
    let list = studio.get("/vod").await;
    assert_eq!(list.headers["content-type"], "application/json");
    let list: serde_json::Value = serde_json::from_slice(&list.body).unwrap();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["two", "one"]);
    let one = &list[0];
    let id = one["id"].as_str().unwrap();
    assert_eq!(one["hls"], format!("/vod/{id}/index.m3u8"));
    assert_eq!(one["dash"], format!("/vod/{id}/manifest.mpd"));
    assert_eq!(one["mp4"], format!("/vod/{id}/video.mp4"));
    assert!((2.9..3.1).contains(&one["duration_s"].as_f64().unwrap()));
    assert!(one["started_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn any_range_of_the_file_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(5.0);
    let recordings = studio.wrap().await;
    let path = format!("/vod/{}/video.mp4", recordings[0].id);
    let whole = studio.get(&path).await;
    let length = whole.body.len();
    let tag = whole.headers["etag"].to_str().unwrap();
    for from in (0..length).step_by(length / 37) {
        for wanted in [1, 100, 5000, length] {
            let to = (from + wanted).min(length);
            let range = format!("bytes={from}-{}", to - 1);
            let part = studio.ask(&path, &[("range", &range), ("if-range", tag)]).await;
            assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
            assert_eq!(part.body, whole.body[from..to], "{range}");
            let stated = format!("bytes {from}-{}/{length}", to - 1);
            assert_eq!(part.headers["content-range"], stated.as_str());
        }
    }
    let beyond = studio.ask(&path, &[("range", &format!("bytes={length}-"))]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let known = studio.ask(&path, &[("if-none-match", tag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_a_problem_document() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(3.0);
    let id = studio.wrap().await[0].id.clone();
    for (path, status) in [
        ("/vod/none-1/index.m3u8".to_owned(), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/recording.json"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/1.mp4"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/..%2F..%2Fetc"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/9-1.m4s"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/ts.m3u8"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/video-2.mp4"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/video.mp4?from=100"), StatusCode::NOT_FOUND),
        (format!("/vod/{id}/index.m3u8?from=2&to=1"), StatusCode::BAD_REQUEST),
        (format!("/vod/{id}/index.m3u8?from=x"), StatusCode::BAD_REQUEST),
    ] {
        let answer = studio.get(&path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_removed_recording_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(3.0);
    let id = studio.wrap().await[0].id.clone();
    assert!(!studio.recorder.remove("cam-1"));
    assert!(studio.recorder.remove(&id));
    assert!(!studio.recorder.remove(&id));
    let path = format!("/vod/{id}/index.m3u8");
    assert_eq!(studio.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(studio.recorder.metrics().contains("airloom_recordings_bytes 0\n"));
}

/// As many parts and frames as two hours have; that they are small changes nothing about tables.
#[tokio::test(start_paused = true)]
async fn two_hours_are_ready_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.gather = std::time::Duration::ZERO;
    let studio = Studio::with(folder.path(), config);
    let mut ready = studio.recorder.ready();
    let mut camera = Camera::publish(&studio.origin, "long").unwrap();
    for step in 1..=720 {
        camera.run_to(f64::from(step) * 10.0);
        // The disk is not to be outrun.
        while !studio.recorder.metrics().contains("airloom_recordings_queue_bytes 0\n") {
            std::thread::yield_now();
        }
    }
    drop(camera);
    let start = std::time::Instant::now();
    studio.origin.end().await;
    let recording = ready.recv().await.unwrap();
    println!("ready after {:?}", start.elapsed());
    assert_eq!(recording.duration.as_secs(), 7200);
    let base = format!("/vod/{}", recording.id);
    for file in ["index.m3u8", "1.m3u8", "2.m3u8", "manifest.mpd"] {
        let start = std::time::Instant::now();
        let answer = studio.get(&format!("{base}/{file}")).await;
        println!("{file}: {} bytes after {:?}", answer.body.len(), start.elapsed());
        assert_eq!(answer.status, StatusCode::OK);
    }
    let start = std::time::Instant::now();
    let path = format!("{base}/video.mp4");
    let answer = studio.ask(&path, &[("range", "bytes=0-1000")]).await;
    println!("the MP4 file's first bytes after {:?}", start.elapsed());
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    let whole = studio.get(&path).await;
    assert_eq!(frames(&index(&whole.body)), [216_000, 337_500]);

    let start = std::time::Instant::now();
    let again = Studio::open(folder.path());
    println!("opened again after {:?}", start.elapsed());
    let start = std::time::Instant::now();
    assert_eq!(again.get(&format!("{base}/1.m3u8")).await.status, StatusCode::OK);
    println!("read back after {:?}", start.elapsed());
}
