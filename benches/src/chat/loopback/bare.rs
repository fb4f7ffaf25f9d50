//! What giving everybody what is said costs at the least: one write after the other of a batch that
//! is ready, by a thread that does nothing else.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use super::audience::{Audience, MARK};
use super::{RATE, READERS, SECONDS};
use crate::Failure;

/// Ticks a second, as of a room of this size.
const TICKS: u32 = 10;

/// Writes batches of messages of so many bytes each to as many connections. Returns the seconds of
/// CPU that the writing took.
pub(super) async fn once(message: usize) -> Result<f64, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let arrivals = std::thread::spawn(move || {
        (0..READERS).map(|_| Ok(listener.accept()?.0)).collect::<std::io::Result<Vec<_>>>()
    });
    let audience = Audience::come(READERS, port, "x").await?;
    let sockets = arrivals.join().map_err(|_| "nobody was let in")??;
    let mut batch = vec![b'x'; message * (RATE / TICKS) as usize];
    batch.iter_mut().step_by(message).for_each(|byte| *byte = MARK);
    let cost = tokio::task::spawn_blocking(move || write(sockets, &batch)).await??;
    audience.see(u64::from(RATE * SECONDS) * READERS as u64).await?;
    audience.go().await;
    Ok(cost.as_secs_f64())
}

fn write(mut sockets: Vec<TcpStream>, batch: &[u8]) -> std::io::Result<Duration> {
    let start = Instant::now();
    let mut cost = Duration::ZERO;
    for tick in 0..TICKS * SECONDS {
        let due = start + Duration::from_secs(1) / TICKS * tick;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let began = ThreadTime::now();
        for socket in &mut sockets {
            socket.write_all(batch)?;
        }
        cost += began.elapsed();
    }
    // What reads is done with the last before its peers are gone.
    std::thread::sleep(Duration::from_secs(1));
    Ok(cost)
}
