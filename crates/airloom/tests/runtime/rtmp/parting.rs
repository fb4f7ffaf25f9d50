//! What becomes of those who are connected when a listener stops.

use std::time::Duration;

use airloom::Origin;
use airloom::origin::State;
use airloom::rtmp::client::Target;
use airloom::rtmp::{ClientError, Config, Enhanced, Listener, Player, Publisher};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::tags::{frame, headers};

/// Longer than any machine takes to say goodbye.
const PATIENCE: Duration = Duration::from_mins(2);

async fn serve(
    origin: &Origin,
    patience: Duration,
    to: Option<&str>,
) -> (Target, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().reconnect_within(patience);
    let listener = match to {
        Some(to) => listener.reconnect_to(to),
        None => listener,
    };
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = listener.serve(origin.ingest("live"), async { drop(stopped.await) });
    let target = Target::parse(&format!("rtmp://{address}/live/cam")).unwrap();
    (target, stop, tokio::spawn(serving))
}

/// Enhanced RTMP v2, "Reconnect Request": the peer goes on until its next keyframe, and comes again.
#[tokio::test]
async fn a_publisher_that_understands_is_asked_to_connect_anew_and_goes_on_meanwhile() {
    let origin = Origin::builder().build();
    let (target, stop, serving) = serve(&origin, PATIENCE, Some("rtmp://b.example/live")).await;
    let mut publisher = Publisher::connect(Config::default(), target).await.unwrap();
    for tag in headers().into_iter().chain((0..3000).step_by(100).map(frame)) {
        publisher.send(&tag).await.unwrap();
    }
    drop(stop);
    let moved = publisher.idle().await.unwrap_err();
    let ClientError::Moved { tc_url } = &moved else { panic!("{moved:?}") };
    assert_eq!(tc_url.as_deref(), Some("rtmp://b.example/live"));
    // It is not cut off: what it still has to say is heard.
    for tag in (3000..4000).step_by(100).map(frame) {
        publisher.send(&tag).await.unwrap();
    }
    publisher.finish().await.unwrap();
    serving.await.unwrap();
    let status = &origin.streams("")[0];
    assert_eq!((status.state, status.frames_in), (State::Resuming, 40));
}

#[tokio::test]
async fn one_that_understands_and_stays_is_cut_off_in_the_end() {
    let origin = Origin::builder().build();
    let (target, stop, serving) = serve(&origin, Duration::from_millis(200), None).await;
    let mut publisher = Publisher::connect(Config::default(), target).await.unwrap();
    drop(stop);
    let moved = publisher.idle().await.unwrap_err();
    assert!(matches!(moved, ClientError::Moved { tc_url: None }), "{moved:?}");
    let closed = publisher.idle().await.unwrap_err();
    assert!(matches!(closed, ClientError::Closed | ClientError::Io(_)), "{closed:?}");
    serving.await.unwrap();
}

#[tokio::test]
async fn those_who_do_not_understand_are_told_goodbye_at_once() {
    let origin = Origin::builder().build();
    let (target, stop, serving) = serve(&origin, PATIENCE, None).await;
    let mut config = Config::default();
    config.enhanced = Enhanced::default();
    let mut publisher = Publisher::connect(config, target.clone()).await.unwrap();
    // A player has nothing to move: it is told that the stream is over.
    let mut player = Player::connect(Config::default(), target).await.unwrap();
    drop(stop);
    let closed = publisher.idle().await.unwrap_err();
    assert!(matches!(closed, ClientError::Closed | ClientError::Io(_)), "{closed:?}");
    while !matches!(player.next().await, Err(ClientError::Closed | ClientError::Io(_))) {}
    serving.await.unwrap();
}
