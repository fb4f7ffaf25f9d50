use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::debug;

use super::Service;
use super::connection::Connection;

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
        let places = Arc::new(Semaphore::new(self.max_connections));
        let (stop, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let place = tokio::select! {
                () = &mut shutdown => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let (socket, peer) = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of descriptors, or the peer is gone already: neither is ours to end.
                        debug!(%error, "accept");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                },
            };
            let connection = Connection::new(Arc::clone(&service), peer, stopped.clone());
            connections.spawn(async move {
                connection.run(socket).await;
                drop(place);
            });
        }
        let _ = stop.send(true);
        let drained = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.drain, drained).await;
    }
}
