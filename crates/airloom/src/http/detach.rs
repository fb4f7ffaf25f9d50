use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, Version, header};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Says in a request's extensions that its connection can be taken over: it is HTTP/1 and belongs
/// to a [`Listener`](super::Listener).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detachable {
    suspendable: bool,
}

impl Detachable {
    /// Whether [`Detach::suspend`] has an effect: the client means to keep the connection, and has
    /// sent nothing beyond this request.
    pub const fn is_suspendable(self) -> bool {
        self.suspendable
    }
}

/// Put into a response's extensions, takes the connection from HTTP.
///
/// A response that goes on for hours, or that has to be waited for, needs no parser, no buffers and
/// no task of its own: whoever writes it can do with the bare socket. What the fields of the
/// response's head say is kept; its body is not.
///
/// Only to be answered to `GET`, and only where the request is [`Detachable`]; elsewhere it has no
/// effect and the body is served.
#[derive(Clone)]
pub struct Detach(Arc<Mutex<Option<Receiver>>>);

enum Receiver {
    Forever(Box<dyn FnOnce(TcpStream, Bytes) + Send>),
    Suspended(Box<dyn FnOnce(Suspended) + Send>),
}

impl Detach {
    /// Takes the connection for good. It ends with the response, so the bytes need no framing
    /// (RFC 9112, 6.3).
    ///
    /// `receiver` is called with the socket and the head, which has not been written yet. It is
    /// dropped uncalled where the peer is gone already.
    pub fn new(receiver: impl FnOnce(TcpStream, Bytes) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Receiver::Forever(Box::new(receiver))))))
    }

    /// Takes the connection until the request is answered, then HTTP goes on with the next.
    /// The response's status is not kept either: the answer has its own.
    ///
    /// Only where the request is [suspendable](Detachable::is_suspendable). `receiver` is dropped
    /// uncalled where the peer is gone already.
    pub fn suspend(receiver: impl FnOnce(Suspended) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Receiver::Suspended(Box::new(receiver))))))
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

/// A connection whose request waits for its answer outside of HTTP. Dropping it closes the
/// connection; so does the listener, when it stops.
#[derive(Debug)]
pub struct Suspended {
    socket: Parked,
    /// What the layers around the handler put into the head.
    fields: Bytes,
    back: oneshot::Sender<Answered>,
}

/// A socket outside of HTTP, until it is answered, its peer has gone, or the listener wants no more
/// of it.
type Parked = Arc<Mutex<Option<Outside>>>;

#[derive(Debug)]
struct Outside {
    socket: TcpStream,
    ticket: Option<Ticket>,
}

/// What is dropped when a connection is no longer outside of HTTP.
struct Ticket {
    _kept: Box<dyn Send>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

fn lock(parked: &Parked) -> MutexGuard<'_, Option<Outside>> {
    parked.lock().unwrap_or_else(PoisonError::into_inner)
}

fn leave(parked: &Parked) -> Option<TcpStream> {
    let outside = lock(parked).take();
    // The ticket is dropped without the lock.
    outside.map(|outside| outside.socket)
}

/// The listener's side of a [`Suspended`] connection; dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Pending {
    socket: Parked,
    answered: oneshot::Receiver<Answered>,
    /// Nothing has come from the peer yet.
    silent: bool,
}

impl Pending {
    /// Waits for the answer; `None` where there will be none, or where nobody is left to be given it.
    pub(super) async fn answered(mut self) -> Option<Answered> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answered>> {
        if let Poll::Ready(answered) = Pin::new(&mut self.answered).poll(cx) {
            return Poll::Ready(answered.ok());
        }
        if self.silent
            && let Some(outside) = &*lock(&self.socket)
        {
            let mut byte = [0];
            match outside.socket.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
                Poll::Pending => {}
                // The next request already. Whether its sender waits for both is not known, then.
                Poll::Ready(Ok(1..)) => self.silent = false,
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(None),
            }
        }
        Poll::Pending
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        drop(leave(&self.socket));
    }
}

/// A connection on its way back to HTTP.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) socket: TcpStream,
    /// What did not fit into the socket, and how long that may take.
    pub(super) rest: Vec<Bytes>,
    pub(super) within: Duration,
}

/// An answer to any number of [`Suspended`] requests: a head and a body of shared slices.
#[derive(Debug, Clone)]
pub struct Shared {
    head: Bytes,
    body: Arc<[Bytes]>,
    length: u64,
}

