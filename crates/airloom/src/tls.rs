//! TLS, with the feature `tls`: what a server shows, and whom a client believes; for RTMPS and HTTPS
//! alike.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Why TLS cannot be spoken with what was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// What should be PEM is none, or holds nothing of the kind asked for.
    #[error("{what}: {error}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        error: pem::Error,
    },
    /// There is no certificate.
    #[error("no certificate")]
    NoCertificate,
    /// Key and certificate do not go together, or are of a kind that is not supported.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// What listeners show to those who come over TLS, 1.2 or 1.3. Cloning shares it: one serves
/// [`rtmp::Listener`](crate::rtmp::Listener) and [`http::Listener`](crate::http::Listener), which
/// offers HTTP/2 before HTTP/1.1 with it. Browsers speak HTTP/2 over TLS only, and some of Apple's
/// players want HTTP/2 for Low-Latency HLS.
///
/// ```no_run
/// use airloom::tls::Certificate;
/// use airloom::{http, rtmp};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let certificate = Certificate::from_pem(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let encoders = rtmp::Listener::bind("[::]:1936").await?.tls(certificate.clone());
/// let viewers = http::Listener::bind("[::]:443").await?.with_tls(certificate.clone());
/// // … weeks later, without a restart:
/// certificate.renew(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Certificate(Arc<RwLock<Shown>>);

/// The same certificate, by what is spoken under it.
struct Shown {
    rtmp: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

impl Certificate {
    /// Reads a chain of certificates, its own first, and its key (PKCS#8, PKCS#1 or SEC1), both PEM.
    /// One file that holds both may be given twice.
    ///
    /// # Errors
    ///
    /// [`TlsError`], by what is wrong.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Shown::read(chain, key)?))))
    }

    /// Shows another certificate to all who come from now on; connections that are open stay.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem); the one before is kept then.
    pub fn renew(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let shown = Shown::read(chain, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    pub(crate) async fn accept_rtmp<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
    ) -> io::Result<server::TlsStream<S>> {
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).rtmp);
        TlsAcceptor::from(config).accept(socket).await
    }

    pub(crate) async fn accept_http<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
    ) -> io::Result<server::TlsStream<S>> {
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).http);
        TlsAcceptor::from(config).accept(socket).await
    }
}

impl Shown {
    fn read(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem { what: "private key", error })?;
        let rtmp = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain(certificates)?, key)?;
        let mut http = rtmp.clone();
        http.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { rtmp: Arc::new(rtmp), http: Arc::new(http) })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// Whom a client believes that a server is who it says.
///
/// ```no_run
/// use airloom::rtmp::{Config, Dialer, Push, client::Target};
/// use airloom::tls::Roots;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // A server of one's own, with a certificate of one's own.
/// let roots = Roots::from_pem(&std::fs::read("root.pem")?)?;
/// let target = Target::parse("rtmps://ingest.internal/live/key")?;
/// let push = Push::new(Config::default(), target).dialer(Dialer::tls(roots));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Roots(Arc<ClientConfig>);

impl Roots {
    /// Those the operating system trusts, read now. Without any, nobody is believed.
    ///
    /// # Errors
    ///
    /// [`TlsError::Rustls`] where TLS cannot be set up.
    pub fn system() -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        // Some machines have a few that cannot be read; the others count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::new(roots)
    }

    /// Those in `certificates` (PEM), and nobody else.
    ///
    /// # Errors
    ///
    /// [`TlsError`], by what is wrong.
    pub fn from_pem(certificates: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in chain(certificates)? {
            roots.add(certificate)?;
        }
        Self::new(roots)
    }

    fn new(roots: RootCertStore) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        socket: S,
    ) -> io::Result<client::TlsStream<S>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, socket).await
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roots")
    }
}

/// Those the operating system trusts, read once, by the first that needs them.
pub(crate) fn system_roots() -> io::Result<&'static Roots> {
    static ROOTS: OnceLock<Result<Roots, TlsError>> = OnceLock::new();
    ROOTS.get_or_init(Roots::system).as_ref().map_err(io::Error::other)
}

/// Named where it is used: a process may hold another for other purposes.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| TlsError::Pem { what: "certificate", error })?;
    if chain.is_empty() { Err(TlsError::NoCertificate) } else { Ok(chain) }
}
