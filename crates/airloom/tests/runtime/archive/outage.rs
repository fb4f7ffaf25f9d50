use std::time::Duration;

use airloom::archive::{Config, Error};
use airloom::{Archive, Origin};

use super::judge::{archived, complete};
use super::shelf::{Mood, Shelf};
use crate::camera::Camera;

/// Some two segments of the camera's pictures.
const LITTLE: usize = 24 << 10;

fn gauge(archive: &Archive, name: &str) -> u64 {
    let metrics = archive.metrics();
    let name = format!("airloom_archive_{name} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

/// Publishes from one second to another, looking at the memory all the while.
async fn publish(camera: &mut Camera, archive: &Archive, seconds: std::ops::Range<u32>) {
    for second in seconds {
        camera.run_to(f64::from(second));
        assert!(gauge(archive, "memory_bytes") <= LITTLE as u64);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn end(origin: &Origin, archive: &Archive, mut camera: Camera) {
    // The stream has not noticed anything.
    assert!(camera.is_on_air());
    drop(camera);
    origin.end().await;
    archive.settled().await;
}

/// The store stopped for 60 s; all caught up after.
#[tokio::test(start_paused = true)]
async fn an_outage_is_spent_on_disk_and_caught_up_with() {
    for mood in [Mood::Failing, Mood::Hanging] {
        let (shelf, disk) = (Shelf::new(), tempfile::tempdir().unwrap());
        std::fs::write(disk.path().join("waiting-7-1"), "of a process that died").unwrap();
        let mut config = Config::default();
        config.spill = Some(disk.path().to_owned());
        config.limits.memory = LITTLE;
        let (archive, origin) = archived(&shelf, config);
        let files = || std::fs::read_dir(disk.path()).unwrap().count();
        assert_eq!(files(), 0);
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        publish(&mut camera, &archive, 0..20).await;
        shelf.is(mood);
        publish(&mut camera, &archive, 20..80).await;
        assert!(gauge(&archive, "disk_bytes") > 4 * LITTLE as u64);
        assert!(files() > 20, "{} files", files());
        // Who waits does not hammer.
        let before = shelf.tried();
        publish(&mut camera, &archive, 80..90).await;
        assert!(shelf.tried() - before < 100, "{} tries in 10 s", shelf.tried() - before);
        shelf.is(Mood::Well);
        publish(&mut camera, &archive, 90..120).await;
        assert!(gauge(&archive, "waiting") < 4);
        end(&origin, &archive, camera).await;
        let (folder, gaps) = complete(&shelf).await;
        assert_eq!(gaps, 0);
        let text = shelf.text(&format!("{folder}1.m3u8")).await;
        assert_eq!(text.matches("#EXTINF").count(), 60, "{text}");
        assert_eq!((gauge(&archive, "lost_segments_total"), files()), (0, 0));
        assert_eq!(gauge(&archive, "disk_bytes"), 0);
    }
}

/// Without a disk, or with one that is full, what finds no room is a gap that playlists tell of.
#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_an_explicit_gap() {
    for spill in [false, true] {
        let (shelf, disk) = (Shelf::new(), tempfile::tempdir().unwrap());
        let mut config = Config::default();
        config.limits.memory = LITTLE;
        if spill {
            (config.spill, config.limits.spill) = (Some(disk.path().to_owned()), LITTLE as u64);
        }
        let (archive, origin) = archived(&shelf, config);
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        publish(&mut camera, &archive, 0..20).await;
        shelf.is(Mood::Failing);
        publish(&mut camera, &archive, 20..80).await;
        assert!(gauge(&archive, "disk_bytes") <= LITTLE as u64);
        shelf.is(Mood::Well);
        publish(&mut camera, &archive, 80..120).await;
        end(&origin, &archive, camera).await;
        let (_, gaps) = complete(&shelf).await;
        let lost = gauge(&archive, "lost_segments_total");
        assert!(lost > 10 && gaps as u64 == lost, "{lost} lost, {gaps} gaps");
        assert_eq!(gauge(&archive, "memory_bytes"), 0);
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut config = Config::default();
    config.spill = Some(file.path().to_owned());
    let store = std::sync::Arc::new(Shelf::new());
    assert!(matches!(Archive::open(store, config), Err(Error::Spill { .. })));
}

#[test]
fn an_archive_needs_a_runtime() {
    let store = std::sync::Arc::new(Shelf::new());
    assert!(matches!(Archive::open(store, Config::default()), Err(Error::NoRuntime(_))));
}
