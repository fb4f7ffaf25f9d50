use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::rtmp::TlsError;
use crate::rtmp::tls::server_config;

/// How a [`Listener`](super::Listener) speaks TLS: 1.2 and 1.3, offering HTTP/2 before HTTP/1.1.
///
/// Needs the feature `tls`. Browsers speak HTTP/2 over TLS only, and some of Apple's players want
/// HTTP/2 for Low-Latency HLS.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Serves with the certificate `chain`, its own first, and the `key` to it, both in PEM.
    ///
    /// # Errors
    ///
    /// Every variant of [`TlsError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let mut config = server_config(chain, key)?;
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
