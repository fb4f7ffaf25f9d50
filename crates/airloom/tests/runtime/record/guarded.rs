//! Recordings of streams that not everybody may watch: what MTX#2205 asks of live playlists (tokens
//! lost on children) holds of recordings, too.

use std::future::ready;

use airloom::access::{Admission, Denied, Gate, Pass, Visit};
use axum::http::StatusCode;

use super::rewind::until;
use super::studio::Studio;
use crate::camera::Camera;

/// Everybody publishes; who knows the word plays.
#[derive(Debug)]
struct Word;

const SHOWN: &str = "token=sesame";

impl Gate for Word {
    fn publish<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(ready(Ok(Pass::new())))
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        let known = visit.credential.as_deref() == Some("sesame");
        Box::pin(ready(if known { Ok(Pass::new()) } else { Err(Denied::Required) }))
    }
}

#[tokio::test(start_paused = true)]
async fn who_shows_a_token_is_led_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::guarded(folder.path(), Word);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    drop(camera);
    let id = studio.wrap().await[0].id.clone();

    for file in ["index.m3u8", "1.m3u8", "manifest.mpd", "video.mp4", "clip.mp4"] {
        let answer = studio.get(&format!("/vod/{id}/{file}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{file}");
    }
    for (query, carried) in [
        (SHOWN.to_owned(), SHOWN.to_owned()),
        (format!("{SHOWN}&theme=dark"), SHOWN.to_owned()),
        (format!("from=1.5&{SHOWN}"), format!("from=1.500&{SHOWN}")),
    ] {
        let mut path = format!("/vod/{id}/index.m3u8?{query}");
        // Multivariant playlist, playlist, segment: as one leads to the other.
        for _ in 0..2 {
            let list = studio.get(&path).await;
            assert_eq!(list.status, StatusCode::OK, "{path}");
            let links = list.links();
            assert!(links.iter().all(|link| link.ends_with(&format!("?{carried}"))), "{links:?}");
            path = format!("/vod/{id}/{}", links[0]);
        }
        assert_eq!(studio.get(&path).await.status, StatusCode::OK, "{path}");
        let manifest = studio.get(&format!("/vod/{id}/manifest.mpd?{query}")).await;
        // In an attribute's text.
        let written = carried.replace('&', "&amp;");
        assert!(manifest.text().contains(&format!("?{written}\"")), "{}", manifest.text());
    }
    // Nobody else is given what one was shown.
    let other = studio.get(&format!("/vod/{id}/index.m3u8?token=other")).await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_air_is_guarded_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::guarded(folder.path(), Word);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(30.0);
    let list = format!("/live/cam/dvr.m3u8?{SHOWN}");
    let led = until(&studio, &list, |answer| answer.status.is_redirection()).await;
    let path = led.headers["location"].to_str().unwrap().to_owned();
    let bare = path.strip_suffix(&format!("?{SHOWN}")).unwrap();
    until(&studio, &path, |answer| answer.status == StatusCode::OK).await;
    assert_eq!(studio.get(bare).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(studio.get("/live/cam/dvr.m3u8").await.status, StatusCode::UNAUTHORIZED);
}

/// Lets everybody in, whatever they show.
#[derive(Debug)]
struct Open;

impl Gate for Open {
    fn publish<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(ready(Ok(Pass::new())))
    }

    fn play<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(ready(Ok(Pass::new())))
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_link_can_carry_is_not_carried() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::guarded(folder.path(), Open);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    for shown in ["token={a}", "token=a'b"] {
        let list = format!("/live/cam/dvr.m3u8?{shown}");
        let led = until(&studio, &list, |answer| answer.status.is_redirection()).await;
        assert!(led.headers["location"].to_str().unwrap().ends_with("/index.m3u8"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_in_disguise_opens_no_door() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::guarded(folder.path(), Word);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    let disguised = studio.get("/live/c%61m/dvr.m3u8").await;
    assert_eq!(disguised.status, StatusCode::UNAUTHORIZED);
    drop(camera);
    let id = studio.wrap().await[0].id.replacen("cam", "c%61m", 1);
    let disguised = studio.get(&format!("/vod/{id}/index.m3u8")).await;
    assert_eq!(disguised.status, StatusCode::UNAUTHORIZED);
    let open = studio.get(&format!("/vod/{id}/index.m3u8?{SHOWN}")).await;
    assert_eq!(open.status, StatusCode::OK);
}
