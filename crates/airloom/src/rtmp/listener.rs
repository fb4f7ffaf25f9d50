use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::time::timeout;
use tracing::debug;

use super::Service;
use super::connection::{Connection, Parting};
use super::proxy::{FIXED, Proxied};
use crate::accept::accept;
#[cfg(feature = "tls")]
use crate::tls::Certificate;

/// How long a peer may take to hear the end of it.
const GOODBYE: Duration = Duration::from_secs(1);

/// A TCP listener for RTMP encoders and players.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    max_connections: usize,
    parting: Parting,
    proxied: bool,
    #[cfg(feature = "tls")]
    certificate: Option<Certificate>,
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
            parting: Parting { patience: Duration::from_secs(3), tc_url: None },
            proxied: false,
            #[cfg(feature = "tls")]
            certificate: None,
        })
    }

    /// Serves at most `connections` at once (default 10,000); further ones wait in the kernel's
    /// queue until one ends.
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// How long publishers may take, when the listener is told to stop, that are asked to connect
    /// anew (Enhanced RTMP v2, reconnect request): they go on until their next keyframe. Default
    /// 3 s. Peers that have not announced to understand that are told goodbye at once.
    #[must_use]
    pub const fn reconnect_within(mut self, patience: Duration) -> Self {
        self.parting.patience = patience;
        self
    }

    /// Where publishers are asked to connect, such as `rtmp://b.example/live`, when the listener is
    /// told to stop. By default to the same place, where a load balancer or a successor takes them.
    #[must_use]
    pub fn reconnect_to(mut self, tc_url: &str) -> Self {
        self.parting.tc_url = Some(tc_url.into());
        self
    }

    /// Takes connections from a load balancer that says in front of each whose it is (PROXY
    /// protocol, version 2); [`Service`]s then see that peer. A connection that does not begin so
    /// within [`Config::handshake_timeout`](super::Config) is closed.
    ///
    /// Only where nobody but the balancer can reach the port: anyone who can may claim any address.
    #[must_use]
    pub const fn proxy_protocol(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// Speaks TLS (`rtmps`), and nothing else: RTMP in the clear takes a listener of its own.
    ///
    /// The handshake may take [`Config::handshake_timeout`](super::Config). Behind a balancer that
    /// speaks the [PROXY protocol](Self::proxy_protocol) its header comes first, in the clear.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
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

    /// Serves connections until `shutdown` completes; then asks publishers to connect anew where
    /// they understand it, tells every other peer goodbye, and closes what is still open a second
    /// after the time [they have for it](Self::reconnect_within).
    pub async fn serve<S: Service>(self, service: S, shutdown: impl Future<Output = ()>) {
        let service = Arc::new(service);
        let patience = service.config().handshake_timeout;
        let proxied = self.proxied;
        let parting = self.parting;
        let drain = parting.patience + GOODBYE;
        #[cfg(feature = "tls")]
        let certificate = self.certificate;
        accept(self.socket, self.max_connections, drain, shutdown, |socket, peer, stopped| {
            let service = Arc::clone(&service);
            let parting = parting.clone();
            #[cfg(feature = "tls")]
            let certificate = certificate.clone();
            async move {
                let _ = socket.set_nodelay(true);
                let Some((socket, peer)) =
                    within(patience, peer, introduced(socket, peer, proxied)).await
                else {
                    return;
                };
                let connection = Connection::new(service, peer, stopped, parting);
                #[cfg(feature = "tls")]
                if let Some(certificate) = certificate {
                    if let Some(socket) =
                        within(patience, peer, certificate.accept_rtmp(socket)).await
                    {
                        connection.run_over(socket).await;
                    }
                    return;
                }
                connection.run(socket).await;
            }
        })
        .await;
    }
}

/// What comes of a step before the first byte of RTMP, which may take so long.
async fn within<T>(
    patience: Duration,
    peer: SocketAddr,
    step: impl Future<Output = io::Result<T>>,
) -> Option<T> {
    let step = async { timeout(patience, step).await.map_err(|_| io::ErrorKind::TimedOut)? };
    step.await.inspect_err(|error| debug!(%peer, %error, "never got as far as RTMP")).ok()
}

/// Reads what a balancer says of a connection, where there is one, and answers whose it is.
async fn introduced(
    mut socket: TcpStream,
    peer: SocketAddr,
    proxied: bool,
) -> io::Result<(TcpStream, SocketAddr)> {
    if !proxied {
        return Ok((socket, peer));
    }
    let malformed = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    // No byte more than the header: what follows is for others to read.
    let mut header = vec![0; FIXED];
    socket.read_exact(&mut header).await?;
    if let Some(fixed) = header.first_chunk() {
        let length = Proxied::length(fixed).map_err(malformed)?;
        header.resize(length, 0);
    }
    socket.read_exact(header.get_mut(FIXED..).unwrap_or_default()).await?;
    let proxied = Proxied::decode(&header).map_err(malformed)?;
    Ok((socket, proxied.peer(peer)))
}
