//! What a server burns to take a stream in: CPU seconds a GB, beside a process that only reads the
//! socket.

pub mod players;
pub(crate) mod process;
mod publisher;
pub mod record;
mod serve;
mod servers;

use std::time::{Duration, Instant};

use crate::Failure;
use crate::input::Input;
use crate::measure::median;
use publisher::{Publisher, Recording};
use servers::Server;

pub use serve::serve;

/// How much, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    /// How often the minute of input is sent in one round, one after the other.
    pub repeats: u32,
    pub chunk_size: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { rounds: 5, repeats: 20, chunk_size: 4096 }
    }
}

/// How long a server may go on working after the last byte.
const SETTLE: Duration = Duration::from_secs(20);

/// What a server with nothing to do may burn between two looks.
const IDLE: Duration = Duration::from_millis(2);

/// Prints the table.
///
/// # Errors
///
/// Where no server at all can be started, or the publisher's own side breaks.
pub fn run(input: &Input, plan: Plan) -> Result<(), Failure> {
    let recording = Recording::new(input, plan.chunk_size);
    let mut servers = servers::start()?;
    let mut costs = vec![Vec::new(); servers.len()];
    let mut notes = vec![String::new(); servers.len()];
    let bytes = recording.len(plan.repeats);
    for round in 0..plan.rounds {
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            let server = &mut servers[index];
            match publish(server, &recording, plan.repeats, round) {
                Ok((seconds, note)) => {
                    costs[index].push(seconds);
                    notes[index] = note;
                }
                Err(failure) => notes[index] = format!("**failed**: {failure}"),
            }
        }
    }
    println!("### Ingest: CPU of the server\n");
    println!(
        "One publisher over loopback, as fast as the server reads, a write a message, chunks of \
         {} B: {:.2} GB a \
         round, {} rounds, everyone once a round. CPU is utime and stime of the server's process, \
         median; the ratio is the median of each round's ratio.\n",
        plan.chunk_size,
        bytes as f64 / 1e9,
        plan.rounds
    );
    println!("| | CPU-s a GB | x sink | what it did |\n|---|---:|---:|---|");
    let Some((sink, _)) = costs.split_first() else { return Ok(()) };
    for ((server, own), note) in servers.iter().zip(&costs).zip(&notes) {
        let ratios = own.iter().zip(sink).map(|(own, sink)| own / sink).collect();
        println!(
            "| {} | {:.2} | {:.2} | {note} |",
            server.name,
            median(own.clone()) * 1e9 / bytes as f64,
            median(ratios)
        );
    }
    println!();
    Ok(())
}

/// One stream from its first byte until the server has nothing left to do.
fn publish(
    server: &Server,
    recording: &Recording,
    repeats: u32,
    round: usize,
) -> Result<(f64, String), Failure> {
    let before = server.process.cpu()?;
    let name = format!("bench{round}");
    let mut publisher = Publisher::connect(server.port, &name, recording, server.speaks_rtmp)?;
    publisher.send(recording, repeats)?;
    let note = server.witness(&name)?;
    publisher.finish()?;
    let started = Instant::now();
    let mut last = server.process.cpu()?;
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = server.process.cpu()?;
        if now.saturating_sub(last) < IDLE || started.elapsed() > SETTLE {
            return Ok((now.saturating_sub(before).as_secs_f64(), note));
        }
        last = now;
    }
}

/// Prints what an idle stream costs in resident memory.
///
/// # Errors
///
/// Where no server at all can be started.
pub fn idle(input: &Input, streams: usize) -> Result<(), Failure> {
    let recording = Recording::new(input, 4096);
    println!("### An idle stream: resident memory\n");
    println!(
        "{streams} publishers at once that have been let in and then say nothing, and the same \
         after their sequence headers and first picture ({:.0} KB). One before them is not \
         counted.\n",
        recording.first_len() as f64 / 1e3
    );
    println!("| | KB a publisher | KB a stream | of that beyond the bytes sent |");
    println!("|---|---:|---:|---:|");
    for server in &servers::start()? {
        match resident(server, &recording, streams) {
            Ok((let_in, on_air)) => println!(
                "| {} | {:.0} | {:.0} | {:.0} |",
                server.name,
                let_in / 1e3,
                on_air / 1e3,
                (on_air - recording.first_len() as f64) / 1e3
            ),
            Err(failure) => println!("| {} | **failed**: {failure} | | |", server.name),
        }
    }
    println!();
    Ok(())
}

/// Bytes that each of so many publishers adds: let in, and on air.
fn resident(server: &Server, recording: &Recording, streams: usize) -> Result<(f64, f64), Failure> {
    let connect = |name: &str| Publisher::connect(server.port, name, recording, server.speaks_rtmp);
    let settled = || -> Result<f64, Failure> {
        std::thread::sleep(Duration::from_secs(2));
        Ok(server.process.resident()? as f64)
    };
    let mut first = connect("idle")?;
    first.send_first(recording)?;
    let before = settled()?;
    let mut open = Vec::new();
    for index in 0..streams {
        open.push(connect(&format!("idle{index}"))?);
    }
    let let_in = settled()?;
    for publisher in &mut open {
        publisher.send_first(recording)?;
    }
    let on_air = settled()?;
    Ok(((let_in - before) / streams as f64, (on_air - before) / streams as f64))
}
