use airloom::Origin;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::client::{get, request, video_playlist};
use crate::camera::Camera;

#[tokio::test(start_paused = true)]
async fn every_link_of_every_playlist_leads_somewhere() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(7.0);
    let multivariant = get(&origin, "/cam/index.m3u8").await;
    let mut playlists = multivariant.uris();
    let audio = multivariant.last("URI=\"").to_owned();
    playlists.push(&audio);
    playlists.push("ts.m3u8");
    for playlist in playlists {
        let playlist = get(&origin, &format!("/cam/{playlist}")).await;
        assert_eq!(playlist.status, StatusCode::OK);
        assert_eq!(playlist.headers[header::CONTENT_TYPE], "application/vnd.apple.mpegurl");
        assert!(playlist.uris().len() >= 3);
        let quoted = playlist.text().lines().filter(|line| !line.contains("PRELOAD-HINT"));
        let quoted =
            quoted.filter_map(|line| Some(line.split_once("URI=\"")?.1.split_once('"')?.0));
        for uri in playlist.uris().into_iter().chain(quoted) {
            let media = get(&origin, &format!("/cam/{uri}")).await;
            assert_eq!(media.status, StatusCode::OK, "{uri}");
            if !uri.contains(".m3u8") {
                let cache = media.headers[header::CACHE_CONTROL].to_str().unwrap();
                assert!(cache.contains("max-age=") && cache.contains("immutable"), "{uri}");
                assert_eq!(
                    media.headers[header::CONTENT_LENGTH].to_str().unwrap(),
                    media.body.len().to_string()
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parts_put_together_are_their_segment() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(6.5);
    let playlist = get(&origin, &video_playlist(&origin, "cam").await).await;
    let (_, last) = playlist.sequences();
    let segment = playlist.uris().pop().unwrap();
    let mut joined = Vec::new();
    for line in playlist.text().lines().filter(|line| line.starts_with("#EXT-X-PART:")) {
        let uri = line.split_once("URI=\"").unwrap().1.split_once('"').unwrap().0;
        if uri.contains(&format!("-{last}.")) {
            joined.extend(get(&origin, &format!("/cam/{uri}")).await.body);
        }
    }
    assert!(!joined.is_empty());
    assert_eq!(joined, get(&origin, &format!("/cam/{segment}")).await.body);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_a_problem_document() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    for path in ["/nobody/index.m3u8", "/cam/what", "/cam/1-5.m4s", "/cam/9.m3u8", "/c%2Fm/time"] {
        let answer = get(&origin, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.text().contains("\"status\":404"));
    }
    let answer =
        request(&origin, Request::post("/cam/index.m3u8").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_left_the_window_is_gone() {
    let origin = Origin::builder().window(std::time::Duration::from_secs(12)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(8.0);
    let path = video_playlist(&origin, "cam").await;
    let playlist = get(&origin, &path).await;
    let oldest = format!("/cam/{}", playlist.uris()[0]);
    assert_eq!(get(&origin, &oldest).await.status, StatusCode::OK);
    let (first, _) = playlist.sequences();
    camera.run_to(60.0);
    assert_eq!(get(&origin, &oldest).await.status, StatusCode::NOT_FOUND);
    let playlist = get(&origin, &path).await;
    assert!(playlist.sequences().0 > first);
    // What is held is bounded by the window, not by how long the stream runs.
    let held = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("airloom_stream_window_bytes{"))
            .unwrap()
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse::<u64>()
            .unwrap()
    };
    let before = held(&origin.metrics());
    camera.run_to(600.0);
    assert!(held(&origin.metrics()) < before * 3 / 2);
}

#[tokio::test(start_paused = true)]
async fn a_playlist_that_has_not_changed_is_not_sent_again() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    let path = video_playlist(&origin, "cam").await;
    let first = get(&origin, &path).await;
    let again = |tag: &str| {
        Request::get(&path).header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap()
    };
    let tag = first.headers[header::ETAG].to_str().unwrap().to_owned();
    let same = request(&origin, again(&tag)).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    camera.run_to(4.0);
    let changed = request(&origin, again(&tag)).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_ne!(changed.headers[header::ETAG], tag.as_str());
}
