//! A publisher that costs the machine as little as possible: everything it sends is encoded before.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::Failure;
use crate::input::{ChunkWriter, Input, Kind, Tag, publish_commands};

/// How long a server may take to answer, or to read what it was sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The input as chunks: once with all its headers, and once so that it can follow itself for ever.
#[derive(Debug)]
pub struct Recording {
    chunk_size: usize,
    /// A message each.
    first: Vec<Bytes>,
    again: Vec<Bytes>,
    /// Of `first`: how many messages up to and with the first picture.
    opening: usize,
}

impl Recording {
    pub fn new(input: &Input, chunk_size: usize) -> Self {
        let mut writer = ChunkWriter::new(chunk_size);
        let mut buffer = BytesMut::new();
        let mut encode = |tag: &Tag| {
            writer.write(tag, &mut buffer);
            buffer.split().freeze()
        };
        let first = input.tags.iter().map(&mut encode).collect();
        let picture = |tag: &Tag| tag.kind == Kind::Video && tag.is_sample();
        let opening = input.tags.iter().position(picture).map_or(0, |index| index + 1);
        // Type 1 headers carry differences, so what follows is the same every time.
        let last = input.tags.last().map_or(0, |tag| tag.timestamp);
        let later = |tag: &Tag| Tag { timestamp: tag.timestamp + last + 33, ..tag.clone() };
        let again = input.samples().map(|tag| encode(&later(tag))).collect();
        Self { chunk_size, first, again, opening }
    }

    /// Bytes of so many repeats.
    pub fn len(&self, repeats: u32) -> u64 {
        let sum = |messages: &[Bytes]| messages.iter().map(|message| message.len() as u64).sum();
        let (first, again): (u64, u64) = (sum(&self.first), sum(&self.again));
        first + u64::from(repeats.saturating_sub(1)) * again
    }

    /// The messages of so many repeats.
    pub fn messages(&self, repeats: u32) -> impl Iterator<Item = &Bytes> {
        let again = (1..repeats).flat_map(|_| &self.again);
        self.first.iter().take(if repeats == 0 { 0 } else { usize::MAX }).chain(again)
    }

    /// Bytes up to and with the first picture.
    pub fn first_len(&self) -> usize {
        self.first[..self.opening].iter().map(Bytes::len).sum()
    }
}

/// A connection that publishes.
#[derive(Debug)]
pub struct Publisher {
    socket: TcpStream,
    /// Closed when the server has closed.
    closed: Receiver<()>,
}

impl Publisher {
    /// Connects and, where the server speaks RTMP, waits until it may send.
    pub fn connect(
        port: u16,
        name: &str,
        recording: &Recording,
        speaks_rtmp: bool,
    ) -> Result<Self, Failure> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let commands = publish_commands(recording.chunk_size, port, name).concat();
        if speaks_rtmp {
            // Simple handshake: version 3, no digest; the answer is sent back as it should be.
            let mut hello = vec![3];
            hello.resize(1537, 0);
            socket.write_all(&hello)?;
            let mut answer = vec![0; 3073];
            socket.read_exact(&mut answer)?;
            socket.write_all(&answer[1..1537])?;
            socket.write_all(&commands)?;
            wait_for(&mut socket, b"NetStream.Publish.Start")?;
        } else {
            socket.write_all(&commands)?;
        }
        // Acknowledgements and pings have to be read, or the server waits for room.
        let (sender, closed) = channel::<()>();
        let mut reader = socket.try_clone()?;
        reader.set_read_timeout(None)?;
        std::thread::spawn(move || {
            let _keep = sender;
            let mut sink = [0; 4096];
            while reader.read(&mut sink).is_ok_and(|count| count > 0) {}
        });
        Ok(Self { socket, closed })
    }

    /// Sends the whole input so many times, one after the other, a write a message as encoders do.
    pub fn send(&mut self, recording: &Recording, repeats: u32) -> Result<(), Failure> {
        for message in recording.messages(repeats) {
            self.socket.write_all(message)?;
        }
        Ok(())
    }

    /// Sends one message of a recording.
    pub fn send_message(&mut self, message: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.write_all(message)?)
    }

    /// Sends everything up to and with the first picture.
    pub fn send_first(&mut self, recording: &Recording) -> Result<(), Failure> {
        for message in &recording.first[..recording.opening] {
            self.socket.write_all(message)?;
        }
        Ok(())
    }

    /// Ends the connection, and waits until the server has read to its end.
    pub fn finish(self) -> Result<(), Failure> {
        self.socket.shutdown(Shutdown::Write)?;
        match self.closed.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            _ => Err("does not read to the end".into()),
        }
    }
}

fn wait_for(socket: &mut TcpStream, wanted: &[u8]) -> Result<(), Failure> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err("closes the connection".into());
        }
        answer.extend_from_slice(&buffer[..count]);
        if answer.windows(wanted.len()).any(|window| window == wanted) {
            return Ok(());
        }
    }
}