impl Shared {
    /// `headers` without those that say how the message is framed: they come from `body`.
    pub fn new(status: StatusCode, headers: &HeaderMap, body: impl Into<Arc<[Bytes]>>) -> Self {
        let body = body.into();
        let length: u64 = body.iter().map(|slice| slice.len() as u64).sum();
        let mut head = BytesMut::with_capacity(512);
        put_status(&mut head, status);
        put_fields(&mut head, headers);
        let date = httpdate::fmt_http_date(std::time::SystemTime::now());
        head.put_slice(format!("content-length: {length}\r\ndate: {date}\r\n").as_bytes());
        Self { head: head.freeze(), body, length }
    }

    /// Bytes of the body.
    pub const fn length(&self) -> u64 {
        self.length
    }
}

/// A connection whose request was answered; dropping it closes the connection.
#[derive(Debug)]
#[must_use]
pub struct Returning {
    back: oneshot::Sender<Answered>,
    answered: Answered,
}

impl Returning {
    /// Gives the connection back to HTTP, which writes the rest and goes on with the next request.
    pub fn give_back(self) {
        // Nobody takes it back where the listener has stopped.
        let _ = self.back.send(self.answered);
    }
}

impl Suspended {
    /// Keeps `ticket` until the request is answered, its peer has gone, or the listener stops:
    /// whichever comes first drops it.
    pub fn keep(&self, ticket: impl Send + 'static) {
        if let Some(outside) = &mut *lock(&self.socket) {
            outside.ticket = Some(Ticket { _kept: Box::new(ticket) });
        }
    }

    /// Whether nobody is left to be answered.
    pub fn is_gone(&self) -> bool {
        lock(&self.socket).is_none()
    }

    /// Writes `answer` as far as the socket takes it at once; HTTP is to write the rest `within`
    /// that time. `None` where the peer has gone.
    ///
    /// To give a connection back wakes its task. Who answers many does that when all of them are
    /// answered.
    pub fn answer(self, answer: &Shared, within: Duration) -> Option<Returning> {
        let Self { socket, fields, back } = self;
        let socket = leave(&socket)?;
        let end = Bytes::from_static(b"\r\n");
        let all = || [&answer.head, &fields, &end].into_iter().chain(answer.body.iter());
        let slices: Vec<IoSlice<'_>> = all().take(MOST_SLICES).map(|it| IoSlice::new(it)).collect();
        let mut written = match socket.try_write_vectored(&slices) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The connection is broken: nobody is there to be answered.
            Err(_) => return None,
        };
        let mut rest = Vec::new();
        for slice in all() {
            let gone = written.min(slice.len());
            written -= gone;
            if gone < slice.len() {
                rest.push(slice.slice(gone..));
            }
        }
        Some(Returning { back, answered: Answered { socket, rest, within } })
    }
}

/// What one vectored write takes (`IOV_MAX` is 1024 on Linux, at least 16 elsewhere).
const MOST_SLICES: usize = 64;

/// Why a connection that was taken over ends for HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was taken over")]
pub(super) struct Detached;

/// Where the connection's socket lies once HTTP has let go of it, and who gets it.
#[derive(Clone, Default)]
pub(super) struct Handover(Arc<Between>);

#[derive(Default)]
struct Between {
    held: Mutex<Held>,
    /// Heads of requests that HTTP has read, and bytes after the last of them.
    heads: AtomicU64,
    beyond: AtomicU64,
    /// Requests it has handled.
    requests: AtomicU64,
}

#[derive(Default)]
struct Held {
    socket: Option<TcpStream>,
    receiver: Option<(Receiver, Bytes)>,
}

impl Handover {
    /// The socket to serve HTTP on, which comes back here.
    pub(super) fn lend(&self, socket: TcpStream) -> Lent {
        Lent { socket: Some(socket), matched: 0, handover: self.clone() }
    }

    /// What can be done with the connection of `request`, which is the next one handled on it.
    pub(super) fn offer<T>(&self, request: &axum::http::Request<T>) -> Option<Detachable> {
        let between = &self.0;
        let requests = between.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let version = request.version();
        if version != Version::HTTP_11 && version != Version::HTTP_10 {
            return None;
        }
        // HTTP lets go of what it has read ahead.
        let whole = between.heads.load(Ordering::Relaxed) == requests
            && between.beyond.load(Ordering::Relaxed) == 0;
        let headers = request.headers();
        let kept = version == Version::HTTP_11
            && headers.get_all(header::CONNECTION).iter().all(|value| value == "keep-alive");
        let bare = ![header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT]
            .iter()
            .any(|name| headers.contains_key(name));
        Some(Detachable { suspendable: whole && kept && bare })
    }

