mod giving;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use airloom_chat::deflate::{GZIP, Window};
use airloom_chat::{RoomId, Take};
use bytes::Bytes;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;
use tracing::debug;

use super::super::Config;
use super::Newcomer;
use super::connection::Connection;
use super::entry::{Entry, Written};
use super::inbox::Inbox;
use super::room::Rooms;
use super::squeeze::Squeeze;

const INBOX: Token = Token(usize::MAX);
/// How often the heartbeats of a part of the readers are looked at.
const SLICE: Duration = Duration::from_millis(100);
/// A comment line and the end of an event that says nothing.
static HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// One thread's readers.
pub(super) struct Writer {
    poll: Poll,
    inbox: Arc<Inbox>,
    readers: Slab<Entry>,
    rooms: Rooms,
    /// The readers whose turn it is.
    scratch: Vec<u32>,
    /// When to ask again for those who may not be given more yet. One for each reader at most.
    waiting: BinaryHeap<Reverse<(Duration, usize)>>,
    start: Instant,
    /// Slices of the heartbeat wheel: how many a turn has, and which was the last.
    turn: u64,
    slice: u64,
    /// A round that is quicker slows no room.
    brisk: Duration,
    peer_timeout: Duration,
    send_buffer: Option<usize>,
    squeeze: Squeeze,
    written: Written,
}

