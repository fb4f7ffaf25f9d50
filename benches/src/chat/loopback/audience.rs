//! Connections that read and count.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::Failure;

/// In each message once, and nowhere else.
pub(super) const MARK: u8 = b'~';
/// How long all may take to be told the last.
const PATIENCE: Duration = Duration::from_secs(30);

/// All who read from one server.
pub(super) struct Audience {
    seen: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    readers: JoinSet<()>,
    /// What was there before all had come.
    greeted: (u64, u64),
}

impl Audience {
    /// Has so many connect to `port`, say what they want, and be greeted.
    pub(super) async fn come(count: usize, port: u16, request: &str) -> Result<Self, Failure> {
        let (seen, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut readers = JoinSet::new();
        for _ in 0..count {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
            socket.write_all(request.as_bytes()).await?;
            let (seen, bytes) = (Arc::clone(&seen), Arc::clone(&bytes));
            readers.spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(count @ 1..) = socket.read(&mut buffer).await {
                    let marks = buffer[..count].iter().filter(|byte| **byte == MARK).count();
                    seen.fetch_add(marks as u64, Ordering::Relaxed);
                    bytes.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
        sleep(Duration::from_secs(2)).await;
        let greeted = (seen.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
        Ok(Self { seen, bytes, readers, greeted })
    }

    /// Waits until so many messages were delivered, to all together.
    pub(super) async fn see(&self, due: u64) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            let delivered = self.seen.load(Ordering::Relaxed) - self.greeted.0;
            if delivered == due {
                return Ok(());
            }
            if start.elapsed() > PATIENCE || delivered > due {
                return Err(format!("{delivered} of {due} were delivered").into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends all home. Returns the bytes that were delivered.
    pub(super) async fn go(mut self) -> u64 {
        let bytes = self.bytes.load(Ordering::Relaxed) - self.greeted.1;
        self.readers.shutdown().await;
        sleep(Duration::from_millis(500)).await;
        bytes
    }
}
