use std::time::Duration;

use airloom::archive::Config;

use super::judge::{archived, complete};
use super::shelf::{Mood, Shelf, links};
use crate::camera::Camera;

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

#[cfg(feature = "encryption")]
#[tokio::test(start_paused = true)]
async fn an_encrypted_stream_is_stored_with_what_players_need_to_know_of_its_keys() {
    use airloom::origin::Encryption;
    use airloom::playlist::{ContentProtection, Key, KeyMethod, Protection};
    use airloom::segmenter::encrypt::{self, Scheme};

    let (id, iv) = ([7; 16], [9; 16]);
    let key = Key::new(KeyMethod::SampleAes, "https://keys.example/7").unwrap().with_iv(iv);
    let encryption = Encryption {
        scheme: Scheme::Cbcs,
        key: encrypt::Key::new(id, [1; 16], iv),
        protection: Protection { keys: vec![key], content: vec![ContentProtection::cbcs(id)] },
    };
    let shelf = Shelf::new();
    let (archive, origin) = archived(&shelf, Config::default());
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.publishing.encrypt(encryption).unwrap();
    camera.run_to(10.0);
    drop(camera);
    origin.end().await;
    archive.settled().await;
    let names = shelf.names().await;
    let find = |end: &str| names.iter().find(|name| name.ends_with(end)).unwrap().clone();
    for rendition in ["/1.m3u8", "/2.m3u8"] {
        let text = shelf.text(&find(rendition)).await;
        let (head, media) = text.split_once("#EXTINF").unwrap();
        assert!(
            head.contains("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"https://keys.example/7\""),
            "{text}"
        );
        assert!(media.contains("#EXT-X-ENDLIST"), "{text}");
    }
    let manifest = shelf.text(&find("/manifest.mpd")).await;
    assert!(manifest.contains("cenc:default_KID=\"07070707-"), "{manifest}");
}
