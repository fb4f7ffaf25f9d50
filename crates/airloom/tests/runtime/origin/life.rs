use airloom::Origin;
use airloom::origin::{Refused, State};
use axum::http::StatusCode;
use tokio::time::{Duration, sleep};

use super::client::{get, video_playlist};
use crate::camera::Camera;

#[tokio::test(start_paused = true)]
async fn a_name_on_air_is_refused() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(1.0);
    assert_eq!(Camera::publish(&origin, "cam").err(), Some(Refused::OnAir));
    assert!(camera.is_on_air());
}

/// bluenviron/mediamtx#5242, ossrs/srs#4173: a publisher drops without goodbye and comes back.
#[tokio::test(start_paused = true)]
async fn a_publisher_that_lost_its_line_comes_back_within_a_second() {
    let origin = Origin::builder().build();
    let mut lost = Camera::publish(&origin, "cam").unwrap();
    lost.run_to(3.0);
    sleep(Duration::from_secs(1)).await;
    let mut back = Camera::publish(&origin, "cam").unwrap();
    assert!(!lost.is_on_air());
    drop(lost);
    back.run_to(3.0);
    assert_eq!(origin.streams("")[0].state, State::Live);
    let playlist = get(&origin, &video_playlist(&origin, "cam").await).await;
    assert_eq!(playlist.text().matches("#EXT-X-DISCONTINUITY\n").count(), 1);
}

/// ossrs/srs#3506, #1052: sequence numbers never fall when a publisher comes back.
#[tokio::test(start_paused = true)]
async fn a_publish_resumed_in_time_is_the_same_stream() {
    let origin = Origin::builder().resume(Duration::from_secs(10)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let path = video_playlist(&origin, "cam").await;
    let before = get(&origin, &path).await;
    drop(camera);
    assert_eq!(origin.streams("")[0].state, State::Resuming);
    sleep(Duration::from_secs(9)).await;
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(origin.streams("")[0].state, State::Live);
    let after = get(&origin, &path).await;
    assert_eq!(after.sequences().0, before.sequences().0);
    assert!(after.sequences().1 > before.sequences().1);
    assert!(after.text().contains("#EXT-X-DISCONTINUITY\n"));
    assert!(!after.text().contains("#EXT-X-ENDLIST"));
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_does_not_come_back_ends_and_is_forgotten() {
    let origin =
        Origin::builder().resume(Duration::from_secs(10)).linger(Duration::from_mins(1)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(5.0);
    let path = video_playlist(&origin, "cam").await;
    let (_, last) = get(&origin, &path).await.sequences();
    drop(camera);
    sleep(Duration::from_secs(11)).await;
    let ended = get(&origin, &path).await;
    assert!(ended.text().trim_end().ends_with("#EXT-X-ENDLIST"));
    assert_eq!(origin.streams("")[0].state, State::Ended);

    // Whoever publishes now begins a new stream, whose numbers go on above the old one's.
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    let new = get(&origin, &path).await;
    assert!(new.sequences().0 > last);
    assert!(!new.text().contains("#EXT-X-ENDLIST"));
    drop(camera);
    sleep(Duration::from_secs(71)).await;
    assert!(origin.streams("").is_empty());
    assert_eq!(get(&origin, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_publishes_leave_nothing_behind() {
    let origin = Origin::builder().build();
    for round in 0..100 {
        let mut camera = Camera::publish(&origin, &format!("cam{}", round % 7)).unwrap();
        camera.run_to(2.5);
        drop(camera);
        sleep(Duration::from_secs(1)).await;
    }
    assert!(!origin.streams("").is_empty());
    sleep(Duration::from_secs(80)).await;
    assert!(origin.streams("").is_empty());
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_streams_holds() {
    let mut limits = airloom::origin::Limits::default();
    limits.streams = 2;
    let origin = Origin::builder().limits(limits).build();
    let _one = Camera::publish(&origin, "one").unwrap();
    let _two = Camera::publish(&origin, "two").unwrap();
    assert_eq!(Camera::publish(&origin, "three").err(), Some(Refused::Full));
}
