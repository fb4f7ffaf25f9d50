use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::watch;
use tracing::debug;

use super::deadline::{Deadlined, WriteDeadline};
use super::detach::{Answered, Detached, Handover};
use crate::accept::accept;

/// What a [`Listener`] allows its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Connections served at once; further ones wait in the kernel's queue until one ends.
    /// Default 20,000: about 2.5 KB each before the first request and while one is suspended, 24 KB
    /// otherwise.
    pub max_connections: usize,
    /// How long a request's head may take to arrive, and how long a connection may be idle before
    /// the next request. Default 75 s, above the interval at which any player reloads.
    pub header_timeout: Duration,
    /// How long a peer may take nothing of what is being written to it. Default 20 s.
    pub stall_timeout: Duration,
    /// How long requests under way may go on once the listener is told to stop. Default 3 s.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            header_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(20),
            drain: Duration::from_secs(3),
        }
    }
}

/// A TCP listener that serves a [`Router`] over HTTP/1.1 and HTTP/2 with prior knowledge (h2c).
///
/// It differs from `axum::serve` in what it does with bad peers: see [`Config`] and
/// [`WriteDeadline`]. Handlers find the peer's address as `ConnectInfo<SocketAddr>`.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    config: Config,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Certificate>,
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
            config: Config::default(),
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// The same listener with other limits.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The same listener speaking TLS, and nothing else. A peer has
    /// [`Config::header_timeout`] for its handshake.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, certificate: crate::tls::Certificate) -> Self {
        self.tls = Some(certificate);
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

    /// Serves `router` until `shutdown` completes, then lets requests under way finish within
    /// [`Config::drain`] and closes every connection.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) {
        #[cfg(feature = "tls")]
        let certificate = self.tls;
        let Self { socket, config, .. } = self;
        let (most, drain) = (config.max_connections, config.drain);
        let config = Arc::new(config);
        accept(socket, most, drain, shutdown, |socket, peer, stopped| {
            // A part is written whole: waiting to fill a packet only adds latency.
            let _ = socket.set_nodelay(true);
            let (router, config) = (router.clone(), Arc::clone(&config));
            #[cfg(feature = "tls")]
            let certificate = certificate.clone();
            async move {
                #[cfg(feature = "tls")]
                if let Some(certificate) = certificate {
                    let handshake = certificate.accept_http(socket);
                    match tokio::time::timeout(config.header_timeout, handshake).await {
                        Ok(Ok(socket)) => {
                            let http = connection(socket, None, peer, router, config, stopped);
                            Box::pin(http).await;
                        }
                        Ok(Err(error)) => debug!(%peer, %error, "handshake"),
                        Err(_) => debug!(%peer, "handshake took too long"),
                    }
                    return;
                }
                plain(socket, peer, router, config, stopped).await;
            }
        })
        .await;
    }
}

/// Serves a connection without TLS. HTTP, with its parser, its buffers and its timers, is there only
/// while there is something to read or to write: a request that was suspended waits without it, and
/// so does the connection for the next request after that one.
async fn plain(
    mut socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    config: Arc<Config>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let mut first = [0];
        let come = tokio::select! {
            come = tokio::time::timeout(config.header_timeout, socket.peek(&mut first)) => come,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        if !matches!(come, Ok(Ok(1..))) {
            return;
        }
        let handover = Handover::default();
        let lent = handover.lend(socket);
        let (router, http, stopped) = (router.clone(), Arc::clone(&config), stopped.clone());
        Box::pin(connection(lent, Some(handover.clone()), peer, router, http, stopped)).await;
        let Some(pending) = handover.complete() else { return };
        drop(handover);
        let Some(answered) = pending.answered().await else { return };
        socket = if answered.rest.is_empty() {
            answered.socket
        } else {
            let Ok(socket) = Box::pin(write_rest(answered, config.stall_timeout)).await else {
                return;
            };
            socket
        };
    }
}

/// Writes what the socket did not take at once.
async fn write_rest(answered: Answered, stall: Duration) -> io::Result<TcpStream> {
    let Answered { socket, rest, within } = answered;
    let deadline = WriteDeadline::default();
    deadline.within(within);
    let mut socket = Deadlined::new(socket, stall, deadline);
    for mut bytes in rest {
        socket.write_all_buf(&mut bytes).await?;
    }
    Ok(socket.into_inner())
}

/// Serves one connection. A socket without TLS has a `handover`, by which a handler may take it.
async fn connection(
    socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    handover: Option<Handover>,
    peer: SocketAddr,
    router: Router,
    config: Arc<Config>,
    mut stopped: watch::Receiver<bool>,
) {
    let deadline = WriteDeadline::default();
    let socket = TokioIo::new(Deadlined::new(socket, config.stall_timeout, deadline.clone()));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(deadline.clone());
        let taken = handover.clone().and_then(|it| Some((it.offer(&request)?, it)));
        if let Some((offered, _)) = &taken {
            let offered = *offered;
            request.extensions_mut().insert(offered);
        }
        let router = router.clone();
        async move {
            let Ok(mut response) = tower_service::Service::call(&mut { router }, request).await;
            if let Some((offered, handover)) = taken {
                handover.note(offered, &mut response)?;
            }
            Ok::<_, Detached>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(config.stall_timeout);
    let mut connection = Box::pin(builder.serve_connection_with_upgrades(socket, service));
    let stopped = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
    tokio::pin!(stopped);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        connection.as_mut().await
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended");
    }
}
