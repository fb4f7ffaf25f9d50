use airloom::record::Config;
use axum::http::StatusCode;
use tokio::time::Duration;

use super::rewind::until;
use super::studio::Studio;
use crate::camera::Camera;
use crate::clip::Clip;

#[tokio::test(start_paused = true)]
async fn a_recording_has_thumbnails_of_its_keyframes() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.thumbnails.sheet.interval = Duration::from_secs(1);
    (config.thumbnails.sheet.columns, config.thumbnails.sheet.rows) = (2, 2);
    let studio = Studio::with(folder.path(), config);
    Clip::publish(&studio.origin, "cam").run(0..12_000);
    let recording = studio.wrap().await.remove(0);
    let list = studio.get("/vod").await;
    let base = format!("/vod/{}", recording.id);
    assert!(list.text().contains(&format!(r#""thumbnails":"{base}/thumbnails.vtt""#)));

    let text = studio.get(&format!("{base}/thumbnails.vtt")).await;
    assert_eq!(text.headers["content-type"], "text/vtt; charset=utf-8");
    // Segments start at 0, 1, 3, 5, 7, 9 and 11 s.
    let links: Vec<_> = text.text().lines().filter(|line| line.contains("#xywh=")).collect();
    assert_eq!(links.len(), 7, "{}", text.text());
    assert!(text.text().starts_with(
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nthumbnails-0.jpg#xywh=0,0,160,90\n"
    ));
    assert!(text.text().ends_with("00:00:12.000\nthumbnails-1.jpg#xywh=0,90,160,90\n"));
    let tag = text.headers["etag"].to_str().unwrap().to_owned();
    let again = studio.ask(&format!("{base}/thumbnails.vtt"), &[("if-none-match", &tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let sheet = studio.get(&format!("{base}/thumbnails-0.jpg")).await;
    assert_eq!((sheet.status, &sheet.body[..2]), (StatusCode::OK, &[0xFF, 0xD8][..]));
    assert_eq!(sheet.headers["content-type"], "image/jpeg");
    let other = studio.get(&format!("{base}/thumbnails-1.jpg")).await;
    assert_ne!(sheet.body, other.body);
    let tag = sheet.headers["etag"].to_str().unwrap().to_owned();
    let again = studio.ask(&format!("{base}/thumbnails-0.jpg"), &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    for missing in ["thumbnails-2.jpg", "thumbnails-00.jpg", "thumbnails-x.jpg", "thumbnails.jpg"] {
        let answer = studio.get(&format!("{base}/{missing}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

/// Pictures that no decoder knows are no reason to answer with rubbish, or not at all.
#[tokio::test(start_paused = true)]
async fn what_does_not_decode_has_no_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(5.0);
    drop(camera);
    let recording = studio.wrap().await.remove(0);
    let text = studio.get(&format!("/vod/{}/thumbnails.vtt", recording.id)).await;
    assert!(text.text().contains("thumbnails-0.jpg#xywh=0,0,160,90"), "{}", text.text());
    let sheet = studio.get(&format!("/vod/{}/thumbnails-0.jpg", recording.id)).await;
    assert_eq!(sheet.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_air_has_thumbnails_once_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    let list = until(&studio, "/vod?on_air=1", |list| list.text().contains("\"id\":")).await;
    let list = list.text();
    assert!(!list.contains("thumbnails"), "{list}");
    let id = list.split(r#""id":""#).nth(1).unwrap().split('"').next().unwrap();
    let text = studio.get(&format!("/vod/{id}/thumbnails.vtt")).await;
    assert_eq!(text.status, StatusCode::CONFLICT);
}
