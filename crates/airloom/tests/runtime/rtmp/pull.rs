use std::convert::Infallible;
use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::{Backoff, Config, Deliver, Dialer, Media, Publication, Pull};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::network::Network;
use super::tags::{frame, headers};

/// What became of a publication.
#[derive(Debug, PartialEq)]
enum Event {
    Begun,
    Tag(i64),
    Ended,
}

struct Notes(UnboundedSender<Event>);

impl Publication for Notes {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        match media {
            Media::Tag(tag) => self.0.send(Event::Tag(tag.timestamp)).unwrap(),
            Media::Metadata(metadata) => {
                self.0.send(Event::Tag(metadata.tag.timestamp)).unwrap();
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    fn flush(&mut self) {}
}

impl Drop for Notes {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Ended);
    }
}

fn pull(dialer: Dialer) -> UnboundedReceiver<Event> {
    let (notes, events) = unbounded_channel();
    let mut config = Config::default();
    config.deliver = Deliver::Tags;
    let source = Target::parse("rtmp://far.example/live/key").unwrap();
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30)).seed(7);
    let pull = Pull::new(config, source).dialer(dialer).backoff(backoff);
    tokio::spawn(pull.run(move || {
        notes.send(Event::Begun).unwrap();
        Notes(notes.clone())
    }));
    events
}

async fn expect(events: &mut UnboundedReceiver<Event>, expected: impl IntoIterator<Item = Event>) {
    for expected in expected {
        assert_eq!(events.recv().await, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn each_life_of_the_source_is_a_publication_of_its_own() {
    let (mut network, dialer) = Network::new(1 << 16);
    let mut events = pull(dialer);
    let mut server = network.accept().await;
    for tag in headers() {
        server.play(&tag).await;
    }
    server.play(&frame(1000)).await;
    expect(&mut events, [Event::Begun]).await;
    expect(&mut events, [0, 0, 0, 1000].map(Event::Tag)).await;

    // The connection breaks.
    drop(server);
    expect(&mut events, [Event::Ended]).await;
    let mut server = network.accept().await;
    server.play(&frame(2000)).await;
    expect(&mut events, [Event::Begun, Event::Tag(2000)]).await;
    // Nothing comes for long: pings keep the connection.
    let quiet = async { while server.hear().await.is_some() {} };
    let quiet = tokio::time::timeout(Duration::from_mins(10), quiet).await;
    assert!(quiet.is_err());
    server.play(&frame(3000)).await;
    expect(&mut events, [Event::Tag(3000)]).await;
    assert_eq!(network.dialled.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_gone_is_given_up_and_tried_again() {
    let (mut network, dialer) = Network::new(1 << 16);
    let mut events = pull(dialer);
    let mut server = network.accept().await;
    server.play(&frame(1000)).await;
    expect(&mut events, [Event::Begun, Event::Tag(1000)]).await;
    // It says nothing more, and does not even answer pings.
    expect(&mut events, [Event::Ended]).await;
    assert_eq!(network.start.elapsed().as_secs(), 60);
    network.accept().await;
}
