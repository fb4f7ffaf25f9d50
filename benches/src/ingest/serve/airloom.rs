//! airloom's `rtmp::Listener` with a service that keeps nothing.

use std::convert::Infallible;
use std::net::SocketAddr;

use airloom::rtmp::server::{Connect, Play, Publish, Rejection};
use airloom::rtmp::{Config, Deliver, Listener, Media, Playback, Publication, Service};

use crate::Failure;

struct Drop;

impl Service for Drop {
    type Publication = Dropped;

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.deliver = Deliver::Tags;
        config
    }

    async fn connect(&self, _: SocketAddr, _: &Connect) -> Result<(), Rejection> {
        Ok(())
    }

    async fn publish(&self, _: SocketAddr, _: &Publish) -> Result<Dropped, Rejection> {
        Ok(Dropped)
    }

    async fn play(&self, _: SocketAddr, _: &Play) -> Result<Playback, Rejection> {
        Err(Rejection::NotFound)
    }
}

struct Dropped;

impl Publication for Dropped {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        std::hint::black_box(media);
        Ok(())
    }

    fn flush(&mut self) {}
}

pub(super) fn serve(address: SocketAddr) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let listener = Listener::bind(address).await?;
        listener.serve(Drop, std::future::pending()).await;
        Ok(())
    })
}
