//! A web server that notes what it is sent, and answers, or does not, as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::wait;

/// What a receiver does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Answers with a status and a body.
    Says(u16, &'static str),
    /// Answers with a status and a `Location`.
    Leads(u16, String),
    /// Reads, and never answers.
    Hangs,
    /// Answers with something that is no HTTP.
    Babbles,
    /// Hangs up.
    HangsUp,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Request {
    /// The path, with its query.
    pub path: String,
    /// `content-type`.
    pub content_type: String,
    /// `webhook-id`, where there is one.
    pub id: String,
    /// The body, as text.
    pub body: String,
}

impl Request {
    /// A field of a form; panics where there is none.
    pub fn field(&self, name: &str) -> String {
        let field = self.fields().into_iter().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no {name}: {}", self.body)).1
    }

    /// The fields of a form, in order.
    pub fn fields(&self) -> Vec<(String, String)> {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decode(name), decode(value))).collect()
    }
}

/// One on a port of the loopback, for as long as the process lives.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    came: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    /// Starts one on a free port.
    pub fn start(manner: Manner) -> Self {
        Self::at(0, manner)
    }

    /// Starts one on a port.
    pub fn at(port: u16, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (manner, came) = (Arc::new(Mutex::new(manner)), Arc::default());
        let receiver = Self { port, manner: Arc::clone(&manner), came: Arc::clone(&came) };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (manner, came) = (Arc::clone(&manner), Arc::clone(&came));
                std::thread::spawn(move || drop(serve(socket, &manner, &came)));
            }
        });
        receiver
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// How it behaves from now on.
    pub fn is(&self, manner: Manner) {
        *self.manner.lock().expect("a lock") = manner;
    }

    /// What came to a path so far.
    pub fn came(&self, path: &str) -> Vec<Request> {
        let came = self.came.lock().expect("a lock");
        came.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits until so many requests came to a path.
    pub fn wait_for(&self, path: &str, count: usize, limit: Duration) -> Vec<Request> {
        wait::until(limit, &format!("{count} requests for {path}"), || {
            Some(self.came(path)).filter(|came| came.len() >= count)
        })
    }
}

fn serve(
    mut socket: TcpStream,
    manner: &Mutex<Manner>,
    came: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    came.lock().expect("a lock").push(Request {
        path,
        content_type: header("content-type"),
        id: header("webhook-id"),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let manner = manner.lock().expect("a lock").clone();
    let (status, location, text) = match manner {
        Manner::Says(status, text) => (status, String::new(), text),
        Manner::Leads(status, to) => (status, format!("Location: {to}\r\n"), ""),
        Manner::Babbles => return socket.write_all(b"220 mail.example ESMTP\r\n"),
        Manner::HangsUp => return Ok(()),
        Manner::Hangs => {
            // Until the other side has had enough.
            return reader.read_to_end(&mut body).map(drop);
        }
    };
    let length = text.len();
    write!(
        socket,
        "HTTP/1.1 {status} X\r\n{location}Content-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

/// Percent-decoding of a form.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = more;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        assert_eq!(decode("a+b%2Fc%"), "a b/c%");
    }
}
