use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Beyond this something is wrong, however busy the machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One request on a connection of its own.
pub(super) async fn request(address: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// Says something in a room.
pub(super) async fn say(address: SocketAddr, room: &str, user: &str, text: &str) -> Answer {
    let body = serde_json::json!({ "user": user, "text": text }).to_string();
    request(address, &format!("POST /api/rooms/{room}/messages"), "", &body).await
}

/// One event of a stream.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Value,
}

/// Somebody who reads a room over server-sent events.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) socket: TcpStream,
    pub(super) head: String,
    buffer: Vec<u8>,
    /// Comment lines so far.
    pub(super) beats: usize,
}

impl Reader {
    pub(super) async fn open(address: SocketAddr, room: &str, cursor: Option<&str>) -> Self {
        let headers = cursor.map(|it| format!("last-event-id: {it}\r\n")).unwrap_or_default();
        Self::with(address, &format!("/api/rooms/{room}/events"), &headers).await
    }

    pub(super) async fn with(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let text = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        socket.write_all(text.as_bytes()).await.unwrap();
        let mut reader = Self { socket, head: String::new(), buffer: Vec::new(), beats: 0 };
        let head = reader.until(b"\r\n\r\n").await.expect("a response");
        reader.head = head.to_lowercase();
        assert!(reader.head.starts_with("http/1.1 200"), "{}", reader.head);
        reader
    }

    /// What has been read and not looked at.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Text up to a mark, the mark left out; nothing at the end.
    async fn until(&mut self, mark: &[u8]) -> Option<String> {
        loop {
            let found = self.buffer.windows(mark.len()).position(|bytes| bytes == mark);
            if let Some(at) = found {
                let rest = self.buffer.split_off(at + mark.len());
                let mut text = std::mem::replace(&mut self.buffer, rest);
                text.truncate(at);
                return Some(String::from_utf8(text).unwrap());
            }
            let read = self.socket.read_buf(&mut self.buffer);
            match tokio::time::timeout(PATIENCE, read).await.expect("something to read") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next event that is not about presence; nothing at the end.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.any().await?;
            if event.name != "presence" {
                return Some(event);
            }
        }
    }

    /// The next event; nothing at the end.
    pub(super) async fn any(&mut self) -> Option<Event> {
        loop {
            let text = self.until(b"\n\n").await?;
            if text == ":" {
                self.beats += 1;
                continue;
            }
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().to_owned()
            };
            let data = field("data: ");
            let data = serde_json::from_str(&data).unwrap_or_else(|e| panic!("{e}: {text}"));
            return Some(Event { name: field("event: "), id: field("id: "), data });
        }
    }

    /// Reads until an entry of that text has come; the texts and where the reader then stands.
    pub(super) async fn read_to(&mut self, last: &str) -> (Vec<String>, String) {
        let mut texts = Vec::new();
        let mut cursor = String::new();
        while let Some(event) = self.next().await {
            if event.name == "batch" {
                cursor.clone_from(&event.id);
                texts.extend(
                    entries(&event)
                        .iter()
                        .filter_map(|entry| entry["text"].as_str().map(str::to_owned)),
                );
            }
            if texts.last().is_some_and(|text| text == last) {
                return (texts, cursor);
            }
        }
        panic!("ended before {last}: {texts:?}");
    }
}

pub(super) fn entries(event: &Event) -> Vec<Value> {
    event.data["entries"].as_array().cloned().unwrap_or_default()
}
