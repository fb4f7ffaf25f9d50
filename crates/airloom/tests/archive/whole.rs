use std::time::Duration;

use airloom::archive::Config;

use super::camera::Camera;
use super::judge::{archived, complete};
use super::shelf::{Mood, Shelf, links};

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_the_store_when_it_is_over() {
    let shelf = Shelf::new();
    let mut config = Config::default();
    config.prefix = "/site/".to_owned();
    let (archive, origin) = archived(&shelf, config);
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    for second in 0..60 {
        camera.run_to(f64::from(second));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // It can be watched from the store while it goes on.
    let list = shelf.names().await.into_iter().find(|name| name.ends_with("/1.m3u8")).unwrap();
    let text = shelf.text(&list).await;
    assert!(text.matches("#EXTINF").count() > 15 && !text.contains("ENDLIST"), "{text}");
    assert!(list.starts_with("site/cam/"), "{list}");
    // A store holds no requests until there is more, and makes no delta updates.
    assert!(!text.contains("SERVER-CONTROL"), "{text}");
    drop(camera);
    origin.end().await;
    archive.settled().await;
    let (folder, gaps) = complete(&shelf).await;
    assert_eq!(gaps, 0);
    let text = shelf.text(&format!("{folder}1.m3u8")).await;
    assert_eq!(text.matches("#EXTINF").count(), 30, "{text}");
    let segment = shelf.read(&format!("{folder}{}", links(&text)[1])).await;
    assert_eq!(&segment[4..8], b"styp");
    let metrics = archive.metrics();
    for gauge in ["waiting", "memory_bytes", "disk_bytes", "lost_segments_total"] {
        assert!(metrics.contains(&format!("airloom_archive_{gauge} 0\n")), "{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_most_of_the_time_loses_nothing() {
    let shelf = Shelf::new();
    shelf.is(Mood::Moody);
    let mut config = Config::default();
    config.playlists = Duration::ZERO;
    let (archive, origin) = archived(&shelf, config);
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    for second in 0..30 {
        camera.run_to(f64::from(second));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(camera);
    origin.end().await;
    archive.settled().await;
    assert_eq!(complete(&shelf).await.1, 0);
    assert!(!archive.metrics().contains("airloom_archive_failures_total 0\n"));
}

#[tokio::test(start_paused = true)]
async fn two_lives_of_a_name_are_two_folders() {
    let shelf = Shelf::new();
    let (archive, origin) = archived(&shelf, Config::default());
    for _ in 0..2 {
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        camera.run_to(10.0);
        drop(camera);
        origin.end().await;
    }
    archive.settled().await;
    let names = shelf.names().await;
    assert_eq!(names.iter().filter(|name| name.ends_with("/index.m3u8")).count(), 2, "{names:?}");
    assert_eq!(shelf.wrong(), <[String; 0]>::default());
}
