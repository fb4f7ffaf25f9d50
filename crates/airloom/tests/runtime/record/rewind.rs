use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::studio::{Answer, Studio};
use crate::camera::Camera;

/// Asks until the writer, which has a thread of its own, has come so far.
pub(super) async fn until(studio: &Studio, path: &str, enough: impl Fn(&Answer) -> bool) -> Answer {
    let start = Instant::now();
    loop {
        let answer = studio.get(path).await;
        if enough(&answer) {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{}", answer.text());
        std::thread::yield_now();
    }
}

#[tokio::test(start_paused = true)]
async fn what_left_the_window_is_still_there_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(100.0);
    until(&studio, "/vod?on_air=1", |list| list.text().contains("\"on_air\":true")).await;
    assert_eq!(studio.get("/vod").await.text(), "[]", "only what has ended is a recording");

    let led = studio.get("/live/cam/dvr.m3u8").await;
    assert_eq!(led.status, StatusCode::TEMPORARY_REDIRECT);
    let path = led.headers["location"].to_str().unwrap().to_owned();
    let base = path.strip_suffix("index.m3u8").unwrap();
    let video = format!("{base}1.m3u8");
    let before = until(&studio, &video, |list| list.links().len() >= 50).await;
    assert!(before.text().contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert!(!before.text().contains("#EXT-X-ENDLIST"));
    assert_eq!(studio.get(&path).await.links(), ["1.m3u8"]);
    let live = studio.get("/live/cam/1.m3u8").await;
    let first = &before.links()[0];
    assert!(!live.links().contains(first));
    assert_eq!(studio.get(&format!("{base}{first}")).await.status, StatusCode::OK);
    let file = studio.get(&format!("{base}video.mp4")).await;
    assert_eq!(file.status, StatusCode::CONFLICT);
    let manifest = studio.get(&format!("{base}manifest.mpd")).await;
    assert!(manifest.text().contains("type=\"dynamic\""));
    assert_eq!(studio.get(&format!("{base}time")).await.status, StatusCode::OK);

    camera.run_to(110.0);
    let count = before.links().len();
    let after = until(&studio, &video, |list| list.links().len() >= count + 4).await;
    assert_eq!(after.links()[..count], before.links(), "it grows, and loses nothing");

    drop(camera);
    studio.wrap().await;
    let ended = studio.get(&video).await;
    assert_eq!(ended.links()[..after.links().len()], after.links());
    assert!(ended.text().contains("#EXT-X-PLAYLIST-TYPE:VOD\n"));
    assert_eq!(studio.get("/live/cam/dvr.m3u8").await.status, StatusCode::NOT_FOUND);
}
