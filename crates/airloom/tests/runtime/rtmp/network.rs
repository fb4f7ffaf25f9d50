use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airloom::rtmp::flv::{Kind, Tag};
use airloom::rtmp::server::{Output, RequestId, RequestKind, Session};
use airloom::rtmp::{Config, Deliver, Dialer, EncodedTag};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

/// Servers that a dialer reaches, without sockets.
pub(super) struct Network {
    calls: UnboundedReceiver<DuplexStream>,
    /// When somebody dialled, and whom.
    pub(super) dialled: Arc<Mutex<Vec<(Duration, String)>>>,
    pub(super) start: Instant,
}

impl Network {
    /// A network of which each connection holds `pipe` bytes on their way.
    pub(super) fn new(pipe: usize) -> (Self, Dialer) {
        let (called, calls) = unbounded_channel();
        let (dialled, start) = (Arc::default(), Instant::now());
        let network = Self { calls, dialled: Arc::clone(&dialled), start };
        let dialer = Dialer::new(move |target| {
            dialled.lock().unwrap().push((start.elapsed(), target.tc_url()));
            let (near, far) = duplex(pipe);
            let refused = called.send(far).is_err();
            async move { if refused { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(near) } }
        });
        (network, dialer)
    }

    /// Waits for the next connection and grants all it asks for, up to the stream.
    pub(super) async fn accept(&mut self) -> Server {
        let socket = self.calls.recv().await.unwrap();
        let mut config = Config::default();
        config.deliver = Deliver::Tags;
        let mut server = Server {
            socket,
            session: Session::new(config),
            start: self.start,
            request: None,
            input: BytesMut::new(),
        };
        while server.request.is_none() {
            assert_eq!(server.step().await, Some(Heard::Nothing));
        }
        server.flush().await;
        // On virtual time, until the other side has nothing left to do.
        sleep(Duration::from_millis(1)).await;
        server
    }

    /// Every connection from now on is refused.
    pub(super) fn go_down(&mut self) {
        self.calls.close();
    }
}

/// The far end of a connection.
pub(super) struct Server {
    socket: DuplexStream,
    pub(super) session: Session,
    start: Instant,
    /// What was published or played.
    pub(super) request: Option<RequestId>,
    input: BytesMut,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Nothing,
    Tag(Tag),
    Unpublished,
}

impl Server {
    /// One output, or one read; `None` at the end of the connection.
    async fn step(&mut self) -> Option<Heard> {
        match self.session.poll_output() {
            Some(Output::Send(bytes)) => self.socket.write_all(&bytes).await.ok()?,
            Some(Output::Request(request)) => {
                if !matches!(request.kind, RequestKind::Connect(_)) {
                    self.request = Some(request.id);
                }
                self.session.accept(request.id).unwrap();
            }
            Some(Output::Tag { tag, .. }) => return Some(Heard::Tag(tag)),
            Some(Output::Metadata { metadata, .. }) => return Some(Heard::Tag(metadata.tag)),
            Some(Output::Unpublished { .. }) => return Some(Heard::Unpublished),
            Some(_) => {}
            None => {
                if self.socket.read_buf(&mut self.input).await.ok()? == 0 {
                    return None;
                }
                let input = self.input.split().freeze();
                self.session.handle_input(self.start.elapsed(), input).unwrap();
            }
        }
        Some(Heard::Nothing)
    }

    /// What comes next; `None` at the end of the connection.
    pub(super) async fn hear(&mut self) -> Option<Heard> {
        loop {
            match self.step().await? {
                Heard::Nothing => {}
                heard => return Some(heard),
            }
        }
    }

    /// The next tags, by kind and time.
    pub(super) async fn tags(&mut self, count: usize) -> Vec<(Kind, i64)> {
        let mut tags = Vec::new();
        while tags.len() < count {
            match self.hear().await {
                Some(Heard::Tag(tag)) => tags.push((tag.kind, tag.timestamp)),
                heard => panic!("{heard:?} after {tags:?}"),
            }
        }
        tags
    }

    /// Sends what the session has to say.
    pub(super) async fn flush(&mut self) {
        while let Some(output) = self.session.poll_output() {
            if let Output::Send(bytes) = output {
                self.socket.write_all(&bytes).await.unwrap();
            }
        }
    }

    /// Plays a tag to the peer.
    pub(super) async fn play(&mut self, tag: &Tag) {
        let encoded = EncodedTag::new(tag, Config::default().chunk_size);
        self.session.send_encoded(self.request.unwrap(), &encoded).unwrap();
        self.flush().await;
    }
}
