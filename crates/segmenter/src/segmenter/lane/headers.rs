use bytes::{Bytes, BytesMut};

/// What headers are allocated in at a time: those of a dozen parts.
const BLOCK: usize = 2048;

/// Keeps the headers of parts side by side: one of its own costs two allocations, and is then one of
/// hundreds that a window holds.
#[derive(Debug, Default)]
pub(super) struct Headers {
    block: BytesMut,
    /// What the next one is written to.
    scratch: Vec<u8>,
}

impl Headers {
    /// Where to write a header; empty.
    pub(super) fn begin(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.scratch)
    }

    /// Keeps what was written.
    pub(super) fn keep(&mut self, mut header: Vec<u8>) -> Bytes {
        if self.block.capacity() < header.len() {
            self.block = BytesMut::with_capacity(BLOCK.max(header.len()));
        }
        self.block.extend_from_slice(&header);
        header.clear();
        self.scratch = header;
        self.block.split().freeze()
    }
}
