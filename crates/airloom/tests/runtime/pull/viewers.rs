use std::time::Duration;

use airloom::Origin;
use airloom::access::{Admission, Denied, Gate, Pass, Visit};
use airloom::origin::StreamName;
use airloom::rtmp::Publication;
use axum::http::StatusCode;
use tokio::time::{Instant, sleep};

use super::source::{Manner, Source, get, pulls};

fn origin(source: &Source) -> Origin {
    let origin = Origin::builder().resume(Duration::from_secs(10)).build();
    origin.set_pulls(Some(pulls(source.config())));
    origin
}

#[tokio::test(start_paused = true)]
async fn two_hundred_viewers_are_served_from_one_pull() {
    let source = Source::new(Manner::Delivers);
    let origin = origin(&source);
    let viewers: Vec<_> = (0..200)
        .map(|viewer| {
            let origin = origin.clone();
            let path = ["index.m3u8", "manifest.mpd", "ts.m3u8"][usize::from(viewer) % 3];
            tokio::spawn(async move { get(&origin, viewer, &format!("/cam/{path}")).await })
        })
        .collect();
    for viewer in viewers {
        let (status, text) = viewer.await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
    }
    assert_eq!((source.dialled(), source.connected()), (1, 1));
    // What is no playlist begins nothing, and neither does what is no name.
    for path in ["/other/1-1700.m4s", "/other/nothing", "/other/1.m3u8", "/a%20b/index.m3u8"] {
        assert_eq!(get(&origin, 1, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(source.dialled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pull_ends_a_while_after_its_last_viewer_and_begins_anew() {
    let source = Source::new(Manner::Delivers);
    let mut config = source.config();
    config.linger = Duration::from_secs(40);
    let origin = Origin::builder().build();
    origin.set_pulls(Some(pulls(config)));
    for _ in 0..30 {
        assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::OK);
        sleep(Duration::from_secs(4)).await;
    }
    assert_eq!((source.dialled(), source.connected()), (1, 1));
    let left = Instant::now();
    while source.connected() > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    // A viewer is gone after 12 s of silence, 4 of which have passed.
    let after = left.elapsed();
    assert!((Duration::from_secs(47)..Duration::from_secs(51)).contains(&after), "{after:?}");
    assert!(origin.streams("").is_empty(), "nothing is kept of what nobody watches");
    assert_eq!(get(&origin, 2, "/cam/index.m3u8").await.0, StatusCode::OK);
    assert_eq!((source.dialled(), source.connected()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_while_it_is_pulled_holds_nothing() {
    let source = Source::new(Manner::Silent);
    let mut config = source.config();
    config.linger = Duration::from_secs(3);
    config.patience = Duration::from_mins(10);
    let origin = Origin::builder().build();
    origin.set_pulls(Some(pulls(config)));
    let viewer = tokio::spawn({
        let origin = origin.clone();
        async move { get(&origin, 1, "/cam/index.m3u8").await }
    });
    sleep(Duration::from_mins(1)).await;
    assert_eq!(source.connected(), 1);
    viewer.abort();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(source.connected(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_is_cut_off_comes_back_as_the_same_stream() {
    let source = Source::new(Manner::Delivers);
    let origin = origin(&source);
    assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::OK);
    let started = origin.streams("")[0].started_at.clone();
    sleep(Duration::from_secs(8)).await;
    source.manner.send_replace(Manner::Down);
    sleep(Duration::from_secs(3)).await;
    source.manner.send_replace(Manner::Delivers);
    sleep(Duration::from_secs(8)).await;
    let (_, playlist) = get(&origin, 1, "/cam/1.m3u8").await;
    assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{playlist}");
    assert!(!playlist.contains("ENDLIST"));
    assert_eq!(origin.streams("")[0].started_at, started);
    assert!(source.dialled() >= 3);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_of_our_own_goes_before() {
    let source = Source::new(Manner::Delivers);
    let origin = origin(&source);
    let name: StreamName = "cam".parse().unwrap();
    let mut publishing = origin.publish(&name).unwrap();
    publishing.flush();
    // Its media is waited for; nobody else is asked.
    let viewer = get(&origin, 1, "/cam/index.m3u8");
    let waited = tokio::time::timeout(Duration::from_secs(1), viewer).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(source.dialled(), 0);
}

#[derive(Debug)]
struct Nobody;

impl Gate for Nobody {
    fn publish<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(std::future::ready(Err(Denied::Refused)))
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        let pass =
            if visit.stream.as_str() == "open" { Ok(Pass::new()) } else { Err(Denied::Required) };
        Box::pin(std::future::ready(pass))
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_play_has_nothing_pulled() {
    let source = Source::new(Manner::Delivers);
    let origin = Origin::builder().gate(Nobody).build();
    origin.set_pulls(Some(pulls(source.config())));
    assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(source.dialled(), 0);
    // What is pulled is published by nobody whom the gate would have to know.
    assert_eq!(get(&origin, 1, "/open/index.m3u8").await.0, StatusCode::OK);
}
