//! Very many connections on one machine: whether everybody gets everything, and how soon.
//!
//! One process holds as many as its limit of files lets it. Beyond that there are several nodes with
//! NATS between them, as there would be on several machines.

mod readers;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit};

use super::loopback::servers::{self, Server};
use crate::Failure;
use readers::{Report, micros};

pub use readers::run as read;

/// What is said in a second, and for how long.
const RATE: u32 = 20;
const SECONDS: u32 = 20;
/// Files of a process that are no connections, more than enough.
const SPARE: u64 = 1500;
/// What one address has ports for, and one thread reads.
const MOST: usize = 25_000;
/// Deliveries a second of all nodes together: half of what two cores write and read.
const DELIVERIES: u32 = 100_000;
/// How long anything but the talking may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints the table.
///
/// # Errors
///
/// Where a server or a reader cannot be started, or nobody may speak.
pub fn run(connections: usize) -> Result<(), Failure> {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let fits = usize::try_from(files.saturating_sub(SPARE))?.max(1);
    let count = connections.div_ceil(fits);
    let nats = if count > 1 { Some(servers::broker()?) } else { None };
    let share = DELIVERIES / count as u32;
    let nodes = (0..count).map(|_| match &nats {
        Some(nats) => servers::node(nats, share),
        None => servers::airloom(Some(share)),
    });
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    let before = resident(&nodes)?;
    // Everybody's first word makes the room, so that readers come into one that lives.
    drop(Writer::connect(&nodes[0])?);
    let start = Instant::now();
    let mut parts = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let mut readers = connections / count + usize::from(index < connections % count);
        while readers > 0 {
            let some = readers.min(fits.min(MOST));
            parts.push(Part::start(node.port, parts.len(), some)?);
            readers -= some;
        }
    }
    for part in &mut parts {
        part.line("ready")?;
    }
    let came = start.elapsed();
    // Who came is told, and heads and buffers of requests are given back.
    std::thread::sleep(Duration::from_secs(3));
    let held = (resident(&nodes)?.saturating_sub(before)) / connections as u64;

    // A connection of its own: one that is silent for as long as all take to come is closed.
    let mut writer = Writer::connect(&nodes[0])?;
    std::thread::sleep(Duration::from_secs(1));
    let before = burnt(&nodes, nats.as_ref())?;
    let said = u64::from(RATE * SECONDS);
    let start = Instant::now();
    for number in 0..RATE * SECONDS {
        let due = start + Duration::from_secs(1) / RATE * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        writer.say(&micros().to_string())?;
    }
    let took = start.elapsed();
    // The last ticks.
    std::thread::sleep(Duration::from_secs(3));
    let cpu = burnt(&nodes, nats.as_ref())?.saturating_sub(before);
    let mut report = Report::default();
    for part in &mut parts {
        part.end()?;
        report.add(&Report::parse(&part.line("got ")?)?);
    }
    let due = said * connections as u64;
    println!("### Chat: {connections} connections on one machine, {RATE} messages/s\n");
    println!(
        "Server-sent events over HTTP/1.1 from {} source addresses of 127.0.1.0/24 to {count} server \
         process{} (a process may have {files} files open), {said} messages in {:.1} s. How old \
         a batch is when it is read counts from when its newest message was said, which is no later \
         than its tick; the first reader of each process has it right after that. CPU is of the servers{}, readers excluded.\n",
        parts.len(),
        if count > 1 { "es with NATS between them" } else { "" },
        took.as_secs_f64(),
        if count > 1 { " and NATS" } else { "" },
    );
    println!("| figure | |\n|---|---:|");
    println!("| all have come within | {:.1} s |", came.as_secs_f64());
    println!("| resident memory of the servers, an idle reader | {held} B |");
    println!("| messages delivered | {} of {due} |", report.entries);
    println!("| missing, told as a gap or not | {} |", report.missing);
    println!("| batches delivered, a second | {:.0} |", report.batches as f64 / took.as_secs_f64());
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("worst", 1.0)] {
        println!("| age of the newest message of a batch, {name} | {} ms |", report.ages.at(share));
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("worst", 1.0)] {
        println!(
            "| later than the first reader of its process, {name} | {} ms |",
            report.lags.at(share)
        );
    }
    let each = cpu.as_secs_f64() * 1e6 / report.entries.max(1) as f64;
    println!("| CPU a delivered message | {each:.2} us |\n");
    if report.entries == due && report.missing == 0 {
        Ok(())
    } else {
        Err(format!("{} of {due} were delivered", report.entries).into())
    }
}

fn resident(nodes: &[Server]) -> Result<u64, Failure> {
    nodes.iter().map(|node| node.process.resident()).sum()
}

fn burnt(nodes: &[Server], nats: Option<&Server>) -> Result<Duration, Failure> {
    nodes.iter().chain(nats).map(|server| server.process.cpu()).sum()
}

/// Who speaks, over one connection.
struct Writer {
    socket: TcpStream,
}

impl Writer {
    fn connect(node: &Server) -> Result<Self, Failure> {
        let socket = TcpStream::connect(("127.0.0.1", node.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut writer = Self { socket };
        let start = Instant::now();
        // Nobody orders the room's entries until a lease is given.
        while let Err(refused) = writer.say("0") {
            if start.elapsed() > PATIENCE {
                return Err(refused);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(writer)
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let body = format!("{{\"user\":\"speaker\",\"text\":\"{text}\"}}");
        let length = body.len();
        let request = format!(
            "POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.socket.write_all(request.as_bytes())?;
        let mut answer = [0; 4096];
        let read = self.socket.read(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer[..read]);
        if answer.starts_with("HTTP/1.1 202") { Ok(()) } else { Err(answer.into()) }
    }
}

/// A process of readers.
struct Part {
    child: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Part {
    fn start(port: u16, part: usize, readers: usize) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["read", "chat", &port.to_string(), &part.to_string(), &readers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let told = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Self { child, orders, told })
    }

    /// What it says behind `word`.
    fn line(&mut self, word: &str) -> Result<String, Failure> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        Ok(line.strip_prefix(word).ok_or("the readers have failed")?.trim().to_owned())
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(self.orders.write_all(b"end\n")?)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
