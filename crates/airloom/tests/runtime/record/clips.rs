use axum::http::StatusCode;
use tokio::time::{Duration, sleep};

use super::studio::{Studio, index, samples};
use crate::camera::Camera;

async fn recorded(studio: &Studio, change: bool) -> String {
    let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
    camera.run_to(10.0);
    if change {
        camera.reconfigure();
        camera.run_to(20.0);
    } else {
        drop(camera);
        sleep(Duration::from_secs(2)).await;
        let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
        camera.run_to(10.0);
    }
    studio.wrap().await[0].id.clone()
}

#[tokio::test(start_paused = true)]
async fn a_clip_across_a_discontinuity_is_segments_of_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let id = recorded(&studio, false).await;
    let whole = studio.get(&format!("/vod/{id}/1.m3u8")).await;
    assert_eq!(whole.text().matches("#EXT-X-DISCONTINUITY\n").count(), 1);

    let query = "from=8.500&to=11.500";
    let clip = studio.get(&format!("/vod/{id}/index.m3u8?{query}")).await;
    let video = clip.links()[0].clone();
    assert_eq!(video, format!("1.m3u8?{query}"));
    let clip = studio.get(&format!("/vod/{id}/{video}")).await;
    assert_eq!(clip.text().matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{}", clip.text());
    assert!(clip.text().ends_with("#EXT-X-ENDLIST\n"));
    let links = clip.links();
    assert!((2..=4).contains(&links.len()), "{}", clip.text());
    // The same media under the same names.
    for link in &links {
        let name = link.strip_suffix(&format!("?{query}")).unwrap();
        assert!(whole.links().iter().any(|known| known == name));
        let one = studio.get(&format!("/vod/{id}/{link}")).await;
        let other = studio.get(&format!("/vod/{id}/{name}")).await;
        assert_eq!((one.status, one.body), (StatusCode::OK, other.body));
    }
    let manifest = studio.get(&format!("/vod/{id}/manifest.mpd?{query}")).await;
    assert_eq!(manifest.text().matches("<Period").count(), 2, "{}", manifest.text());

    // One file of it, from the keyframe at 8 s on.
    let clip = studio.get(&format!("/vod/{id}/clip.mp4?{query}")).await;
    let found = index(&clip.body);
    let pictures = samples(&found, 0, &clip.body);
    assert!(found.tracks()[0].entry(0).unwrap().sync);
    // Sound that starts a frame earlier is at zero then.
    assert!((0..=40).contains(&pictures[0].0), "{:?}", pictures[0]);
    assert!((3300..=3900).contains(&pictures.last().unwrap().0), "{:?}", pictures.last());
    // The 240th picture of the first publish is the keyframe at 8 s.
    assert_eq!(*pictures[0].1.last().unwrap(), 240);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_configuration_is_another_file_and_one_playlist() {
    let folder = tempfile::tempdir().unwrap();
    let studio = Studio::open(folder.path());
    let id = recorded(&studio, true).await;
    let whole = studio.get(&format!("/vod/{id}/1.m3u8")).await;
    assert_eq!(whole.text().matches("#EXT-X-MAP:").count(), 2, "{}", whole.text());
    let clip = studio.get(&format!("/vod/{id}/1.m3u8?from=8&to=12")).await;
    assert_eq!(clip.text().matches("#EXT-X-MAP:").count(), 2, "{}", clip.text());
    assert_eq!(clip.text().matches("#EXT-X-DISCONTINUITY\n").count(), 1);

    let across = studio.get(&format!("/vod/{id}/clip.mp4?from=8&to=12")).await;
    assert_eq!(across.status, StatusCode::CONFLICT);
    let mut pictures = 0;
    for (file, from) in [("video-1.mp4", 0), ("video-2.mp4", 10)] {
        let movie = studio.get(&format!("/vod/{id}/{file}")).await;
        assert_eq!(movie.status, StatusCode::OK, "{file}");
        let found = index(&movie.body);
        assert!(found.tracks()[0].entry(0).unwrap().sync);
        pictures += found.tracks()[0].len();
        // And a clip that stays within it.
        let path = format!("/vod/{id}/clip.mp4?from={}&to={}", from + 2, from + 4);
        let clip = studio.get(&path).await;
        assert_eq!(clip.status, StatusCode::OK, "{}", clip.text());
        assert!((55..=70).contains(&index(&clip.body).tracks()[0].len()));
    }
    assert_eq!(pictures, 600);
    let again = Studio::open(folder.path());
    let same = again.get(&format!("/vod/{id}/1.m3u8")).await;
    assert_eq!(same.body, whole.body);
}
