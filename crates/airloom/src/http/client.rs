use std::io;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Endpoint;

/// Bytes of an answer's head.
const HEAD: usize = 16 << 10;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("not an answer: {0}")]
    Http(#[from] hyper::Error),
    #[error("an answer longer than {0} bytes")]
    Long(usize),
    #[error("an answer that broke off: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("a request that cannot be written: {0}")]
    Request(#[from] axum::http::Error),
}

/// Posts `body` over a connection of its own: one request, one answer, no redirects followed. All of
/// it takes `within` at most, and an answer has `most` bytes at most.
pub(crate) async fn post(
    endpoint: &Endpoint,
    headers: HeaderMap,
    body: Bytes,
    within: Duration,
    most: usize,
) -> Result<Reply, Failure> {
    let exchange = async {
        let address = (endpoint.host(), endpoint.port());
        let socket = TcpStream::connect(address).await.map_err(Failure::Connect)?;
        let _ = socket.set_nodelay(true);
        #[cfg(feature = "tls")]
        if endpoint.is_secure() {
            let socket = secure(endpoint, socket).await.map_err(Failure::Connect)?;
            return send(endpoint, headers, body, socket, most).await;
        }
        send(endpoint, headers, body, socket, most).await
    };
    tokio::time::timeout(within, exchange).await.unwrap_or(Err(Failure::Late(within)))
}

async fn send(
    endpoint: &Endpoint,
    headers: HeaderMap,
    body: Bytes,
    socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    most: usize,
) -> Result<Reply, Failure> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(socket)).await?;
    // Ends with the set, whatever becomes of the request.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(endpoint.path())
        .header(header::HOST, endpoint.authority())
        .body(Full::new(body))?;
    request.headers_mut().extend(headers);
    let agent = HeaderValue::from_static(concat!("airloom/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(header::USER_AGENT, agent);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Failure::Long(most) } else { Failure::Body(error) }
    })?;
    Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
}

#[cfg(feature = "tls")]
async fn secure(
    endpoint: &Endpoint,
    socket: TcpStream,
) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    crate::tls::system_roots()?.connect(endpoint.host(), socket).await
}