impl Writer {
    pub(super) fn new(config: &Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(mio::Waker::new(poll.registry(), INBOX)?));
        Ok(Self {
            poll,
            inbox,
            readers: Slab::new(),
            rooms: Rooms::default(),
            scratch: Vec::new(),
            waiting: BinaryHeap::new(),
            start: Instant::now(),
            turn: (config.heartbeat.as_millis() / SLICE.as_millis()).max(1) as u64,
            slice: 0,
            brisk: config.room.interval / 2,
            peer_timeout: config.peer_timeout,
            send_buffer: config.send_buffer,
            squeeze: Squeeze::default(),
            written: Written::default(),
        })
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// Writes until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            if let Err(error) = self.poll.poll(&mut events, self.timeout())
                && error.kind() != io::ErrorKind::Interrupted
            {
                debug!(%error, "poll");
            }
            let waiting = self.inbox.take();
            if waiting.stop {
                return;
            }
            for newcomer in waiting.newcomers {
                self.admit(newcomer);
            }
            let now = self.start.elapsed();
            for (room, news) in waiting.batches {
                self.rooms.say(now, room, news);
            }
            for event in &events {
                if event.token() != INBOX {
                    let (read, write) = (event.is_readable(), event.is_writable());
                    let ended = event.is_error() || event.is_read_closed();
                    self.attend(event.token().0, ended, read, write);
                }
            }
            self.deliver();
            self.ask_again();
            self.beat();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.rooms.is_busy() {
            return Some(Duration::ZERO);
        }
        let (_, first) = self.readers.iter().next()?;
        let waits = self.waiting.peek().map(|Reverse((due, _))| *due);
        let waits = waits.map(|due| due.saturating_sub(first.seat.hub().now()));
        Some(waits.unwrap_or(SLICE).min(SLICE))
    }

    /// Takes in a reader: the head of its response goes out together with what it missed.
    fn admit(&mut self, newcomer: Newcomer) {
        let Newcomer { mut seat, socket, head, gzip } = newcomer;
        seat.hub().totals().fast.fetch_add(1, Ordering::Relaxed);
        seat.hub().totals().gzip.fetch_add(u64::from(gzip), Ordering::Relaxed);
        self.prepare(&socket);
        let mut socket = TcpStream::from_std(socket);
        let slot = self.readers.vacant_entry();
        let key = slot.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut socket, Token(key), interest) {
            debug!(%error, "a reader's socket");
            seat.hub().totals().fast.fetch_sub(1, Ordering::Relaxed);
            seat.hub().totals().gzip.fetch_sub(u64::from(gzip), Ordering::Relaxed);
            self.inbox.gone();
            return;
        }
        let place = self.rooms.enter(seat.room(), key as u32);
        seat.announce();
        let missed = seat.catch_up();
        let connection = Connection::new(socket);
        let window = gzip.then(Window::default);
        let spoke = self.slice as u32;
        slot.insert(Entry { seat, connection, window, place, spoke, waits: false });
        let (first, wait) = match missed {
            Take::Own(bytes) => (bytes, None),
            Take::Write(bytes) => (bytes.clone(), None),
            Take::Wait(until) => (Bytes::new(), Some(until)),
            Take::Nothing | Take::Behind => (Bytes::new(), None),
        };
        let Some(entry) = self.readers.get_mut(key) else { return };
        let opened = if gzip {
            let first = if first.is_empty() { first } else { self.squeeze.alone(&first) };
            let head = [&head[..], &GZIP].concat().into();
            entry.connection.write_all([&head, &first])
        } else {
            entry.connection.write_all([&head, &first])
        };
        self.written.note(&opened, 1);
        match (opened, wait) {
            (Err(error), _) => self.end(key, &error),
            (Ok(_), Some(until)) => self.wait(key, until),
            (Ok(_), None) => self.catch_up(key),
        }
    }

    fn prepare(&self, socket: &std::net::TcpStream) {
        let socket = SockRef::from(socket);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let _ = socket.set_tcp_user_timeout(Some(self.peer_timeout));
        if let Some(bytes) = self.send_buffer {
            let _ = socket.set_send_buffer_size(bytes);
        }
    }

    /// Something has happened to a socket.
    fn attend(&mut self, key: usize, ended: bool, read: bool, write: bool) {
        let Some(entry) = self.readers.get_mut(key) else { return };
        let mut outcome = Ok(());
        if ended {
            let error = entry.connection.socket.take_error().ok().flatten();
            outcome = Err(error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
        }
        if read && outcome.is_ok() {
            outcome = entry.connection.drain();
        }
        let stalled = !entry.connection.is_free();
        if write && stalled && outcome.is_ok() {
            outcome = entry.connection.flush();
        }
        match outcome {
            Err(error) => self.end(key, &error),
            // It was passed over meanwhile.
            Ok(()) if stalled => self.catch_up(key),
            Ok(()) => {}
        }
    }

    /// Lets those speak whose slice has come and who have been silent for a whole turn.
    fn beat(&mut self) {
        let now = (self.start.elapsed().as_millis() / SLICE.as_millis()) as u64;
        // After a long pause one turn does for all.
        let first = (self.slice + 1).max(now.saturating_sub(self.turn - 1));
        for slice in first..=now {
            let mut key = (slice % self.turn) as usize;
            // Keys are dense: the slab fills its holes first.
            while key < self.readers.capacity() {
                self.say_something(key, slice);
                key += self.turn as usize;
            }
        }
        self.slice = now;
    }

    fn say_something(&mut self, key: usize, slice: u64) {
        let Some(entry) = self.readers.get_mut(key) else { return };
        let silent = (slice as u32).wrapping_sub(entry.spoke) >= self.turn as u32;
        if silent && entry.connection.is_free() {
            entry.spoke = slice as u32;
            if let Err(error) = entry.write_own(&mut self.squeeze, &HEARTBEAT) {
                self.end(key, &error);
            }
        }
    }

    fn end(&mut self, key: usize, error: &io::Error) {
        let Some(mut entry) = self.readers.try_remove(key) else { return };
        let _ = self.poll.registry().deregister(&mut entry.connection.socket);
        if let Some(moved) = self.rooms.leave(entry.seat.room(), entry.place)
            && let Some(moved) = self.readers.get_mut(moved as usize)
        {
            moved.place = entry.place;
        }
        let totals = entry.seat.hub().totals();
        totals.fast.fetch_sub(1, Ordering::Relaxed);
        totals.gzip.fetch_sub(u64::from(entry.window.is_some()), Ordering::Relaxed);
        if error.kind() != io::ErrorKind::UnexpectedEof {
            totals.reaped.fetch_add(1, Ordering::Relaxed);
            debug!(%error, "a reader's connection");
        }
        self.inbox.gone();
    }

    fn tell(&mut self, room: &RoomId) {
        let Some(key) = self.rooms.first(room) else { return };
        let Some(entry) = self.readers.get(key as usize) else { return };
        let totals = entry.seat.hub().totals();
        let written = std::mem::take(&mut self.written);
        totals.deliveries.fetch_add(written.deliveries, Ordering::Relaxed);
        totals.delivered_bytes.fetch_add(written.bytes, Ordering::Relaxed);
    }
}
