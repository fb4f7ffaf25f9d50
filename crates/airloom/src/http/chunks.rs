use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A response body of known length made of shared slices.
///
/// Nothing is joined or copied: each slice becomes a frame, and the server gathers frames into
/// vectored writes.
#[derive(Debug)]
pub(crate) struct Chunks<I> {
    chunks: I,
    left: u64,
}

impl<I: Iterator<Item = Bytes>> Chunks<I> {
    /// `length` is the sum of the lengths of all `chunks`.
    pub(crate) fn new(chunks: I, length: u64) -> Self {
        Self { chunks, left: length }
    }
}

impl<I: Iterator<Item = Bytes> + Unpin> Body for Chunks<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.chunks.find(|chunk| !chunk.is_empty());
        if let Some(chunk) = &next {
            self.left = self.left.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
