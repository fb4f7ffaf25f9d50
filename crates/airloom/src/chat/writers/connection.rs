use std::io::{self, IoSlice, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use mio::net::TcpStream;

/// What a client may send after its request without being taken for a flood.
const CHATTER: usize = 64 << 10;

/// A reader's socket, and what of an answer has not fitted into it: at most one answer, shared
/// with the others who were given it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pending: Bytes,
}

impl Connection {
    pub(super) const fn new(socket: TcpStream) -> Self {
        Self { socket, pending: Bytes::new() }
    }

    /// Whether everything given has left.
    pub(super) fn is_free(&self) -> bool {
        self.pending.is_empty()
    }

    /// Writes as much as fits and keeps the rest. Only while it [is free](Self::is_free).
    ///
    /// Returns how many bytes that is in all.
    pub(super) fn write(&mut self, bytes: &Bytes) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let written = attempt(|| self.socket.write(bytes))?;
        if written < bytes.len() {
            self.pending = bytes.slice(written..);
        }
        Ok(bytes.len())
    }

    /// The same with several answers in one go.
    pub(super) fn write_all<const N: usize>(&mut self, parts: [&Bytes; N]) -> io::Result<usize> {
        let all = parts.iter().map(|part| part.len()).sum();
        if all == 0 {
            return Ok(0);
        }
        let slices = parts.map(|part| IoSlice::new(part));
        let mut written = attempt(|| self.socket.write_vectored(&slices))?;
        if written < all {
            // Joining the rest costs a copy that is this reader's own; it has no other until that
            // has left.
            let mut rest = BytesMut::with_capacity(all - written);
            for part in parts {
                let passed = written.min(part.len());
                rest.extend_from_slice(&part.slice(passed..));
                written -= passed;
            }
            self.pending = rest.freeze();
        }
        Ok(all)
    }

    /// Writes on with what is left of the last answer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            let written = attempt(|| self.socket.write(&self.pending))?;
            if written == 0 {
                return Ok(());
            }
            self.pending.advance(written);
        }
        // An empty slice would still hold the whole answer.
        self.pending = Bytes::new();
        Ok(())
    }

    /// Passes over what the client sends.
    ///
    /// # Errors
    /// Where it has closed, or sends what nobody asked for.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        let mut scratch = [0; 4096];
        let mut passed = 0;
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => passed += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if passed > CHATTER {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Bytes written, none where the socket is full.
fn attempt(mut write: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match write() {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => return Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
