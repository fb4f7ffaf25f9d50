//! What each further player of a stream costs its server, beside a process that only copies from one
//! socket to others.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airloom_rtmp::Config;
use airloom_rtmp::client::{Output, Session, Target};
use bytes::{Bytes, BytesMut};
use std::io::Write;

use super::publisher::{Publisher, Recording};
use super::servers::{self, Server};
use super::{IDLE, SETTLE};
use crate::Failure;
use crate::input::Input;
use crate::measure::median;

/// How far the publisher may be ahead of the slowest player, so that nothing is left out for anyone:
/// less than a server keeps for those who lag.
const AHEAD: u64 = 1 << 20;

/// Prints the table.
///
/// # Errors
///
/// Where a server cannot be started, or breaks.
pub fn run(input: &Input, rounds: usize, repeats: u32) -> Result<(), Failure> {
    const PLAYERS: [usize; 4] = [0, 1, 2, 10];
    let recording = Recording::new(input, 4096);
    let servers = servers::players()?;
    let mut costs = vec![vec![Vec::new(); PLAYERS.len()]; servers.len()];
    let bytes = recording.len(repeats);
    for round in 0..rounds {
        for (server, costs) in servers.iter().zip(&mut costs) {
            for (players, costs) in PLAYERS.iter().zip(costs) {
                let name = format!("bench{round}x{players}");
                costs.push(play(server, &recording, repeats, &name, *players)?);
            }
        }
    }
    println!("### Players: CPU of the server\n");
    println!(
        "One publisher over loopback, a write a message, never more than {} KiB ahead of the \
         slowest player: {:.2} GB a round, {rounds} rounds. CPU is utime and stime of the server's \
         process, median; each further player is the difference to none, divided by their number.\n",
        AHEAD / 1024,
        bytes as f64 / 1e9
    );
    println!("| | players | CPU-s a GB published | each further player |\n|---|---:|---:|---:|");
    for (server, costs) in servers.iter().zip(&costs) {
        let alone = costs.first().map_or(0.0, |costs| median(costs.clone()));
        for (players, costs) in PLAYERS.iter().zip(costs) {
            let cost = median(costs.clone());
            let each = if *players == 0 { 0.0 } else { (cost - alone) / *players as f64 };
            let scale = 1e9 / bytes as f64;
            println!("| {} | {players} | {:.2} | {:.2} |", server.name, cost * scale, each * scale);
        }
    }
    println!();
    Ok(())
}

/// CPU seconds that a server takes for one stream with so many players, until it is at rest.
fn play(
    server: &Server,
    recording: &Recording,
    repeats: u32,
    name: &str,
    players: usize,
) -> Result<f64, Failure> {
    let before = server.process.cpu()?;
    let mut publisher = Publisher::connect(server.port, name, recording, server.speaks_rtmp)?;
    let players: Vec<_> = (0..players)
        .map(|_| Player::connect(server.port, name, server.speaks_rtmp))
        .collect::<Result<_, _>>()?;
    let mut sent = 0;
    for message in recording.messages(repeats) {
        publisher.send_message(message)?;
        sent += message.len() as u64;
        let started = Instant::now();
        while players.iter().any(|player| player.received() + AHEAD < sent) {
            if started.elapsed() > SETTLE {
                return Err(format!("{}: a player gets nothing more", server.name).into());
            }
            std::thread::yield_now();
        }
    }
    publisher.finish()?;
    let started = Instant::now();
    let mut last = server.process.cpu()?;
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = server.process.cpu()?;
        if now.saturating_sub(last) < IDLE || started.elapsed() > SETTLE {
            // Headers differ by a hundredth at most.
            let few = players.iter().find(|player| player.received() < sent / 100 * 98);
            return match few {
                None => Ok(now.saturating_sub(before).as_secs_f64()),
                Some(few) => {
                    Err(format!("{}: {} of {sent} bytes", server.name, few.received()).into())
                }
            };
        }
        last = now;
    }
}

/// Someone who plays, and looks at nothing that comes.
struct Player {
    received: Arc<AtomicU64>,
    socket: TcpStream,
}

impl Player {
    fn connect(port: u16, name: &str, speaks_rtmp: bool) -> Result<Self, Failure> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        if speaks_rtmp {
            agree(&mut socket, &format!("rtmp://127.0.0.1:{port}/live/{name}"))?;
        } else {
            // The copier takes whoever begins so for a player.
            socket.write_all(b"play")?;
            socket.read_exact(&mut [0])?;
        }
        let received = Arc::new(AtomicU64::new(0));
        let (mut reader, counter) = (socket.try_clone()?, Arc::clone(&received));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 256 << 10];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                counter.fetch_add(count as u64, Ordering::Relaxed);
            }
        });
        Ok(Self { received, socket })
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

/// Asks to play until the server agrees.
fn agree(socket: &mut TcpStream, url: &str) -> Result<(), Failure> {
    let mut session = Session::play(Config::default(), Target::parse(url)?);
    let mut buffer = BytesMut::zeroed(4096);
    loop {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Send(bytes) => socket.write_all(&bytes)?,
                Output::Ready => return Ok(()),
                Output::Closed(why) => return Err(format!("may not play: {why:?}").into()),
                _ => {}
            }
        }
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err("closes the connection".into());
        }
        session.handle_input(Duration::ZERO, Bytes::copy_from_slice(&buffer[..count]))?;
    }
}
