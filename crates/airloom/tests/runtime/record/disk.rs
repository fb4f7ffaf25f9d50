use std::process::Command;

use airloom::record::{Config, CutShort};

use super::studio::{Studio, index};
use crate::camera::Camera;

/// Tells the process with little room that it is the one.
const ROOM: &str = "AIRLOOM_TEST_LITTLE_ROOM";

/// A file of 64 KiB is all the disk takes; a write beyond is cut off in the middle.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let child = "record::disk::the_one_with_little_room";
    let output = Command::new("sh")
        // 128 blocks of 512 bytes; the signal that comes with the limit is not for us.
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(child)
        .env(ROOM, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn the_one_with_little_room() {
    if std::env::var_os(ROOM).is_none() {
        return;
    }
    fills_up(tempfile::tempdir().unwrap().path(), 60).await;
}

/// A file system of 200 kB, which `cargo xtask unit` mounts; by hand:
/// `mount -t tmpfs -o size=200k tmpfs /mnt && AIRLOOM_SMALL_DISK=/mnt cargo test --test runtime record::disk`.
#[tokio::test(start_paused = true)]
async fn a_small_disk_that_fills_up_ends_the_recording_and_nothing_else() {
    let Some(disk) = std::env::var_os("AIRLOOM_SMALL_DISK") else { return };
    fills_up(tempfile::tempdir_in(disk).unwrap().path(), 600).await;
}

/// Records so many seconds where they do not fit.
async fn fills_up(folder: &std::path::Path, seconds: u32) {
    let studio = Studio::open(folder);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(f64::from(seconds));
    // Whoever watches sees the last second of the minute.
    let live = studio.get("/live/cam/2.m3u8").await;
    assert!(live.links().len() >= 28, "{}", live.text());
    let recordings = studio.wrap().await;
    let [recording] = &recordings[..] else { panic!("{recordings:?}") };
    assert_eq!(recording.cut_short, Some(CutShort::Disk));
    assert!(recording.duration.as_secs() >= 2 && recording.duration.as_secs() < seconds.into());
    assert!(studio.recorder.metrics().contains("airloom_recordings_cut_short_total 1\n"));
    let raw = std::fs::read(folder.join(&recording.id).join("1.mp4")).unwrap();
    assert_eq!(index(&raw).damage(), None, "the part that was cut off is gone");
    let movie = studio.get(&format!("/vod/{}/video.mp4", recording.id)).await;
    let tracks = [0, 1].map(|track| index(&movie.body).tracks()[track].len());
    assert_eq!(tracks, [0, 1].map(|track| index(&raw).tracks()[track].len()));
}

#[tokio::test(start_paused = true)]
async fn the_bound_on_bytes_ends_and_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.limits.bytes = 64 << 10;
    let studio = Studio::with(folder.path(), config);
    let mut one = Camera::publish(&studio.origin, "one").unwrap();
    one.run_to(60.0);
    drop(one);
    // Bytes of the disk are counted as they are written, and their index as well.
    let recordings = studio.wrap().await;
    assert_eq!(recordings[0].cut_short, Some(CutShort::Limit));
    let used: u64 = std::fs::read_dir(folder.path().join(&recordings[0].id))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(used < (64 << 10) + 2048, "{used}");

    let mut config = Config::default();
    config.limits.bytes = 16 << 10;
    let full = Studio::with(folder.path(), config);
    let mut two = Camera::publish(&full.origin, "two").unwrap();
    two.run_to(5.0);
    assert_eq!(full.wrap().await.len(), 1);
    assert!(full.recorder.metrics().contains("airloom_recordings_refused_total 1\n"));
    assert!(full.recorder.remove(&recordings[0].id));
    assert!(full.recorder.metrics().contains("airloom_recordings_bytes 0\n"));
}

#[tokio::test(start_paused = true)]
async fn the_bound_on_recordings_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.limits.recordings = 2;
    let studio = Studio::with(folder.path(), config);
    for name in ["one", "two", "three"] {
        let mut camera = Camera::publish(&studio.origin, name).unwrap();
        camera.run_to(3.0);
    }
    let recordings = studio.wrap().await;
    let mut names: Vec<_> = recordings.iter().map(|one| one.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["one", "two"]);
    assert!(studio.recorder.metrics().contains("airloom_recordings_refused_total 1\n"));
}

#[tokio::test(start_paused = true)]
async fn a_disk_without_time_costs_viewers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.queue = 0;
    let studio = Studio::with(folder.path(), config);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    let live = studio.get("/live/cam/2.m3u8").await;
    assert!(live.links().len() >= 4, "{}", live.text());
    assert!(studio.wrap().await.is_empty());
    let metrics = studio.recorder.metrics();
    let lost = metrics.lines().find_map(|line| {
        line.strip_prefix("airloom_recordings_lost_parts_total ")?.parse::<u64>().ok()
    });
    assert!(lost.unwrap() >= 90, "{metrics}");
}
