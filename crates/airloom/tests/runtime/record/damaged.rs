//! Recordings of which something is gone, or was never there.

use std::fs;
use std::path::Path;

use airloom::record::{CutShort, Recorder, Recording};
use axum::http::StatusCode;

use super::studio::{Answer, Studio};
use crate::camera::Camera;

/// Ten seconds of one configuration and ten of another, as a process left them that has ended.
async fn recorded(folder: &Path) -> Recording {
    let studio = Studio::open(folder);
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    camera.reconfigure();
    camera.run_to(20.0);
    studio.wrap().await.remove(0)
}

/// Makes of a recording what a process leaves that is killed.
fn kill(recording: &Path) {
    let path = recording.join("recording.json");
    let mut sheet: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    sheet["finished"] = serde_json::Value::Null;
    fs::write(path, sheet.to_string()).unwrap();
}

/// The playlist of the pictures.
async fn playlist(studio: &Studio, id: &str) -> Answer {
    let playlist = studio.get(&format!("/vod/{id}/1.m3u8")).await;
    assert_eq!(playlist.status, StatusCode::OK, "{}", playlist.text());
    playlist
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_gone_costs_what_was_in_it() {
    for gone in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let id = recorded(folder.path()).await.id;
        let whole = playlist(&Studio::open(folder.path()), &id).await.links();
        fs::remove_file(folder.path().join(&id).join(format!("{gone}.mp4"))).unwrap();
        let studio = Studio::open(folder.path());
        let left = playlist(&studio, &id).await;
        let links = left.links();
        assert!((5..=8).contains(&links.len()), "{}", left.text());
        assert!(left.text().ends_with("#EXT-X-ENDLIST\n"));
        let there = if gone == 2 { whole.starts_with(&links) } else { whole.ends_with(&links) };
        assert!(there, "{whole:?} and {links:?}");
        let segment = studio.get(&format!("/vod/{id}/{}", links[3])).await;
        assert_eq!(segment.status, StatusCode::OK);
        for (number, status) in [(gone, StatusCode::NOT_FOUND), (3 - gone, StatusCode::OK)] {
            let movie = studio.get(&format!("/vod/{id}/video-{number}.mp4")).await;
            assert_eq!(movie.status, status, "{number} without {gone}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_cannot_be_read_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let id = recorded(folder.path()).await.id;
    let (path, aside) = (folder.path().join(&id).join("2.mp4"), folder.path().join("aside"));
    let whole = playlist(&Studio::open(folder.path()), &id).await;
    fs::rename(&path, &aside).unwrap();
    // Opened like a file, and then reading fails.
    fs::create_dir(&path).unwrap();
    let studio = Studio::open(folder.path());
    assert!((5..=8).contains(&playlist(&studio, &id).await.links().len()));
    let movie = studio.get(&format!("/vod/{id}/video-2.mp4")).await;
    assert_eq!(movie.status, StatusCode::INTERNAL_SERVER_ERROR);
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    assert_eq!(playlist(&studio, &id).await.body, whole.body);
}

#[tokio::test(start_paused = true)]
async fn a_recording_without_any_volume_is_an_error_of_its_own_requests() {
    let folder = tempfile::tempdir().unwrap();
    let id = recorded(folder.path()).await.id;
    for volume in 1..=2 {
        fs::remove_file(folder.path().join(&id).join(format!("{volume}.mp4"))).unwrap();
    }
    let studio = Studio::open(folder.path());
    let answer = studio.get(&format!("/vod/{id}/index.m3u8")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(studio.get("/vod").await.status, StatusCode::OK);
}

/// To read the media instead is a seek for each part.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_lost_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recorded(folder.path()).await;
    let path = folder.path().join(&recording.id);
    let indexes = || [1, 2].map(|volume| fs::read(path.join(format!("{volume}.idx"))).ok());
    let before = indexes();
    assert!(before.iter().all(Option::is_some));

    // Whoever is killed may leave one that lacks its end.
    for len in [None, Some(100)] {
        match len {
            None => fs::remove_file(path.join("1.idx")).unwrap(),
            Some(len) => {
                fs::write(path.join("1.idx"), &before[0].as_ref().unwrap()[..len]).unwrap();
            }
        }
        kill(&path);
        let studio = Studio::open(folder.path());
        let again = studio.recorder.recordings().remove(0);
        assert_eq!(again.cut_short, Some(CutShort::Killed));
        assert!(indexes() == before, "recovered");
        let files = fs::read_dir(&path).unwrap().map(|file| file.unwrap());
        let media = files.filter(|file| file.file_name() != "recording.json");
        let bytes: u64 = media.map(|file| file.metadata().unwrap().len()).sum();
        assert_eq!(again.bytes, bytes, "and counted");
    }
    // Or somebody deletes it.
    fs::remove_file(path.join("2.idx")).unwrap();
    playlist(&Studio::open(folder.path()), &recording.id).await;
    assert!(indexes() == before, "read back");
    let left = fs::read_dir(&path).unwrap().count();
    assert_eq!(left, 5, "two volumes, their indexes and the sheet");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_of_many_bytes_is_read_back_and_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.swell(100);
    camera.run_to(10.0);
    drop(camera);
    let recording = studio.wrap().await.remove(0);
    let told = playlist(&studio, &recording.id).await;
    let media = format!("/vod/{}/{}", recording.id, told.links()[0]);
    let segment = studio.get(&media).await.body;
    for killed in [false, true] {
        if killed {
            kill(&folder.path().join(&recording.id));
        }
        let again = Studio::open(folder.path());
        let there = again.recorder.recordings();
        assert_eq!(there.len(), 1, "killed {killed}");
        assert_eq!(there[0].duration, recording.duration);
        assert_eq!(playlist(&again, &recording.id).await.body, told.body);
        assert_eq!(again.get(&media).await.body, segment);
        let movie = again.get(&format!("/vod/{}/video.mp4", recording.id)).await;
        assert_eq!(movie.status, StatusCode::OK);
    }
}

/// Of another version, in another's hands, or broken: that is not for us to say.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_understood_or_opened_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let id = recorded(folder.path()).await.id;
    let path = folder.path().join(&id);
    let media = fs::read(path.join("1.mp4")).unwrap();
    kill(&path);

    let mut foreign = media.clone();
    foreign[4..8].copy_from_slice(b"what");
    fs::remove_file(path.join("1.mp4")).unwrap();
    fs::create_dir(path.join("1.mp4")).unwrap();
    assert!(Recorder::open(folder.path(), airloom::record::Config::default()).is_ok());
    assert!(path.join("2.mp4").exists(), "a first volume that cannot be opened hides no second");
    fs::remove_dir(path.join("1.mp4")).unwrap();

    fs::write(path.join("1.mp4"), &foreign).unwrap();
    fs::remove_file(path.join("1.idx")).unwrap();
    let studio = Studio::open(folder.path());
    let left = playlist(&studio, &id).await;
    assert!((5..=8).contains(&left.links().len()), "{}", left.text());
    assert_eq!(fs::read(path.join("1.mp4")).unwrap(), foreign);

    fs::remove_file(path.join("2.mp4")).unwrap();
    kill(&path);
    let studio = Studio::open(folder.path());
    assert_eq!(studio.recorder.recordings(), []);
    assert_eq!(fs::read(path.join("1.mp4")).unwrap(), foreign);

    // What is but begun, or what a loss of power leaves of it, is nothing.
    for nothing in [media[..20].to_vec(), vec![0; 5000], Vec::new()] {
        fs::write(path.join("1.mp4"), nothing).unwrap();
        Studio::open(folder.path());
        assert!(!path.exists(), "an empty recording is kept");
        fs::create_dir(&path).unwrap();
        let sheet = serde_json::json!({
            "version": 1, "name": "cam", "life": life(&id), "started_at": 0, "finished": null,
        });
        fs::write(path.join("recording.json"), sheet.to_string()).unwrap();
    }
}

fn life(id: &str) -> u64 {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}
