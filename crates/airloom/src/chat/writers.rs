//! The fast path: a few threads that each write to many sockets.

mod connection;
mod entry;
mod inbox;
mod room;
mod squeeze;
mod writer;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airloom_chat::deflate::Deflated;
use airloom_chat::{Batch, RoomId};
use bytes::Bytes;

use super::Config;
use super::hub::Seat;
use inbox::Inbox;
use writer::Writer;

/// The threads, by what is handed to them.
#[derive(Debug)]
pub(super) struct Writers {
    inboxes: Vec<Arc<Inbox>>,
    next: AtomicUsize,
}

/// A reader that has just left HTTP: its place, its socket and the response's head.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) seat: Seat,
    pub(super) socket: TcpStream,
    pub(super) head: Bytes,
    /// Whether the head says `Content-Encoding: gzip`.
    pub(super) gzip: bool,
}

/// A batch on its way to readers.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) batch: Batch,
    /// The same compressed, where anybody wants it so.
    pub(super) deflated: Option<Deflated>,
}

impl Writers {
    /// Starts the threads, which end at [`stop`](Self::stop).
    pub(super) fn start(config: &Config) -> io::Result<Self> {
        let mut inboxes = Vec::with_capacity(config.writers.get());
        for index in 0..config.writers.get() {
            let writer = Writer::new(config)?;
            inboxes.push(writer.inbox());
            std::thread::Builder::new()
                .name(format!("chat-writer-{index}"))
                .spawn(move || writer.run())?;
        }
        Ok(Self { inboxes, next: AtomicUsize::new(0) })
    }

    /// Takes a reader in, on the thread whose turn it is.
    pub(super) fn add(&self, newcomer: Newcomer) {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len().max(1);
        if let Some(inbox) = self.inboxes.get(index) {
            inbox.add(newcomer);
        }
    }

    /// Gives all readers of a room its newest batch.
    pub(super) fn publish(&self, room: &RoomId, news: &News) {
        for inbox in &self.inboxes {
            inbox.publish(room, news);
        }
    }

    /// Closes every connection and ends the threads.
    pub(super) fn stop(&self) {
        for inbox in &self.inboxes {
            inbox.stop();
        }
    }
}
