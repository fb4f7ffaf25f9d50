use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::tcp;
use tokio::time::{Instant, Sleep, sleep};

/// Something to read from that may know when there is something to read.
pub(super) trait Source: AsyncRead + Unpin + Send {
    /// Whether [`readable`](Self::readable) waits.
    const TELLS: bool;

    /// Waits until a read is worth the memory it takes.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Source for tcp::ReadHalf<'_> {
    const TELLS: bool = true;

    async fn readable(&self) -> io::Result<()> {
        self.as_ref().readable().await
    }
}

/// What runs over a socket may hold back bytes that the socket has given already, and cannot tell.
#[cfg(feature = "tls")]
impl<T: AsyncRead + Send> Source for tokio::io::ReadHalf<T> {
    const TELLS: bool = false;

    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The first block of a connection, and all there are of one that says little.
const LEAST: usize = 4 << 10;
/// The blocks of a connection that sends as fast as it can: few system calls.
const MOST: usize = 256 << 10;
/// A block with less room than this is full.
const ROOM: usize = 2 << 10;
/// A block that was filled by more reads than this was too large.
const CROWD: u32 = 16;
/// A connection that says nothing for so long holds no block.
const QUIET: Duration = Duration::from_millis(250);

/// Where a connection's bytes arrive: blocks, each filled by one read after the other, so that
/// slices of what was read which are kept pin what came with them and little else.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    blocks: Blocks,
    /// Comes due when it is to be seen whether the connection has fallen silent; none while it is.
    look: Option<Pin<Box<Sleep>>>,
    /// Whether anything came since the last look.
    heard: bool,
}

impl ReadBuffer {
    /// Waits for what arrives next; at the end of the connection, no bytes. Loses nothing where it
    /// is dropped before it is done. A connection that says nothing costs no memory here, where
    /// `socket` can tell.
    pub(super) async fn next<S: Source>(&mut self, socket: &mut S) -> io::Result<BytesMut> {
        if !S::TELLS {
            return self.read(socket).await;
        }
        loop {
            let Some(look) = &mut self.look else {
                socket.readable().await?;
                self.look = Some(Box::pin(sleep(QUIET)));
                continue;
            };
            // One timer for many reads: to set it anew for each would cost more than reading.
            tokio::select! {
                biased;
                read = self.blocks.read(socket) => {
                    self.heard = true;
                    return read;
                }
                () = look.as_mut() => {
                    if self.heard {
                        look.as_mut().reset(Instant::now() + QUIET);
                        self.heard = false;
                    } else {
                        *self = Self::default();
                    }
                }
            }
        }
    }

    /// As [`next`](Self::next), from what cannot tell whether there is something to read.
    pub(super) async fn read(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<BytesMut> {
        self.blocks.read(socket).await
    }
}

/// Blocks grow with the connection's pace. One that nobody holds anything of any more is filled
/// again before another is allocated: fresh memory costs more than what is done with it.
#[derive(Debug)]
struct Blocks {
    /// The rest of the block under way.
    block: BytesMut,
    /// How large the next one is.
    size: usize,
    /// Reads that went into this one.
    reads: u32,
    spent: Spent,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { block: BytesMut::new(), size: LEAST, reads: 0, spent: Spent::default() }
    }
}

