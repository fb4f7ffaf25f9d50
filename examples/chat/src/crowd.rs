//! The crowd: readers over real connections, thousands in a process, each process one thread.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::figures::{Figures, micros};

/// Readers of one process: their sockets take half of what many systems allow it.
const PART: usize = 10_000;

/// The processes of the crowd, and what they tell each second.
pub(crate) struct Crowd {
    pub(crate) told: mpsc::Receiver<(usize, Figures)>,
    pub(crate) parts: usize,
    _processes: Vec<Child>,
}

/// Starts the processes.
pub(crate) fn bring(address: SocketAddr, size: usize) -> io::Result<Crowd> {
    let parts = size.div_ceil(PART);
    let (tell, told) = mpsc::channel(parts * 4);
    let mut processes = Vec::new();
    for part in 0..parts {
        let readers = PART.min(size - part * PART);
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--http", &address.to_string(), "--crowd", &readers.to_string()])
            .args(["--part", &part.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (tell, output) = (tell.clone(), process.stdout.take());
        tokio::spawn(async move {
            let Some(output) = output else { return };
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(figures) = Figures::parse(&line) {
                    let _ = tell.send((part, figures)).await;
                }
            }
        });
        processes.push(process);
    }
    Ok(Crowd { told, parts, _processes: processes })
}

/// What a process of the crowd does: connects, reads for ever, and prints figures each second.
pub(crate) fn read(
    server: SocketAddr,
    path: &str,
    part: u8,
    readers: usize,
) -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut sockets = Vec::with_capacity(readers);
    let request = format!("GET {path} HTTP/1.1\r\nhost: {server}\r\n\r\n");
    let (entry, text) = (Finder::new(b"{\"offset\":"), Finder::new(b"\"text\":\""));
    let (mut events, mut buffer) = (Events::with_capacity(4096), vec![0; 256 << 10]);
    let mut figures = Figures::default();
    let mut next = Instant::now() + Duration::from_secs(1);
    loop {
        if sockets.len() < readers {
            for _ in 0..200.min(readers - sockets.len()) {
                let mut socket = connect(server, part)?;
                socket.write_all(request.as_bytes())?;
                let token = Token(sockets.len());
                poll.registry().register(&mut socket, token, Interest::READABLE)?;
                sockets.push(socket);
            }
        }
        let wait = if sockets.len() < readers { Duration::ZERO } else { next - Instant::now() };
        poll.poll(&mut events, Some(wait))?;
        for event in &events {
            let Some(socket) = sockets.get_mut(event.token().0) else { continue };
            loop {
                match socket.read(&mut buffer) {
                    Ok(0) => return Err("the server has closed".into()),
                    Ok(read) => {
                        let bytes = buffer.get(..read).unwrap_or_default();
                        note(&mut figures, bytes, &entry, &text);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            figures.readers = sockets.len();
            println!("{}", std::mem::take(&mut figures).line());
        }
        next = next.max(Instant::now());
    }
}

/// Counts the entries of what was read, and how old the newest is.
fn note(figures: &mut Figures, bytes: &[u8], entry: &Finder<'_>, text: &Finder<'_>) {
    let entries = entry.find_iter(bytes).count();
    figures.entries += entries as u64;
    let Some(last) = text.find_iter(bytes).last().filter(|_| entries > 0) else { return };
    let digits = bytes.get(last + 8..).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let said = digits.fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    figures.batches += 1;
    figures.ages.push(micros().saturating_sub(said));
}

fn connect(server: SocketAddr, part: u8) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // One address has some 28,000 ports to connect from.
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, part.saturating_add(1)), 0));
    socket.bind(&from.into())?;
    socket.connect(&server.into())?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
}
