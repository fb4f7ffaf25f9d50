use std::future::ready;
use std::time::Duration;

use airloom::Origin;
use airloom::origin::StreamName;
use airloom::pull::{Config, Pulls, Sources, Sourcing};
use axum::http::StatusCode;
use tokio::time::{Instant, sleep};

use super::source::{Manner, Source, get, pulls};

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_deliver_is_told_of_by_what_it_does() {
    for (manner, status, code, seconds) in [
        (Manner::Down, StatusCode::BAD_GATEWAY, "unreachable", 0..1),
        (Manner::Refuses, StatusCode::BAD_GATEWAY, "refused", 0..1),
        (Manner::Babbles, StatusCode::BAD_GATEWAY, "broken", 0..1),
        (Manner::Deaf, StatusCode::GATEWAY_TIMEOUT, "stalled", 10..11),
        (Manner::Silent, StatusCode::GATEWAY_TIMEOUT, "stalled", 10..11),
    ] {
        let (source, origin, start) =
            (Source::new(manner), Origin::builder().build(), Instant::now());
        let pulls = pulls(source.config());
        origin.set_pulls(Some(pulls.clone()));
        let both =
            tokio::join!(get(&origin, 1, "/cam/index.m3u8"), get(&origin, 2, "/cam/manifest.mpd"));
        for (told, text) in [both.0, both.1] {
            assert_eq!(told, status, "{manner:?}: {text}");
            assert!(text.contains(&format!("urn:airloom:pull:{code}")), "{text}");
        }
        assert!(seconds.contains(&start.elapsed().as_secs()), "{manner:?}: {:?}", start.elapsed());
        assert_eq!(source.dialled(), 1, "{manner:?}");
        let counted = format!("airloom_pulls_failed_total{{reason=\"{code}\"}} 1");
        assert!(pulls.metrics().contains(&counted), "{}", pulls.metrics());
        assert!(origin.streams("").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_asks_again_and_again_does_not_reach_a_source_that_refuses() {
    let source = Source::new(Manner::Refuses);
    let origin = Origin::builder().build();
    origin.set_pulls(Some(pulls(source.config())));
    for _ in 0..1000 {
        assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::BAD_GATEWAY);
        sleep(Duration::from_millis(10)).await;
    }
    assert!((4..=6).contains(&source.dialled()), "{}", source.dialled());
    // It has thought better of it.
    source.manner.send_replace(Manner::Delivers);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_gone_for_good_ends_the_stream_and_the_next_viewer_asks_it_again() {
    for manner in [Manner::Down, Manner::Silent] {
        let source = Source::new(Manner::Delivers);
        let origin = Origin::builder().resume(Duration::from_secs(10)).build();
        let pulls = pulls(source.config());
        origin.set_pulls(Some(pulls.clone()));
        assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, StatusCode::OK);
        sleep(Duration::from_secs(8)).await;
        source.manner.send_replace(manner);
        sleep(Duration::from_secs(25)).await;
        let (_, playlist) = get(&origin, 1, "/cam/1.m3u8").await;
        assert!(playlist.contains("#EXT-X-ENDLIST"), "{manner:?}: {playlist}");
        assert!(pulls.metrics().contains("airloom_pulls 0"), "{}", pulls.metrics());
        assert!(pulls.metrics().contains("airloom_pulls_cut_off_total 1"));
        // What there is of it can still be watched, until there is more.
        assert_eq!(get(&origin, 2, "/cam/index.m3u8").await.0, StatusCode::OK);
        source.manner.send_replace(Manner::Delivers);
        sleep(Duration::from_secs(3)).await;
        assert_eq!(get(&origin, 2, "/cam/index.m3u8").await.0, StatusCode::OK);
        sleep(Duration::from_secs(5)).await;
        let (_, playlist) = get(&origin, 2, "/cam/1.m3u8").await;
        assert!(!playlist.contains("#EXT-X-ENDLIST"), "{manner:?}: {playlist}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_pull_too_many_is_told_to_come_again() {
    let source = Source::new(Manner::Delivers);
    let mut config = source.config();
    config.pulls = 2;
    let origin = Origin::builder().build();
    origin.set_pulls(Some(pulls(config)));
    for name in ["a", "b"] {
        assert_eq!(get(&origin, 1, &format!("/{name}/index.m3u8")).await.0, StatusCode::OK);
    }
    let (status, text) = get(&origin, 1, "/c/index.m3u8").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("urn:airloom:pull:crowded"), "{text}");
}

/// Has nothing, or never says.
#[derive(Debug)]
struct Empty(bool);

impl Sources for Empty {
    fn source<'a>(&'a self, _: &'a StreamName) -> Sourcing<'a> {
        if self.0 { Box::pin(ready(None)) } else { Box::pin(std::future::pending()) }
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_source_has_is_not_found() {
    for (answers, status) in [(true, StatusCode::NOT_FOUND), (false, StatusCode::GATEWAY_TIMEOUT)] {
        let origin = Origin::builder().build();
        origin.set_pulls(Some(Pulls::new(Config::default(), Empty(answers))));
        assert_eq!(get(&origin, 1, "/cam/index.m3u8").await.0, status);
    }
}