impl Blocks {
    async fn read(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<BytesMut> {
        if self.block.capacity() < ROOM {
            self.renew();
        }
        socket.read_buf(&mut self.block).await?;
        self.reads += 1;
        Ok(self.block.split())
    }

    fn renew(&mut self) {
        match self.reads {
            // More was waiting than it took. None: the first block of all.
            1..=2 => self.size = (self.size * 2).min(MOST),
            reads if reads > CROWD => {
                self.size = (self.size / 2).max(LEAST);
                // It has calmed down: nothing is kept for the next rush.
                self.spent = Spent::default();
            }
            _ => {}
        }
        self.reads = 0;
        self.block = BytesMut::new();
        let mut block =
            self.spent.take(self.size).unwrap_or_else(|| BytesMut::with_capacity(self.size));
        if self.size == MOST {
            self.spent.put(block.split_to(0));
        }
        self.block = block;
    }
}

/// A handle on each block that was filled, oldest first.
#[derive(Debug, Default)]
struct Spent(VecDeque<BytesMut>);

/// Blocks that are kept while nobody holds anything of them: media is let go of in whole segments,
/// and comes by the message.
const SPARE: usize = 16;
/// Blocks that are remembered. Those beyond are freed by whoever drops the last piece of them.
const REMEMBERED: usize = 1024;
/// Blocks that are looked at, from the oldest on, when one is wanted: where the first is still held,
/// that may be for one last piece.
const LOOKED_AT: usize = 4;

impl Spent {
    fn put(&mut self, handle: BytesMut) {
        self.0.push_back(handle);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    /// A block of `size` bytes of which nobody holds anything any more.
    fn take(&mut self, size: usize) -> Option<BytesMut> {
        while self.0.get_mut(SPARE).is_some_and(is_free) {
            self.0.pop_front();
        }
        let free = self.0.iter_mut().take(LOOKED_AT).position(is_free)?;
        // Those before it are older, and somebody means to keep them.
        self.0.drain(..free);
        let mut block = self.0.pop_front()?;
        block.try_reclaim(size).then_some(block)
    }
}

fn is_free(block: &mut BytesMut) -> bool {
    block.try_reclaim(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncWriteExt, DuplexStream, ReadBuf, duplex};
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    /// Reads `total` bytes that come `at_once` at a time; keeps the last `kept` reads.
    async fn places(at_once: usize, total: usize, kept: usize) -> (HashSet<usize>, Blocks) {
        let mut buffer = Blocks::default();
        let (mut window, mut places) = (VecDeque::new(), HashSet::new());
        for _ in 0..total / at_once {
            let mut source = &vec![7; at_once][..];
            while !source.is_empty() {
                let read = buffer.read(&mut source).await.unwrap();
                assert!(read.iter().all(|byte| *byte == 7));
                places.insert(read.as_ptr() as usize >> 12);
                window.push_back(read.freeze());
            }
            while window.len() > kept {
                window.pop_front();
            }
        }
        (places, buffer)
    }

    #[tokio::test]
    async fn what_is_kept_of_small_reads_lies_close_together() {
        let (_, buffer) = places(300, 3_000_000, usize::MAX).await;
        assert_eq!(buffer.size, LEAST);
    }

    #[tokio::test]
    async fn blocks_that_nobody_holds_are_filled_again() {
        let (places, buffer) = places(100_000, 200 << 20, 100).await;
        assert_eq!(buffer.size, MOST);
        // A hundred reads of up to 100 kB are 40 blocks at most; some are spare.
        assert!(places.len() <= (40 + SPARE + LOOKED_AT) * MOST / 4096, "{}", places.len());
    }

    #[tokio::test]
    async fn a_connection_that_calms_down_is_given_small_blocks_again() {
        let (_, mut buffer) = places(1 << 20, 20 << 20, 0).await;
        assert_eq!(buffer.size, MOST);
        for _ in 0..20_000 {
            buffer.read(&mut &[0; 100][..]).await.unwrap();
        }
        assert!(buffer.size <= LEAST * 2, "{}", buffer.size);
        assert!(buffer.spent.0.is_empty());
    }

    /// A pipe that tells when it is readable; no block is taken before.
    struct Pipe(DuplexStream, Arc<Notify>);

    impl AsyncRead for Pipe {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, into)
        }
    }

    impl Source for Pipe {
        const TELLS: bool = true;

        async fn readable(&self) -> io::Result<()> {
            self.1.notified().await;
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_falls_silent_holds_no_block_until_it_speaks() {
        let (mut peer, pipe) = duplex(1 << 20);
        let told = Arc::new(Notify::new());
        let mut pipe = Pipe(pipe, Arc::clone(&told));
        let mut buffer = ReadBuffer::default();
        let silence = timeout(QUIET * 10, buffer.next(&mut pipe)).await;
        assert!(silence.is_err());
        assert_eq!(buffer.blocks.block.capacity(), 0);
        for _ in 0..2 {
            told.notify_one();
            // It is not looked at again as long as something comes.
            for _ in 0..20 {
                peer.write_all(b"sound").await.unwrap();
                assert_eq!(buffer.next(&mut pipe).await.unwrap(), &b"sound"[..]);
                assert!(timeout(QUIET / 2, buffer.next(&mut pipe)).await.is_err());
                assert!(buffer.blocks.block.capacity() > 0);
            }
            assert!(timeout(QUIET * 2, buffer.next(&mut pipe)).await.is_err());
            assert_eq!(buffer.blocks.block.capacity(), 0);
            assert!(buffer.look.is_none());
        }
    }
}
