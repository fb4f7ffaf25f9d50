use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::tcp;

/// Something to read from that may know when there is something to read.
pub(super) trait Source: AsyncRead + Unpin + Send {
    /// Waits until a read is worth the memory it takes.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Source for tcp::ReadHalf<'_> {
    async fn readable(&self) -> io::Result<()> {
        self.as_ref().readable().await
    }
}

/// What runs over a socket may hold back bytes that the socket has given already, and cannot tell.
#[cfg(feature = "tls")]
impl<T: AsyncRead + Send> Source for tokio::io::ReadHalf<T> {
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Read at once from a quiet connection.
const LEAST: usize = 16 << 10;
/// Read at once from a connection that sends as fast as it can: few system calls.
const MOST: usize = 256 << 10;

/// Where a connection's bytes arrive.
///
/// It grows with the connection's pace: while more is waiting than it takes, all of it is filled and
/// handed on as it is. What comes in small pieces, as from every publisher in real time, is copied
/// out of it, so that slices which are kept pin what came with them and nothing else.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    buffer: BytesMut,
    size: usize,
}

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), size: LEAST }
    }

    /// Waits for what arrives next; at the end of the connection, no bytes. Loses nothing where it
    /// is dropped before it is done.
    ///
    /// Memory is held only while there is something to read, where `socket` can tell: a publisher
    /// that says nothing costs no buffer.
    pub(super) async fn next(&mut self, socket: &mut impl Source) -> io::Result<BytesMut> {
        socket.readable().await?;
        self.read(socket).await
    }

    /// As [`next`](Self::next), from what cannot tell whether there is something to read; memory is
    /// held while waiting.
    pub(super) async fn read(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<BytesMut> {
        if self.buffer.capacity() < self.size / 4 {
            self.buffer.reserve(self.size);
        }
        let room = self.buffer.capacity();
        let read = socket.read_buf(&mut self.buffer).await?;
        if read == room {
            // More is waiting.
            self.size = (self.size * 2).min(MOST);
            return Ok(self.buffer.split());
        }
        // All there was: the next may be long in coming.
        let buffer = std::mem::take(&mut self.buffer);
        if read < self.size / 8 {
            self.size = (self.size / 2).max(LEAST);
        }
        Ok(if read < room / 4 * 3 { BytesMut::from(&buffer[..]) } else { buffer })
    }
}
