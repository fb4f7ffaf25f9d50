use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::ReadHalf;

/// Read at once from a quiet connection.
const LEAST: usize = 16 << 10;
/// Read at once from a connection that sends as fast as it can: few system calls.
const MOST: usize = 256 << 10;

/// Where a connection's bytes arrive.
///
/// It grows with the connection's pace, and holds memory only while there is something to read: a
/// publisher that says nothing costs no buffer.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    buffer: BytesMut,
    size: usize,
}

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), size: LEAST }
    }

    /// What arrives next; no bytes at the end of the connection. Nothing is lost where the future
    /// is dropped.
    ///
    /// What is returned is at least a quarter of the memory behind it, or all there was to read, so
    /// that slices of it which are kept do not pin much more than themselves.
    pub(super) async fn next(&mut self, socket: &mut ReadHalf<'_>) -> io::Result<Bytes> {
        socket.readable().await?;
        if self.buffer.capacity() < self.size / 4 {
            self.buffer.reserve(self.size);
        }
        let read = socket.read_buf(&mut self.buffer).await?;
        let filled = self.buffer.len() == self.buffer.capacity();
        let input = self.buffer.split().freeze();
        if filled {
            // More is waiting.
            self.size = (self.size * 2).min(MOST);
        } else {
            // All there was: the next may be long in coming.
            self.buffer = BytesMut::new();
            if read < self.size / 8 {
                self.size = (self.size / 2).max(LEAST);
            }
        }
        Ok(input)
    }
}
