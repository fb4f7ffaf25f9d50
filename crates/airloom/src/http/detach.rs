use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Response, Version, header};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

type Receiver = Box<dyn FnOnce(TcpStream, Bytes) + Send>;

/// Says in a request's extensions that its connection can be taken over: it is HTTP/1 and belongs
/// to a [`Listener`](super::Listener).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detachable;

/// Put into a response's extensions, takes the connection from HTTP.
///
/// A response that goes on for hours needs no parser, no buffers and no task of its own: whoever
/// writes it can do with the bare socket. What the response's head says is kept; its body is not.
/// The connection ends with the response, so the bytes need no framing (RFC 9112, 6.3).
///
/// Only to be answered to `GET`, and only where the request is [`Detachable`]; elsewhere it has no
/// effect and the body is served.
#[derive(Clone)]
pub struct Detach(Arc<Mutex<Option<Receiver>>>);

impl Detach {
    /// `receiver` is called with the socket and the head, which has not been written yet. It is
    /// dropped uncalled where the peer is gone already.
    pub fn new(receiver: impl FnOnce(TcpStream, Bytes) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(receiver)))))
    }

    fn take(&self) -> Option<Receiver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Detach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detach").finish_non_exhaustive()
    }
}

/// Why a connection that was taken over ends for HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was taken over")]
pub(super) struct Detached;

/// Where the connection's socket lies once HTTP has let go of it, and who gets it.
#[derive(Clone, Default)]
pub(super) struct Handover(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    socket: Option<TcpStream>,
    receiver: Option<(Receiver, Bytes)>,
}

impl Handover {
    /// The socket to serve HTTP on, which comes back here.
    pub(super) fn lend(&self, socket: TcpStream) -> Lent {
        Lent { socket: Some(socket), handover: self.clone() }
    }

    /// Looks whether a response takes the connection over. HTTP must then be ended by an error, so
    /// that it writes nothing.
    pub(super) fn note(&self, response: &mut Response<Body>) -> Result<(), Detached> {
        let Some(receiver) = response.extensions_mut().remove::<Detach>().and_then(|it| it.take())
        else {
            return Ok(());
        };
        self.lock().receiver = Some((receiver, head(response)));
        Err(Detached)
    }

    /// Gives the socket to whoever has taken it over. To be called when HTTP has ended.
    pub(super) fn complete(&self) {
        let mut held = self.lock();
        if let (Some(socket), Some((receiver, head))) = (held.socket.take(), held.receiver.take()) {
            drop(held);
            receiver(socket, head);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether such a request's connection carries one response at a time.
pub(super) fn is_detachable(version: Version) -> bool {
    version == Version::HTTP_11 || version == Version::HTTP_10
}

fn head(response: &Response<Body>) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    head.put_slice(b"HTTP/1.1 ");
    head.put_slice(response.status().as_str().as_bytes());
    head.put_slice(b" ");
    head.put_slice(response.status().canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in response.headers() {
        // How long it is and when it ends is said by its end.
        if ![header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            head.put_slice(b"\r\n");
            head.put_slice(name.as_str().as_bytes());
            head.put_slice(b": ");
            head.put_slice(value.as_bytes());
        }
    }
    head.put_slice(b"\r\nconnection: close\r\n\r\n");
    head.freeze()
}

/// A socket that goes back to its [`Handover`] when it is dropped.
pub(super) struct Lent {
    socket: Option<TcpStream>,
    handover: Handover,
}

impl Lent {
    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.handover.lock().socket = self.socket.take();
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_head_is_that_of_the_response_and_ends_with_the_connection() {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
        assert_eq!(
            head(&response),
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        );
    }
}
