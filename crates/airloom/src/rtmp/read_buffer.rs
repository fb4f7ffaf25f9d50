use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::tcp::ReadHalf;

/// Read at once from a quiet connection.
const LEAST: usize = 16 << 10;
/// Read at once from a connection that sends as fast as it can: few system calls.
const MOST: usize = 256 << 10;

/// Where a connection's bytes arrive.
///
/// It grows with the connection's pace. What is read is at least a quarter of the memory behind it,
/// or all there was to read, so that slices of it which are kept do not pin much more than
/// themselves.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    buffer: BytesMut,
    size: usize,
}

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self { buffer: BytesMut::new(), size: LEAST }
    }

    /// What has arrived; nothing (`None`) yet, or, at the end of the connection, no bytes.
    ///
    /// Memory is held only while there is something to read: a publisher that says nothing costs no
    /// buffer.
    pub(super) fn next(&mut self, socket: &ReadHalf<'_>) -> io::Result<Option<Bytes>> {
        self.make_room();
        match socket.try_read_buf(&mut self.buffer) {
            Ok(read) => Ok(Some(self.take(read))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.buffer = BytesMut::new();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for what arrives next; at the end of the connection, no bytes. Loses nothing where it
    /// is dropped before it is done.
    pub(super) async fn read(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Bytes> {
        self.make_room();
        let read = socket.read_buf(&mut self.buffer).await?;
        Ok(self.take(read))
    }

    fn make_room(&mut self) {
        if self.buffer.capacity() < self.size / 4 {
            self.buffer.reserve(self.size);
        }
    }

    fn take(&mut self, read: usize) -> Bytes {
        // A read that fills the buffer says that more is waiting.
        if self.buffer.len() == self.buffer.capacity() {
            self.size = (self.size * 2).min(MOST);
        } else if read < self.size / 8 {
            self.size = (self.size / 2).max(LEAST);
        }
        self.buffer.split().freeze()
    }
}
