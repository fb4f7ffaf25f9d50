//! A process of many readers in one thread, which checks what each of them gets.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::Failure;

/// What all readers of a process got.
#[derive(Debug, Default)]
pub struct Report {
    pub entries: u64,
    pub batches: u64,
    /// Entries between two that a reader got.
    pub missing: u64,
    /// How many batches were how old, in milliseconds.
    pub ages: Spread,
    /// How much later they came than to the first reader of the process, in milliseconds.
    pub lags: Spread,
    /// When a batch came first, by when its newest message was said.
    first: BTreeMap<u64, u64>,
}

/// How often something took how many milliseconds.
#[derive(Debug, Default)]
pub struct Spread(BTreeMap<u64, u64>);

impl Spread {
    fn note(&mut self, micros: u64) {
        *self.0.entry(micros.div_ceil(1000)).or_default() += 1;
    }

    fn words(&self) -> String {
        self.0.iter().map(|(time, count)| format!(" {time}:{count}")).collect()
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let mut spread = BTreeMap::new();
        for word in text.split_whitespace() {
            let (time, count) = word.split_once(':').ok_or("a time without a count")?;
            spread.insert(time.parse()?, count.parse()?);
        }
        Ok(Self(spread))
    }

    fn add(&mut self, other: &Self) {
        for (time, count) in &other.0 {
            *self.0.entry(*time).or_default() += count;
        }
    }

    /// What such a share of all do not exceed, in milliseconds.
    pub fn at(&self, share: f64) -> u64 {
        let total: u64 = self.0.values().sum();
        let mut left = (total as f64 * share).ceil() as u64;
        for (time, count) in &self.0 {
            left = left.saturating_sub(*count);
            if left == 0 {
                return *time;
            }
        }
        0
    }
}

impl Report {
    fn line(&self) -> String {
        let Self { entries, batches, missing, ages, lags, .. } = self;
        format!("got {entries} {batches} {missing};{};{}", ages.words(), lags.words())
    }

    pub fn parse(line: &str) -> Result<Self, Failure> {
        let mut parts = line.split(';');
        let mut part = || parts.next().ok_or("a part is missing");
        let mut words = part()?.split(' ');
        let mut number =
            || -> Result<u64, Failure> { Ok(words.next().ok_or("a number is missing")?.parse()?) };
        let (entries, batches, missing) = (number()?, number()?, number()?);
        let (ages, lags) = (Spread::parse(part()?)?, Spread::parse(part()?)?);
        Ok(Self { entries, batches, missing, ages, lags, ..Self::default() })
    }

    pub fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.batches += other.batches;
        self.missing += other.missing;
        self.ages.add(&other.ages);
        self.lags.add(&other.lags);
    }
}

/// One reader: its socket, the offset it is to get next, and an event of which the end is to come.
struct Reader {
    socket: TcpStream,
    /// Whether its response has begun.
    came: bool,
    next: Option<u64>,
    rest: Vec<u8>,
}

struct Marks {
    batch: Finder<'static>,
    entry: Finder<'static>,
    text: Finder<'static>,
}

/// Connects `count` readers from an address of the `part`'s own, says when all have their response,
/// and reads until it is told to end.
///
/// # Errors
///
/// Where one cannot connect or is let go.
pub fn run(port: u16, part: u8, count: usize) -> Result<(), Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ended);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0; 16]);
        told.store(true, Ordering::Release);
    });
    let marks = Marks {
        batch: Finder::new("event: batch"),
        entry: Finder::new("{\"offset\":"),
        text: Finder::new("\"text\":\""),
    };
    let mut poll = Poll::new()?;
    let (mut events, mut buffer) = (Events::with_capacity(4096), vec![0; 256 << 10]);
    let mut readers: Vec<Reader> = Vec::with_capacity(count);
    let (mut welcomed, mut report) = (0, Report::default());
    while !ended.load(Ordering::Acquire) {
        for _ in readers.len()..count.min(readers.len() + 100) {
            let mut socket = connect(port, part)?;
            socket.write_all(b"GET /api/rooms/lobby/events HTTP/1.1\r\nHost: x\r\n\r\n")?;
            poll.registry().register(&mut socket, Token(readers.len()), Interest::READABLE)?;
            readers.push(Reader { socket, came: false, next: None, rest: Vec::new() });
        }
        let coming = readers.len() < count;
        poll.poll(&mut events, Some(Duration::from_millis(if coming { 0 } else { 100 })))?;
        for event in &events {
            let Some(reader) = readers.get_mut(event.token().0) else { continue };
            loop {
                match reader.socket.read(&mut buffer) {
                    Ok(0) => return Err("a reader was let go".into()),
                    Ok(read) => {
                        if !std::mem::replace(&mut reader.came, true) {
                            welcomed += 1;
                            if welcomed == count {
                                println!("ready");
                            }
                        }
                        reader.take(&buffer[..read], &marks, &mut report);
                        if read < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    println!("{}", report.line());
    Ok(())
}

impl Reader {
    /// Looks at the events that are whole.
    fn take(&mut self, bytes: &[u8], marks: &Marks, report: &mut Report) {
        if self.rest.is_empty() && bytes.ends_with(b"\n\n") {
            return self.note(bytes, marks, report);
        }
        self.rest.extend_from_slice(bytes);
        let end = self.rest.windows(2).rposition(|two| two == b"\n\n").map_or(0, |at| at + 2);
        let rest = self.rest.split_off(end);
        let whole = std::mem::replace(&mut self.rest, rest);
        self.note(&whole, marks, report);
    }

    fn note(&mut self, bytes: &[u8], marks: &Marks, report: &mut Report) {
        // What was there before counts as known: a message of the greeting says no time.
        for at in marks.entry.find_iter(bytes) {
            let offset = number(&bytes[at + 10..]);
            if let Some(next) = self.next {
                report.missing += offset.abs_diff(next);
            }
            self.next = Some(offset + 1);
        }
        let times = marks.text.find_iter(bytes).map(|at| number(&bytes[at + 8..]));
        let (mut said, mut newest) = (0, 0);
        for time in times.filter(|time| *time > 0) {
            said += 1;
            newest = time;
        }
        if said > 0 {
            report.entries += said;
            report.batches += marks.batch.find_iter(bytes).count() as u64;
            let now = micros();
            report.ages.note(now.saturating_sub(newest));
            let first = *report.first.entry(newest).or_insert(now);
            report.lags.note(now.saturating_sub(first));
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn connect(port: u16, part: u8) -> Result<TcpStream, Failure> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // One address has some 28,000 ports to connect from.
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, part.saturating_add(1)), 0));
    socket.bind(&from.into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
}

/// Microseconds since 1970, by the clock that all processes of a machine share.
pub fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}
