//! What a server burns to give many connections what is said, beside brokers that do the same.

pub(super) mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::Failure;
use crate::measure::median;
use servers::{Dialect, Server};

pub use servers::{serve, serve_axum};

/// Connections that read.
const READERS: usize = 1000;
/// What is said in a second, and for how long.
const RATE: u32 = 100;
const SECONDS: u32 = 3;
/// In each message once, and nowhere else.
const MARK: u8 = b'~';
/// How long all may take to be told the last.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints the table.
///
/// # Errors
///
/// Where no server at all can be started.
pub fn run(rounds: usize) -> Result<(), Failure> {
    let mut servers = servers::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut costs = vec![Vec::new(); servers.len()];
    let mut notes = vec![String::new(); servers.len()];
    for round in 0..rounds {
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            match runtime.block_on(once(&mut servers[index])) {
                Ok((seconds, note)) => {
                    costs[index].push(seconds);
                    notes[index] = note;
                }
                Err(failure) => notes[index] = format!("**failed**: {failure}"),
            }
        }
    }
    let said = RATE * SECONDS;
    println!("### Chat: {READERS} connections over loopback, {RATE} messages/s\n");
    println!(
        "{said} messages a round of some 70 bytes of text, {rounds} rounds, everyone once a round, \
         servers kept running. CPU is utime and stime of the server's process from the first \
         message to the last delivery, taking the messages in included; median.\n"
    );
    println!("| | CPU us a delivered message | what it did |\n|---|---:|---|");
    for ((server, own), note) in servers.iter().zip(costs).zip(&notes) {
        let deliveries = f64::from(said) * READERS as f64;
        let figure = if own.is_empty() {
            String::new()
        } else {
            format!("{:.2}", median(own) * 1e6 / deliveries)
        };
        println!("| {} | {figure} | {note} |", server.name);
    }
    println!();
    Ok(())
}

/// Has all readers come, says everything, and waits until everybody has it. Returns the seconds of
/// CPU that the server took.
async fn once(server: &mut Server) -> Result<(f64, String), Failure> {
    let (seen, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let mut socket = TcpStream::connect(("127.0.0.1", server.port)).await?;
        socket.write_all(server.dialect.subscribe().as_bytes()).await?;
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
    // Until all have come and been greeted.
    sleep(Duration::from_secs(2)).await;
    let (before, greeted) = (seen.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));

    let mut writer = TcpStream::connect(("127.0.0.1", server.port)).await?;
    writer.write_all(server.dialect.greet().as_bytes()).await?;
    sleep(Duration::from_millis(100)).await;
    let start = server.process.cpu()?;
    let mut answer = vec![0; 4096];
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    for number in 0..RATE * SECONDS {
        ticks.tick().await;
        writer.write_all(server.dialect.say(number).as_bytes()).await?;
        if server.dialect != Dialect::Nats {
            timeout(PATIENCE, writer.read(&mut answer)).await??;
        }
    }
    let due = u64::from(RATE * SECONDS) * READERS as u64;
    let said = Instant::now();
    loop {
        let delivered = seen.load(Ordering::Relaxed) - before;
        if delivered == due {
            break;
        }
        if said.elapsed() > PATIENCE || delivered > due {
            return Err(format!("{delivered} of {due} were delivered").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let cost = server.process.cpu()? - start;
    let bytes = (bytes.load(Ordering::Relaxed) - greeted) / due;
    readers.shutdown().await;
    sleep(Duration::from_millis(500)).await;
    Ok((
        cost.as_secs_f64(),
        format!("{}; {bytes} bytes a delivered message", server.dialect.form()),
    ))
}
