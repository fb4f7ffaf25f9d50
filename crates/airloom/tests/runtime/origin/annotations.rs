use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::Origin;
use airloom::origin::AnnotationError;
use airloom::playlist::{DateRange, Session, SessionData, Steering, WallTime};
use bytes::Bytes;

use super::client::{get, video_playlist};
use crate::camera::Camera;

fn now() -> WallTime {
    WallTime::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_happens_in_a_stream_is_in_its_playlists() {
    let origin = Origin::builder().build();
    let name = "cam".parse().unwrap();
    let out = DateRange::new("splice-6FFFFFF0", now()).unwrap();
    let out = out.with_planned_duration(Duration::from_secs(30));
    let out = out.with_scte35_out(Bytes::from_static(&[0xFC, 0x30, 0x20])).unwrap();
    assert_eq!(origin.date_range(&name, out.clone()), Err(AnnotationError::NotOnAir));
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(4.5);
    let path = video_playlist(&origin, "cam").await;
    assert!(!get(&origin, &path).await.text().contains("#EXT-X-DATERANGE:"));
    origin.date_range(&name, out).unwrap();
    // Whoever asks is told, without another part.
    let text = get(&origin, &path).await;
    let line = text.text().lines().find(|line| line.starts_with("#EXT-X-DATERANGE:")).unwrap();
    assert!(line.contains("ID=\"splice-6FFFFFF0\"") && line.contains("PLANNED-DURATION=30"));
    assert!(line.contains("SCTE35-OUT=0xFC3020"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn the_multivariant_playlist_says_what_the_integrator_says() {
    let session = Session {
        data: vec![SessionData::value("com.example.title", "Evening").unwrap()],
        steering: Some(Steering::new("/steering").unwrap()),
        ..Session::default()
    };
    let origin = Origin::builder().session(session).build();
    Camera::publish(&origin, "cam").unwrap().run_to(4.5);
    let text = get(&origin, "/cam/index.m3u8").await;
    assert!(text.text().contains("#EXT-X-SESSION-DATA:DATA-ID=\"com.example.title\""));
    assert!(text.text().contains("#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering\""));
}

#[tokio::test(start_paused = true)]
async fn an_event_keeps_its_beginning() {
    let window = Duration::from_secs(10);
    let origin = Origin::builder().window(window).event(1000).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(120.0);
    let path = video_playlist(&origin, "cam").await;
    let text = get(&origin, &path).await;
    assert!(text.text().contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    let first = text.uris()[0].to_owned();
    assert!(text.uris().len() > 55, "{}", text.uris().len());
    assert_eq!(get(&origin, &format!("/cam/{first}")).await.status, 200);
}

#[cfg(feature = "encryption")]
mod encrypted {
    use airloom::origin::{Encryption, PublishingError};
    use airloom::playlist::{ContentProtection, Key, KeyMethod, Protection};
    use airloom::segmenter::encrypt::{self, Scheme};

    use super::*;

    fn encryption(scheme: Scheme, number: u8) -> Encryption {
        let (id, iv) = ([number; 16], [9; 16]);
        let key = Key::new(KeyMethod::SampleAes, format!("key{number}")).unwrap().with_iv(iv);
        Encryption {
            scheme,
            key: encrypt::Key::new(id, [number ^ 0xFF; 16], iv),
            protection: Protection { keys: vec![key], content: vec![ContentProtection::cbcs(id)] },
        }
    }

    #[tokio::test(start_paused = true)]
    async fn media_is_encrypted_and_playlists_say_by_what_key() {
        let origin = Origin::builder().build();
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        camera.publishing.encrypt(encryption(Scheme::Cbcs, 1)).unwrap();
        camera.run_to(6.5);
        let other = camera.publishing.encrypt(encryption(Scheme::Cenc, 1));
        assert!(matches!(other, Err(PublishingError::Scheme)), "{other:?}");
        camera.publishing.encrypt(encryption(Scheme::Cbcs, 2)).unwrap();
        camera.run_to(12.5);
        let path = video_playlist(&origin, "cam").await;
        let text = get(&origin, &path).await;
        let text = text.text();
        let keys: Vec<_> = text.match_indices("#EXT-X-KEY:").map(|(at, _)| &text[at..]).collect();
        assert_eq!(keys.len(), 2, "{text}");
        assert!(keys[0].starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key1\","), "{text}");
        assert!(keys[1].starts_with("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key2\","), "{text}");
        assert_eq!(text.matches("#EXT-X-MAP:").count(), 2, "{text}");
        for map in text.split("#EXT-X-MAP:URI=\"").skip(1) {
            let name = map.split('"').next().unwrap();
            let init = get(&origin, &format!("/cam/{name}")).await.body;
            assert!(init.windows(4).any(|four| four == b"encv"), "{name}");
        }
        let mpd = get(&origin, "/cam/manifest.mpd").await;
        assert!(mpd.text().contains("cenc:default_KID=\"01010101-"), "{}", mpd.text());
        // Neither in the clear: MPEG-TS.
        assert_eq!(get(&origin, "/cam/ts.m3u8").await.status, 404);
    }

    #[cfg(feature = "record")]
    #[tokio::test]
    async fn what_is_encrypted_is_not_recorded_and_that_is_said() {
        use airloom::record::{Config, Recorder};

        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::open(folder.path(), Config::default()).unwrap();
        let origin = Origin::builder().observer(std::sync::Arc::new(recorder.clone())).build();
        let mut secret = Camera::publish(&origin, "secret").unwrap();
        secret.publishing.encrypt(encryption(Scheme::Cbcs, 1)).unwrap();
        let mut plain = Camera::publish(&origin, "plain").unwrap();
        for camera in [&mut secret, &mut plain] {
            camera.run_to(6.5);
        }
        origin.end().await;
        recorder.close().await;
        let kept: Vec<_> =
            recorder.recordings().into_iter().map(|it| it.name.to_string()).collect();
        assert_eq!(kept, ["plain"]);
        let metrics = recorder.metrics();
        assert!(metrics.contains("airloom_recordings_refused_total 1\n"), "{metrics}");
        // Nor is any of it left on disk.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_begun_in_the_clear_stays_so() {
        let origin = Origin::builder().build();
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        camera.run_to(1.0);
        let refused = camera.publishing.encrypt(encryption(Scheme::Cbcs, 1));
        assert!(matches!(refused, Err(PublishingError::Clear)), "{refused:?}");
    }
}
