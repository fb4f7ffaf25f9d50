use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// How a [`Listener`](super::Listener) speaks TLS: 1.2 and 1.3, offering HTTP/2 before HTTP/1.1.
///
/// Needs the feature `tls`. Browsers speak HTTP/2 over TLS only, and some of Apple's players want
/// HTTP/2 for Low-Latency HLS.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// Why a certificate cannot be served with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate chain or the key is not PEM, or not there.
    #[error("not PEM: {0}")]
    Pem(#[from] pem::Error),
    /// The key does not fit the certificate, or is of a kind that is not supported.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

impl Tls {
    /// Serves with the certificate `chain`, its own first, and the `key` to it, both in PEM.
    ///
    /// # Errors
    ///
    /// Every variant of [`TlsError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.write_str("Tls(..)")
    }
}