    /// Looks whether a response takes the connection over. HTTP must then be ended by an error, so
    /// that it writes nothing.
    pub(super) fn note(
        &self,
        offered: Detachable,
        response: &mut Response<Body>,
    ) -> Result<(), Detached> {
        let Some(receiver) = response.extensions_mut().remove::<Detach>().and_then(|it| it.take())
        else {
            return Ok(());
        };
        let head = match &receiver {
            Receiver::Forever(_) => head(response),
            Receiver::Suspended(_) if !offered.suspendable => return Ok(()),
            Receiver::Suspended(_) => {
                let mut fields = BytesMut::with_capacity(256);
                put_fields(&mut fields, response.headers());
                fields.freeze()
            }
        };
        self.lock().receiver = Some((receiver, head));
        Err(Detached)
    }

    /// Gives the socket to whoever has taken it over; where that is until the request is answered,
    /// the connection comes back by what is returned. To be called when HTTP has ended.
    pub(super) fn complete(&self) -> Option<Pending> {
        let mut held = self.lock();
        let (socket, taken) = (held.socket.take()?, held.receiver.take()?);
        drop(held);
        match taken.0 {
            Receiver::Forever(receiver) => {
                receiver(socket, taken.1);
                None
            }
            Receiver::Suspended(receiver) => {
                let (back, answered) = oneshot::channel();
                let outside = Outside { socket, ticket: None };
                let socket: Parked = Arc::new(Mutex::new(Some(outside)));
                receiver(Suspended { socket: Arc::clone(&socket), fields: taken.1, back });
                Some(Pending { socket, answered, silent: true })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put_status(head: &mut BytesMut, status: StatusCode) {
    head.put_slice(b"HTTP/1.1 ");
    head.put_slice(status.as_str().as_bytes());
    head.put_slice(b" ");
    head.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    head.put_slice(b"\r\n");
}

/// All fields but those that say how long the message is and when the connection ends.
fn put_fields(head: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        if ![header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            head.put_slice(name.as_str().as_bytes());
            head.put_slice(b": ");
            head.put_slice(value.as_bytes());
            head.put_slice(b"\r\n");
        }
    }
}

fn head(response: &Response<Body>) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    put_status(&mut head, response.status());
    put_fields(&mut head, response.headers());
    head.put_slice(b"connection: close\r\n\r\n");
    head.freeze()
}

/// A socket that goes back to its [`Handover`] when it is dropped, and counts what is read there.
pub(super) struct Lent {
    socket: Option<TcpStream>,
    /// How much of the end of a head the last bytes were.
    matched: usize,
    handover: Handover,
}

/// What a head ends with (RFC 9112, 2.1).
const END: &[u8; 4] = b"\r\n\r\n";

impl Lent {
    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn count(&mut self, bytes: &[u8]) {
        let between = &self.handover.0;
        let mut beyond = between.beyond.load(Ordering::Relaxed);
        for byte in bytes {
            beyond += 1;
            self.matched = match END.get(self.matched) {
                Some(due) if due == byte => self.matched + 1,
                _ => usize::from(*byte == b'\r'),
            };
            if self.matched == END.len() {
                (self.matched, beyond) = (0, 0);
                between.heads.fetch_add(1, Ordering::Relaxed);
            }
        }
        between.beyond.store(beyond, Ordering::Relaxed);
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
        let before = buf.filled().len();
        let read = self.socket()?.poll_read(cx, buf);
        self.count(buf.filled().get(before..).unwrap_or_default());
        read
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
    use axum::http::{HeaderValue, Request};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

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

    /// Whether each of so many requests is suspendable, after these reads.
    async fn suspendable(reads: &[&[&[u8]]], request: &Request<()>) -> Vec<bool> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let handover = Handover::default();
        let mut lent = handover.lend(socket);
        let offer = |reads: &&[&[u8]]| {
            reads.iter().for_each(|read| lent.count(read));
            handover.offer(request).is_some_and(Detachable::is_suspendable)
        };
        reads.iter().map(offer).collect()
    }

    #[tokio::test]
    async fn only_a_request_that_nothing_follows_is_suspended() {
        let get = Request::get("/").body(()).unwrap();
        let one: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        let two = [one, one].concat();
        // One after the other, in pieces, and a byte at a time.
        let bytes: Vec<&[u8]> = one.chunks(1).collect();
        let reads: [&[&[u8]]; 3] = [&[one], &[&one[..20], &one[20..]], &bytes];
        assert_eq!(suspendable(&reads, &get).await, [true; 3]);
        // Two at once: the first is followed, the second is not.
        assert_eq!(suspendable(&[&[&two], &[]], &get).await, [false, true]);
        // Another comes while the second of two is handled.
        assert_eq!(suspendable(&[&[&two], &[one], &[]], &get).await, [false, false, true]);
        assert_eq!(suspendable(&[&[one, b"GE"]], &get).await, [false]);
    }

    #[tokio::test]
    async fn a_client_that_means_to_close_is_not_suspended() {
        let head: [&[&[u8]]; 1] = [&[b"\r\n\r\n"]];
        let with =
            |name: &str, value: &str| Request::get("/").header(name, value).body(()).unwrap();
        assert_eq!(suspendable(&head, &with("connection", "close")).await, [false]);
        assert_eq!(suspendable(&head, &with("connection", "keep-alive")).await, [true]);
        assert_eq!(suspendable(&head, &with("content-length", "3")).await, [false]);
        let mut old = Request::get("/").body(()).unwrap();
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(suspendable(&head, &old).await, [false]);
    }

    #[tokio::test]
    async fn what_does_not_fit_goes_back_with_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        socket.writable().await.unwrap();
        let (back, answered) = oneshot::channel();
        let fields = Bytes::from_static(b"x-layer: 1\r\n");
        let large = Bytes::from(vec![7; 32 << 20]);
        let shared = Shared::new(StatusCode::OK, &HeaderMap::new(), vec![large.clone(), large]);
        let outside = Outside { socket, ticket: None };
        let socket: Parked = Arc::new(Mutex::new(Some(outside)));
        let pending = Pending { socket: Arc::clone(&socket), answered, silent: true };
        let answered = Suspended { socket, fields, back }.answer(&shared, Duration::from_secs(1));
        answered.unwrap().give_back();
        let Answered { socket, rest, .. } = pending.answered().await.unwrap();
        let left: usize = rest.iter().map(Bytes::len).sum();
        assert!((1..64 << 20).contains(&left), "{left}");
        drop(socket);
        let mut got = Vec::new();
        peer.read_to_end(&mut got).await.unwrap();
        let text = String::from_utf8_lossy(&got[..200]).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\ndate: "),
            "{head}"
        );
        assert!(head.ends_with("GMT\r\nx-layer: 1"), "{head}");
        assert_eq!(got.len() + left, head.len() + 4 + (64 << 20));
    }

