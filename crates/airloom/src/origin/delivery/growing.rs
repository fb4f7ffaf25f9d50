use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use airloom_media::TrackId;
use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::Origin;
use super::super::meters::Meter;
use super::super::store::{self, MediaChunks};
use super::super::stream::Stream;

/// A segment being made, as a response body: what there is of it at once, then each part as it
/// comes, up to the end. Shared slices throughout.
///
/// Ends with an error, so that no cache takes the torso for the segment, where the segment is not
/// completed or nothing comes for too long.
pub(super) struct Growing {
    origin: Origin,
    stream: Arc<Stream>,
    track: TrackId,
    sequence: u64,
    parts: usize,
    complete: bool,
    chunks: MediaChunks,
    patience: Duration,
    /// When a part last came.
    heard: Instant,
    changes: Pin<Box<dyn Future<Output = Next> + Send>>,
}

/// The receiver, and whether there may be something new: not where nothing came for too long.
type Next = (watch::Receiver<u64>, bool);

impl Growing {
    /// `patience` is how long nothing may come.
    pub(super) fn new(
        origin: Origin,
        stream: Arc<Stream>,
        track: TrackId,
        sequence: u64,
        patience: Duration,
    ) -> Self {
        let mut changes = stream.subscribe();
        // Whatever is there is news to this response.
        changes.mark_changed();
        let heard = Instant::now();
        let changes = Box::pin(next(changes, heard + patience));
        let chunks = store::chunks(Vec::new());
        Self {
            origin,
            stream,
            track,
            sequence,
            parts: 0,
            complete: false,
            chunks,
            patience,
            heard,
            changes,
        }
    }
}

async fn next(mut changes: watch::Receiver<u64>, end: Instant) -> Next {
    let news = matches!(tokio::time::timeout_at(end, changes.changed()).await, Ok(Ok(())));
    (changes, news)
}

impl Body for Growing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(chunk) = self.chunks.find(|chunk| !chunk.is_empty()) {
                let bytes = chunk.len() as u64;
                self.origin.0.totals.bytes_out.fetch_add(bytes, Ordering::Relaxed);
                self.stream.meters().add(Meter::EgressBytes, bytes);
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if self.complete {
                return Poll::Ready(None);
            }
            let (changes, news) = ready!(self.changes.as_mut().poll(cx));
            if !news {
                return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
            }
            let held = self.stream.parts(self.track, self.sequence, self.parts);
            let Some((parts, complete)) = held else {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            };
            if !parts.is_empty() {
                self.heard = Instant::now();
            }
            self.parts += parts.len();
            self.changes = Box::pin(next(changes, self.heard + self.patience));
            self.complete = complete;
            self.chunks = store::chunks(parts);
        }
    }
}
