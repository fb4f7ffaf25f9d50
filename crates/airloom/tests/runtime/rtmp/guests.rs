use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use airloom::rtmp::flv::Tag;
use airloom::rtmp::server::{Connect, Play, Publish, Rejection};
use airloom::rtmp::{Config, Deliver, Media, Playback, Publication, Service};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Lets everybody publish, and writes down who came and what they sent.
pub(super) struct Guests {
    came: UnboundedSender<SocketAddr>,
    tags: UnboundedSender<Tag>,
    patience: Duration,
}

pub(super) struct Book {
    pub(super) came: UnboundedReceiver<SocketAddr>,
    pub(super) tags: UnboundedReceiver<Tag>,
}

impl Guests {
    /// `patience` is for everything before the first request.
    pub(super) fn new(patience: Duration) -> (Self, Book) {
        let (came, guests) = unbounded_channel();
        let (tags, sent) = unbounded_channel();
        (Self { came, tags, patience }, Book { came: guests, tags: sent })
    }
}

pub(super) struct Sent(UnboundedSender<Tag>);

impl Publication for Sent {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        if let Media::Tag(tag) = media {
            let _ = self.0.send(tag);
        }
        Ok(())
    }

    fn flush(&mut self) {}
}

impl Service for Guests {
    type Publication = Sent;

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.deliver = Deliver::Tags;
        config.handshake_timeout = self.patience;
        config
    }

    async fn connect(&self, peer: SocketAddr, _: &Connect) -> Result<(), Rejection> {
        let _ = self.came.send(peer);
        Ok(())
    }

    async fn publish(&self, _: SocketAddr, _: &Publish) -> Result<Sent, Rejection> {
        Ok(Sent(self.tags.clone()))
    }

    async fn play(&self, _: SocketAddr, _: &Play) -> Result<Playback, Rejection> {
        Err(Rejection::NotFound)
    }
}
