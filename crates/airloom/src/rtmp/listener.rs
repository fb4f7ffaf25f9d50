use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};

use super::Service;
use super::connection::Connection;
use crate::accept::accept;

/// A TCP listener for RTMP encoders and players.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    max_connections: usize,
    drain: Duration,
}

impl Listener {
    /// Binds to `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// What the system says: the port is taken, the address is not of this machine.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            max_connections: 10_000,
            drain: Duration::from_secs(1),
        })
    }

    /// Serves at most `connections` at once (default 10,000); further ones wait in the kernel's
    /// queue until one ends.
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections until `shutdown` completes; then tells every peer goodbye, and closes
    /// what is still open a second later.
    pub async fn serve<S: Service>(self, service: S, shutdown: impl Future<Output = ()>) {
        let service = Arc::new(service);
        accept(self.socket, self.max_connections, self.drain, shutdown, |socket, peer, stopped| {
            Connection::new(Arc::clone(&service), peer, stopped).run(socket)
        })
        .await;
    }
}
