use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The moment by which what is being written must have left, shared between the responses of one
/// connection and the socket that writes them.
///
/// A handler that serves media with a limited life finds it in the request's extensions and sets
/// it; the socket clears it whenever everything has been flushed.
#[derive(Debug, Clone, Default)]
pub struct WriteDeadline(Arc<Mutex<Option<Instant>>>);

impl WriteDeadline {
    /// Requires that the response being made is written within `time`.
    ///
    /// The later of several deadlines holds: HTTP/2 writes many responses at once.
    pub fn within(&self, time: Duration) {
        let new = Instant::now() + time;
        let mut deadline = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Some(deadline.map_or(new, |old| old.max(new)));
    }

    fn earliest(&self, stalled: Instant) -> Instant {
        let deadline = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.map_or(stalled, |deadline| deadline.min(stalled))
    }

    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A socket that gives up on a peer which does not take its bytes: when nothing at all could be
/// written for `stall`, or when a [`WriteDeadline`] has passed with bytes still to write.
///
/// Both end the connection with [`io::ErrorKind::TimedOut`], which frees the shared media the
/// response still held. Reading is not limited here.
#[derive(Debug)]
pub(crate) struct Deadlined<S> {
    socket: S,
    stall: Duration,
    deadline: WriteDeadline,
    /// When bytes last left, or when the stall under way began.
    progress: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Deadlined<S> {
    pub(crate) fn new(socket: S, stall: Duration, deadline: WriteDeadline) -> Self {
        Self { socket, stall, deadline, progress: Instant::now(), timer: None }
    }

    pub(crate) fn into_inner(self) -> S {
        self.socket
    }

    /// Called with what a write came to: notes progress, or waits for the time to be up.
    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(n)) => {
                self.progress = Instant::now();
                // A peer that takes a little now and then never stalls; its deadline still holds.
                if self.deadline.earliest(self.progress + self.stall) <= self.progress {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                self.timer = None;
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                if self.timer.is_none() {
                    // The stall begins here, however long ago the last byte was.
                    self.progress = Instant::now();
                }
                let end = self.deadline.earliest(self.progress + self.stall);
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
                if timer.deadline() != end {
                    timer.as_mut().reset(end);
                }
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deadlined<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deadlined<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        // Only called once all that was queued has been written: the peer owes nothing now.
        self.deadline.clear();
        self.timer = None;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_off_after_the_stall_time() {
        let (ours, _theirs) = duplex(16);
        let mut socket = Deadlined::new(ours, STALL, WriteDeadline::default());
        let start = Instant::now();
        let error = socket.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_trickles_is_cut_off_at_the_deadline() {
        let (ours, mut theirs) = duplex(16);
        let deadline = WriteDeadline::default();
        let mut socket = Deadlined::new(ours, STALL, deadline.clone());
        deadline.within(Duration::from_mins(1));
        let reader = tokio::spawn(async move {
            let mut byte = [0];
            while theirs.read(&mut byte).await.is_ok_and(|n| n > 0) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let start = Instant::now();
        let error = socket.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!((60..62).contains(&start.elapsed().as_secs()));
        drop(socket);
        reader.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_ends_the_deadline() {
        let (ours, mut theirs) = duplex(16);
        let deadline = WriteDeadline::default();
        let mut socket = Deadlined::new(ours, STALL, deadline.clone());
        deadline.within(Duration::from_secs(1));
        socket.write_all(&[1; 8]).await.unwrap();
        socket.flush().await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        socket.write_all(&[2; 8]).await.unwrap();
        let mut got = [0; 16];
        theirs.read_exact(&mut got).await.unwrap();
    }
}
