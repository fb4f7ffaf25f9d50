//! A TCP proxy that counts the requests which go through it, and can lose what is behind it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A proxy in front of an HTTP server, on a free port of the loopback, for as long as the test runs.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// `HOST:PORT`; nothing while the server is away.
    server: Option<String>,
    connections: Vec<TcpStream>,
    requests: HashMap<String, usize>,
}

impl Proxy {
    /// In front of `HOST:PORT`.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = Some(server.to_owned());
        let shared = Arc::new(Mutex::new(Shared { server, ..Shared::default() }));
        let state = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || pass(&client, &state));
            }
        });
        Self { address, shared }
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Cuts every connection, and all that come until there is a server again.
    pub fn lose(&self) {
        let mut shared = lock(&self.shared);
        shared.server = None;
        for connection in shared.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// From now on the server is this one.
    pub fn lead_to(&self, server: &str) {
        lock(&self.shared).server = Some(server.to_owned());
    }

    /// How often each path, with its query, was asked for.
    pub fn requests(&self) -> HashMap<String, usize> {
        lock(&self.shared).requests.clone()
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass(client: &TcpStream, shared: &Arc<Mutex<Shared>>) {
    let address = lock(shared).server.clone();
    let Some(server) = address.and_then(|address| TcpStream::connect(address).ok()) else { return };
    for socket in [client, &server] {
        let _ = socket.set_nodelay(true);
        lock(shared).connections.extend(socket.try_clone());
    }
    let back = (server.try_clone(), client.try_clone());
    let (Ok(from), Ok(to)) = back else { return };
    let answers = thread::spawn(move || copy(&from, &to, |_| {}));
    let mut line = Vec::new();
    copy(client, &server, |bytes| {
        for byte in bytes {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            // Requests have no bodies: what begins like one is one.
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            let path = text.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
            if let Some(path) = path {
                *lock(shared).requests.entry(path.to_owned()).or_default() += 1;
            }
        }
    });
    let _ = answers.join();
}

fn copy(mut from: &TcpStream, mut to: &TcpStream, mut look: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        look(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
