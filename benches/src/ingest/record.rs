//! What recording costs beside live alone: CPU of `live` with `--record` and without.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::publisher::{Publisher, Recording};
use super::servers::{self, Server};
use crate::Failure;
use crate::input::Input;
use crate::measure::median;

/// How long streams run before they are measured.
const WARM: Duration = Duration::from_secs(4);
/// How long they are.
const MEASURED: Duration = Duration::from_secs(10);
/// Publishers send in steps of this.
const STEP: Duration = Duration::from_millis(10);

/// Prints the table: `streams` publishers at once, in real time.
///
/// # Errors
///
/// Where `live` cannot be started, or a publisher's own side breaks.
pub fn run(input: &Input, rounds: usize, streams: usize) -> Result<(), Failure> {
    let recording = Arc::new(Recording::new(input, 4096));
    let times = Arc::new(input.tags.iter().map(|tag| tag.timestamp).collect::<Vec<_>>());
    let servers = servers::recording()?;
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for turn in 0..2 {
            let index = (turn + round) % 2;
            let cost = measure(&servers[index], &recording, &times, streams, round)?;
            costs[index].push(cost.as_secs_f64());
        }
    }
    let [plain, record] = costs;
    let ratios: Vec<_> = record.iter().zip(&plain).map(|(record, plain)| record / plain).collect();
    println!("### Recording: CPU of the server\n");
    println!(
        "{streams} publishers in real time for {} s, {rounds} rounds, each server once a round; CPU \
         is utime and stime of the process, its writes to the disk included; nobody watches.\n",
        MEASURED.as_secs()
    );
    println!("| | CPU-ms a stream and second | x live |\n|---|---:|---:|");
    let each = |costs: Vec<f64>| median(costs) * 1e3 / MEASURED.as_secs_f64() / streams as f64;
    println!("| `live` | {:.2} | 1 |", each(plain));
    println!("| `live --record` | {:.2} | {:.2} |\n", each(record), median(ratios));
    Ok(())
}

/// What the server burns while it takes in so many streams.
fn measure(
    server: &Server,
    recording: &Arc<Recording>,
    times: &Arc<Vec<u32>>,
    streams: usize,
    round: usize,
) -> Result<Duration, Failure> {
    let publishers: Vec<_> = (0..streams)
        .map(|stream| {
            let (recording, times, port) = (Arc::clone(recording), Arc::clone(times), server.port);
            let name = format!("round{round}-{stream}");
            thread::spawn(move || {
                publish(port, &name, &recording, &times).map_err(|failure| failure.to_string())
            })
        })
        .collect();
    thread::sleep(WARM);
    let before = server.process.cpu()?;
    thread::sleep(MEASURED);
    let spent = server.process.cpu()?.saturating_sub(before);
    for publisher in publishers {
        publisher.join().map_err(|_| "a publisher panicked")??;
    }
    Ok(spent)
}

/// Sends messages at their times, a write each.
fn publish(port: u16, name: &str, recording: &Recording, times: &[u32]) -> Result<(), Failure> {
    let mut publisher = Publisher::connect(port, name, recording, true)?;
    let (start, end) = (Instant::now(), WARM + MEASURED + Duration::from_secs(1));
    let mut messages = recording.messages(1).zip(times).peekable();
    while start.elapsed() < end {
        let now = start.elapsed().as_millis() as u32;
        while let Some((message, _)) = messages.next_if(|(_, time)| **time <= now) {
            publisher.send_message(message)?;
        }
        thread::sleep(STEP);
    }
    publisher.finish()
}
