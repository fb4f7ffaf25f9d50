use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

#[cfg(feature = "tls")]
use crate::tls::Roots;
#[cfg(feature = "tls")]
use tokio_rustls::client::TlsStream;

/// Connects over TCP, and over TLS where the URL says `https` and the feature `tls` is there.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    within: Duration,
    /// Whom to believe; whom the system does, without.
    #[cfg(feature = "tls")]
    roots: Option<Roots>,
}

impl Connector {
    /// One that gives up after `within`, TLS included.
    pub(crate) fn new(within: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        Self {
            tcp,
            within,
            #[cfg(feature = "tls")]
            roots: None,
        }
    }

    /// The same, believing servers that `roots` vouch for.
    #[cfg(feature = "tls")]
    pub(crate) fn with_roots(self, roots: Roots) -> Self {
        Self { roots: Some(roots), ..self }
    }

    async fn connect(mut self, uri: Uri) -> io::Result<TokioIo<Socket>> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        #[cfg(not(feature = "tls"))]
        if secure {
            // Never in the clear what was meant to be secret.
            let words = "https needs the feature `tls`";
            return Err(io::Error::new(io::ErrorKind::Unsupported, words));
        }
        #[cfg(feature = "tls")]
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let socket = self.tcp.call(uri).await.map_err(io::Error::other)?.into_inner();
        #[cfg(feature = "tls")]
        if secure {
            let roots = match &self.roots {
                Some(roots) => roots,
                None => crate::tls::system_roots()?,
            };
            let socket = Box::new(roots.connect(&host, socket).await?);
            return Ok(TokioIo::new(Socket::Tls(socket)));
        }
        Ok(TokioIo::new(Socket::Plain(socket)))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (within, connecting) = (self.within, self.clone().connect(uri));
        Box::pin(async move {
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            tokio::time::timeout(within, connecting).await.map_err(late)?
        })
    }
}

/// A connection, whatever it runs over.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Hands a call on to what it runs over.
macro_rules! on {
    ($socket:expr, $inner:ident => $call:expr) => {
        match $socket.get_mut() {
            Socket::Plain(inner) => {
                let $inner = Pin::new(inner);
                $call
            }
            #[cfg(feature = "tls")]
            Socket::Tls(inner) => {
                let $inner = Pin::new(inner);
                $call
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on!(self, socket => socket.poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on!(self, socket => socket.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on!(self, socket => socket.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, socket => socket.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, socket => socket.poll_shutdown(context))
    }
}
