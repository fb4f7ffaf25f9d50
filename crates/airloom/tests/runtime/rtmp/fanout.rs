use std::convert::Infallible;
use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::{Config, Media, Publication, Push, Tee};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::network::{Heard, Network};
use super::tags::{frame, headers};

/// What is published here, beside what is pushed.
struct Here(UnboundedSender<Media>);

impl Publication for Here {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        let _ = self.0.send(media);
        Ok(())
    }

    fn flush(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_pushed_until_it_is_over() {
    let (mut network, dialer) = Network::new(1 << 16);
    let target = Target::parse("rtmp://far.example/live/key").unwrap();
    let (here, mut published) = unbounded_channel();
    let push = Push::new(Config::default(), target).dialer(dialer);
    let mut tee = Tee::new(Here(here), [push]);
    let mut server = network.accept().await;
    let sent: Vec<_> = headers().into_iter().chain((0..50).map(|n| frame(n * 40))).collect();
    for tag in &sent {
        tee.handle(Media::Tag(tag.clone())).unwrap();
        assert_eq!(published.recv().await, Some(Media::Tag(tag.clone())));
    }
    drop(tee);
    for tag in sent {
        assert_eq!(server.hear().await, Some(Heard::Tag(tag)));
    }
    assert_eq!(server.hear().await, Some(Heard::Unpublished));
}

/// A relay target that refuses or stalls.
#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_or_stalls_holds_up_nobody() {
    // One has no room for more than 100 bytes and reads nothing; nobody listens at the other.
    let (mut stalled, to_stalled) = Network::new(100);
    let (mut refusing, to_refusing) = Network::new(100);
    refusing.go_down();
    let target = || Target::parse("rtmp://far.example/live/key").unwrap();
    let push = |dialer| Push::new(Config::default(), target()).dialer(dialer).queue(10_000);
    let (here, mut published) = unbounded_channel();
    let mut tee = Tee::new(Here(here), [push(to_stalled), push(to_refusing)]);
    for tag in headers() {
        tee.handle(Media::Tag(tag)).unwrap();
    }
    let _server = stalled.accept().await;
    for n in 0..1000 {
        tee.handle(Media::Tag(frame(n * 40))).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(tee);
    published.close();
    let mut count = 0;
    while published.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 1003);
}
