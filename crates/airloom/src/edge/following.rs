use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;

use super::Edge;
use super::flight::{End, Filled, Filling, Flight};

/// What is coming from the origin, as a response body: what there is of it at once, then each piece
/// as it comes. Everybody who follows has the same slices.
///
/// Ends with an error where the origin's answer breaks off, so that nobody takes the torso for the
/// whole.
pub(super) struct Following {
    edge: Edge,
    /// Keeps the flight going.
    _flight: Arc<Flight>,
    next: usize,
    skip: u64,
    /// Bytes still to give out; `None` for all there are.
    left: Option<u64>,
    changes: Pin<Box<dyn Future<Output = Changes> + Send>>,
    pieces: std::vec::IntoIter<Bytes>,
    end: Option<End>,
}

/// The receiver, and whether the origin is still being listened to.
type Changes = (watch::Receiver<Filled>, bool);

async fn next(mut filled: watch::Receiver<Filled>) -> Changes {
    let heard = filled.changed().await.is_ok();
    (filled, heard)
}

impl Following {
    /// `length` bytes from `start` on, or all.
    pub(super) fn new(
        edge: Edge,
        flight: Arc<Flight>,
        filling: &Filling,
        slice: Option<(u64, u64)>,
    ) -> Self {
        let mut filled = filling.filled.clone();
        // Whatever is there is news to this response.
        filled.mark_changed();
        let whole = filling.length.map(|length| (0, length));
        let slice = slice.or(whole);
        Self {
            edge,
            _flight: flight,
            next: 0,
            skip: slice.map_or(0, |(start, _)| start),
            left: slice.map(|(_, length)| length),
            changes: Box::pin(next(filled)),
            pieces: Vec::new().into_iter(),
            end: None,
        }
    }

    /// What is wanted of a piece.
    fn cut(&mut self, mut piece: Bytes) -> Option<Bytes> {
        let length = piece.len() as u64;
        if self.skip >= length {
            self.skip -= length;
            return None;
        }
        piece.advance(self.skip as usize);
        self.skip = 0;
        if let Some(left) = &mut self.left {
            piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= piece.len() as u64;
        }
        (!piece.is_empty()).then_some(piece)
    }
}

impl Body for Following {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if self.left == Some(0) {
                return Poll::Ready(None);
            }
            if let Some(piece) = self.pieces.next() {
                let Some(piece) = self.cut(piece) else { continue };
                let bytes = piece.len() as u64;
                self.edge.0.counts.bytes_out.fetch_add(bytes, Ordering::Relaxed);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            match self.end {
                // What was promised and is not there is an error, whatever the origin says.
                Some(End::Whole) if self.left.is_none() => return Poll::Ready(None),
                Some(_) => {
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                None => {}
            }
            let (filled, heard) = ready!(self.changes.as_mut().poll(cx));
            let (pieces, end) = {
                let filled = filled.borrow();
                let pieces = filled.chunks.get(self.next..).unwrap_or_default().to_vec();
                (pieces, filled.end)
            };
            self.next += pieces.len();
            self.pieces = pieces.into_iter();
            self.end = if heard { end } else { Some(end.unwrap_or(End::Cut)) };
            self.changes = Box::pin(next(filled));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
