//! airloom's `rtmp::Listener` with a service that hands one stream to all who play it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use airloom::rtmp::server::{Connect, Play, Publish, Rejection};
use airloom::rtmp::{
    Config, Deliver, EncodedTag, Listener, Media, PlayEvent, Playback, Publication, Service,
};
use tokio::sync::broadcast;

use crate::Failure;

/// The stream that is on air.
#[derive(Clone, Default)]
struct OnAir(Arc<Mutex<Option<broadcast::Sender<PlayEvent>>>>);

impl OnAir {
    fn set(&self, stream: Option<broadcast::Sender<PlayEvent>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stream;
    }
}

struct Stream(broadcast::Sender<PlayEvent>);

impl Service for OnAir {
    type Publication = Stream;

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.deliver = Deliver::Tags;
        config
    }

    async fn connect(&self, _: SocketAddr, _: &Connect) -> Result<(), Rejection> {
        Ok(())
    }

    async fn publish(&self, _: SocketAddr, _: &Publish) -> Result<Stream, Rejection> {
        let (stream, _) = broadcast::channel(1024);
        self.set(Some(stream.clone()));
        Ok(Stream(stream))
    }

    async fn play(&self, _: SocketAddr, _: &Play) -> Result<Playback, Rejection> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = stream.as_ref().ok_or(Rejection::NotFound)?;
        Ok(Playback { backlog: Vec::new(), live: stream.subscribe(), meter: None })
    }
}

impl Publication for Stream {
    type Error = Infallible;

    fn handle(&mut self, media: Media) -> Result<(), Infallible> {
        let tag = match media {
            Media::Tag(tag) => tag,
            Media::Metadata(metadata) => metadata.tag,
            _ => return Ok(()),
        };
        // A stream nobody plays is not encoded.
        if self.0.receiver_count() > 0 {
            let encoded = EncodedTag::new(&tag, Config::default().chunk_size);
            let (start, essential) = (tag.is_keyframe(), tag.is_sequence_header());
            let _ = self.0.send(PlayEvent::Tag { encoded, start, essential });
        }
        Ok(())
    }

    fn flush(&mut self) {}
}

pub(super) fn serve(address: SocketAddr) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let listener = Listener::bind(address).await?;
        listener.serve(OnAir::default(), std::future::pending()).await;
        Ok(())
    })
}
