use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client as Pool, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};

use crate::http::Connector;

/// How long a connection may take to be made, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// How an S3 store is reached: the HTTP client that is in the house anyway, which spares
/// `object_store` one of its own. For `with_http_connector` of its builders.
///
/// Speaks `http://` to a server next door, if `object_store` is told to with `with_allow_http`, and
/// `https://` with the feature `tls`, believing those the operating system trusts, or
/// [roots](Self::with_roots) of one's own. [`ClientOptions`] are not heeded:
/// [`Config`](super::Config) has the limits of time.
#[derive(Debug, Clone)]
pub struct Client(Connector);

impl Default for Client {
    fn default() -> Self {
        Self(Connector::new(CONNECT))
    }
}

impl Client {
    /// For a store over TLS with a certificate that `roots` vouch for.
    #[cfg(feature = "tls")]
    pub fn with_roots(roots: crate::tls::Roots) -> Self {
        Self(Connector::new(CONNECT).with_roots(roots))
    }
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let connector = self.0.clone();
        let mut builder = Pool::builder(TokioExecutor::new());
        Ok(HttpClient::new(Service(builder.pool_timer(TokioTimer::new()).build(connector))))
    }
}

#[derive(Debug)]
struct Service(Pool<Connector, HttpRequestBody>);

impl HttpService for Service {
    // What `async_trait` makes of an asynchronous method.
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let response = self.0.request(request).await.map_err(kind)?;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            Ok(response.map(|body| HttpResponseBody::new(body.map_err(broken))))
        })
    }
}

fn kind(error: Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
    HttpError::new(kind, error)
}
