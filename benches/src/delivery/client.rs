//! A client that costs little: a request as it stands, and an answer of known length.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

pub struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(port: u16) -> io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: vec![0; 2048] })
    }

    /// One that takes much at once.
    pub async fn wide(port: u16) -> io::Result<Self> {
        Ok(Self { buffer: vec![0; 256 << 10], ..Self::connect(port).await? })
    }

    pub async fn ask(&mut self, path: &str) -> io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        self.socket.write_all(request.as_bytes()).await
    }

    /// Waits for an answer to begin, reads it to its end, and says how long its body was; what was
    /// at hand with the head goes to `first`.
    pub async fn answer(&mut self, first: impl FnOnce()) -> Result<u64, Failure> {
        let mut filled = self.socket.read(&mut self.buffer).await?;
        first();
        let (end, length) = loop {
            if filled == 0 {
                return Err("the connection ended".into());
            }
            let text = &self.buffer[..filled];
            if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
                if !head.starts_with("http/1.1 200") {
                    return Err(head.lines().next().unwrap_or_default().to_owned().into());
                }
                let length = head.split("content-length: ").nth(1).ok_or("no length")?;
                let length: u64 = length.lines().next().unwrap_or_default().trim().parse()?;
                break (end + 4, length);
            }
            match self.socket.read(&mut self.buffer[filled..]).await? {
                0 => filled = 0,
                more => filled += more,
            }
        };
        let mut left = length.checked_sub((filled - end) as u64).ok_or("more than one answer")?;
        while left > 0 {
            match self.socket.read(&mut self.buffer).await? {
                0 => return Err("the connection ended in a body".into()),
                count => left = left.checked_sub(count as u64).ok_or("more than one answer")?,
            }
        }
        Ok(length)
    }

    pub async fn get(&mut self, path: &str) -> Result<u64, Failure> {
        self.ask(path).await?;
        self.answer(|| ()).await
    }
}

/// A body by a connection of its own.
pub async fn fetch(port: u16, path: &str) -> Result<Vec<u8>, Failure> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no head")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(format!("{path}: {}", String::from_utf8_lossy(&answer[..end])).into());
    }
    Ok(answer.split_off(end + 4))
}
