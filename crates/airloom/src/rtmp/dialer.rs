use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use airloom_rtmp::client::Target;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection, whatever it runs over.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

type Dialed<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Socket>>> + Send + 'a>>;

/// How connections to servers are made; by default over TCP.
///
/// One of your own is the place for TLS, a proxy, or a network that exists in a test only:
///
/// ```
/// use airloom::rtmp::Dialer;
/// use tokio::net::TcpStream;
///
/// // Everything goes through a tunnel on this machine.
/// let dialer = Dialer::new(|_target| TcpStream::connect("127.0.0.1:19350"));
/// ```
#[derive(Clone)]
pub struct Dialer(Arc<dyn Fn(Target) -> Dialed<'static> + Send + Sync>);

impl Dialer {
    /// A dialer that does what `connect` does. What it returns must be ready for the RTMP
    /// handshake; for targets that [are secure](Target::is_secure), TLS is its affair.
    pub fn new<S, F>(connect: impl Fn(Target) -> F + Send + Sync + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        Self(Arc::new(move |target| {
            let connecting = connect(target);
            Box::pin(async move {
                let socket: Box<dyn Socket> = Box::new(connecting.await?);
                Ok(socket)
            })
        }))
    }

    pub(super) async fn dial(&self, target: Target) -> io::Result<Box<dyn Socket>> {
        self.0(target).await
    }
}

impl Default for Dialer {
    fn default() -> Self {
        Self::new(tcp)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

async fn tcp(target: Target) -> io::Result<TcpStream> {
    if target.is_secure() {
        // Never in the clear what was meant to be secret.
        let words = "rtmps needs a dialer that speaks TLS";
        return Err(io::Error::new(io::ErrorKind::Unsupported, words));
    }
    let socket = TcpStream::connect((target.host(), target.port())).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}
