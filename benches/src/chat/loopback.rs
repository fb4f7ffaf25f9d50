//! What a server burns to give many connections what is said, beside brokers that do the same.

mod audience;
mod bare;
pub(super) mod servers;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::measure::median;
use audience::Audience;
use servers::{Dialect, Server};

pub use servers::{serve, serve_axum};

/// Connections that read.
const READERS: usize = 1000;
/// What is said in a second, and for how long.
const RATE: u32 = 100;
const SECONDS: u32 = 3;
/// How long an answer may take.
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
    let (mut least, mut shares, mut message) = (Vec::new(), Vec::new(), 0);
    for round in 0..rounds {
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            match runtime.block_on(once(&mut servers[index])) {
                Ok((seconds, bytes)) => {
                    if servers[index].dialect == Dialect::Airloom {
                        message = bytes as usize;
                    }
                    costs[index].push(seconds);
                    let form = servers[index].dialect.form();
                    notes[index] = format!("{form}; {bytes} bytes a delivered message");
                }
                Err(failure) => notes[index] = format!("**failed**: {failure}"),
            }
        }
        // It writes what airloom has just written, as many bytes as often.
        if let Some(cost) = costs[0].get(round) {
            let bare = runtime.block_on(bare::once(message))?;
            shares.push(bare / cost);
            least.push(bare);
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
    if !least.is_empty() {
        let deliveries = f64::from(said) * READERS as f64;
        println!(
            "| a bare loop of writes | {:.2} | airloom's bytes in as many writes, CPU of the one \
             thread; {:.2} of airloom's |",
            median(least) * 1e6 / deliveries,
            median(shares),
        );
    }
    println!();
    Ok(())
}

/// Has all readers come, says everything, and waits until everybody has it. Returns the seconds of
/// CPU that the server took, and the bytes of a delivered message.
async fn once(server: &mut Server) -> Result<(f64, u64), Failure> {
    let audience = Audience::come(READERS, server.port, server.dialect.subscribe()).await?;
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
    audience.see(due).await?;
    let cost = server.process.cpu()? - start;
    let bytes = audience.go().await / due;
    Ok((cost.as_secs_f64(), bytes))
}