    #[tokio::test]
    async fn a_listener_that_wants_no_more_closes_what_waits_elsewhere() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let handover = Handover::default();
        drop(handover.lend(listener.accept().await.unwrap().0));
        let (sender, mut receiver) = oneshot::channel();
        let detach = Detach::suspend(move |connection| drop(sender.send(connection)));
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(detach);
        handover.note(Detachable { suspendable: true }, &mut response).unwrap_err();
        let pending = handover.complete().unwrap();
        let waiting = receiver.try_recv().unwrap();
        drop(pending);
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
        assert!(waiting.is_gone());
        let shared = Shared::new(StatusCode::OK, &HeaderMap::new(), vec![]);
        assert!(waiting.answer(&shared, Duration::from_secs(1)).is_none());
    }

    /// A request outside of HTTP, its client and the listener's side.
    async fn suspended() -> (TcpStream, Suspended, Pending) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let outside = Outside { socket: listener.accept().await.unwrap().0, ticket: None };
        let (back, answered) = oneshot::channel();
        let socket: Parked = Arc::new(Mutex::new(Some(outside)));
        let pending = Pending { socket: Arc::clone(&socket), answered, silent: true };
        (peer, Suspended { socket, fields: Bytes::new(), back }, pending)
    }

    /// Thousands of abandoned blocking requests: a client that gives up is noticed at once, and what
    /// it was counted by is given back.
    #[tokio::test]
    async fn a_client_that_gives_up_is_noticed_before_there_is_an_answer() {
        let (peer, suspended, pending) = suspended().await;
        let ticket = Arc::new(());
        suspended.keep(Arc::clone(&ticket));
        let waiting = tokio::spawn(pending.answered());
        tokio::task::yield_now().await;
        assert!(!suspended.is_gone());
        drop(peer);
        assert!(waiting.await.unwrap().is_none());
        assert!(suspended.is_gone());
        assert_eq!(Arc::strong_count(&ticket), 1);
    }

    #[tokio::test]
    async fn a_client_that_asks_on_is_still_answered() {
        let (mut peer, suspended, pending) = suspended().await;
        let waiting = tokio::spawn(pending.answered());
        tokio::io::AsyncWriteExt::write_all(&mut peer, b"GET").await.unwrap();
        tokio::task::yield_now().await;
        let shared = Shared::new(StatusCode::OK, &HeaderMap::new(), vec![]);
        suspended.answer(&shared, Duration::from_secs(1)).unwrap().give_back();
        assert!(waiting.await.unwrap().is_some());
        let mut head = [0; 15];
        peer.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
}
