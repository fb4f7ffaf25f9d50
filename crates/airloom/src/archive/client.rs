use std::future::Future;
use std::pin::Pin;

use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::{Client as Pool, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};

/// How an S3 store is reached: the HTTP client that is in the house anyway, which spares
/// `object_store` one of its own. For `with_http_connector` of its builders.
///
/// Speaks `http://` only, to a server next door. For others, take the connector of `object_store`'s
/// feature `reqwest`. Its [`ClientOptions`] are not heeded: [`Config`](super::Config) has the limits
/// of time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client;

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut connector = Tcp::new();
        connector.set_nodelay(true);
        let mut builder = Pool::builder(TokioExecutor::new());
        Ok(HttpClient::new(Service(builder.pool_timer(TokioTimer::new()).build(connector))))
    }
}

#[derive(Debug)]
struct Service(Pool<Tcp, HttpRequestBody>);

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
