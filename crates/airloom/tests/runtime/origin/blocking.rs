use airloom::Origin;
use axum::http::StatusCode;
use tokio::time::{Duration, Instant};

use super::client::{get, video_playlist};
use crate::camera::Camera;

#[tokio::test(start_paused = true)]
async fn a_blocked_request_is_answered_the_moment_its_part_is_there() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.55);
    let path = video_playlist(&origin, "cam").await;
    let playlist = get(&origin, &path).await;
    let (_, last) = playlist.sequences();
    let parts = playlist.text().matches(&format!("-{}.", last + 1)).count() as u64 - 1;

    let waiting = tokio::spawn({
        let (origin, path) =
            (origin.clone(), format!("{path}?_HLS_msn={}&_HLS_part={parts}", last + 1));
        async move { (get(&origin, &path).await, Instant::now()) }
    });
    let hint = playlist.last("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=").to_owned();
    let hinted = tokio::spawn({
        let (origin, path) = (origin.clone(), format!("/cam/{hint}"));
        async move { get(&origin, &path).await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(!waiting.is_finished() && !hinted.is_finished());
    camera.run_to(4.8);
    let came = Instant::now();
    let (answer, answered) = waiting.await.unwrap();
    assert_eq!(answered, came);
    assert!(answer.text().contains(&format!("URI=\"{hint}\"")));
    let part = hinted.await.unwrap();
    assert_eq!(part.status, StatusCode::OK);
    assert_eq!(&part.body[4..8], b"moof");
}

#[tokio::test(start_paused = true)]
async fn the_far_future_is_refused_at_once() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let path = video_playlist(&origin, "cam").await;
    let (_, last) = get(&origin, &path).await.sequences();
    let start = Instant::now();
    for query in [
        format!("_HLS_msn={}", last + 10),
        "_HLS_msn=x".to_owned(),
        "_HLS_part=1".to_owned(),
        format!("_HLS_msn={}", u64::MAX),
    ] {
        let answer = get(&origin, &format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(Instant::now(), start);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let path = video_playlist(&origin, "cam").await;
    let (_, last) = get(&origin, &path).await.sequences();
    let start = Instant::now();
    let answer = get(&origin, &format!("{path}?_HLS_msn={}", last + 2)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    // Three target durations (RFC 8216bis, 6.2.5.2).
    assert_eq!(start.elapsed().as_secs(), 6);
    assert!(camera.is_on_air());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_wakes_whoever_waits() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.1);
    let path = video_playlist(&origin, "cam").await;
    let playlist = get(&origin, &path).await;
    let (_, last) = playlist.sequences();
    let hint = playlist.last("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=").to_owned();
    let spawn = |path: String| {
        let origin = origin.clone();
        tokio::spawn(async move { get(&origin, &path).await })
    };
    let blocked = spawn(format!("{path}?_HLS_msn={}", last + 2));
    let hinted = spawn(format!("/cam/{hint}"));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    origin.end().await;
    let answer = blocked.await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().trim_end().ends_with("#EXT-X-ENDLIST"));
    // What was held back for the part goes out under the promised name, or is properly gone.
    let status = hinted.await.unwrap().status;
    assert!(matches!(status, StatusCode::OK | StatusCode::NOT_FOUND), "{status}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}
