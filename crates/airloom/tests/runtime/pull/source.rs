use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airloom::Origin;
use airloom::pull::{Config, Pulls, Template};
use airloom::rtmp::flv::{Kind, Tag};
use airloom::rtmp::server::{EncodedTag, Output, Rejection, RequestKind, Session};
use airloom::rtmp::{self, Backoff, Deliver, Dialer};
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use tower_service::Service;

/// How a source behaves, from its next frame on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Cannot be connected to; who is, is cut off.
    Down,
    /// Takes connections and never says a word.
    Deaf,
    /// Says no.
    Refuses,
    /// Agrees and sends nothing.
    Silent,
    /// Speaks no RTMP.
    Babbles,
    /// 20 fps, a keyframe a second.
    Delivers,
}

/// A server that has every stream.
pub(super) struct Source {
    pub(super) manner: watch::Sender<Manner>,
    /// When it was dialled.
    pub(super) dialled: Arc<Mutex<Vec<Duration>>>,
    /// Who is connected to it.
    connected: watch::Sender<()>,
}

impl Source {
    pub(super) fn new(manner: Manner) -> Self {
        Self {
            manner: watch::channel(manner).0,
            dialled: Arc::default(),
            connected: watch::channel(()).0,
        }
    }

    pub(super) fn config(&self) -> Config {
        let (dialled, manner, start) =
            (Arc::clone(&self.dialled), self.manner.clone(), Instant::now());
        let connected = self.connected.clone();
        let mut config = Config::default();
        config.backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30)).seed(7);
        config.dialer = Dialer::new(move |target| {
            assert_eq!(target.tc_url(), "rtmp://far.example:1935/live");
            dialled.lock().unwrap().push(start.elapsed());
            let (manner, connected) = (manner.subscribe(), connected.subscribe());
            async move {
                if *manner.borrow() == Manner::Down {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (near, far) = duplex(1 << 20);
                tokio::spawn(serve(far, manner, connected));
                Ok(near)
            }
        });
        config
    }

    pub(super) fn dialled(&self) -> usize {
        self.dialled.lock().unwrap().len()
    }

    /// How many are connected.
    pub(super) fn connected(&self) -> usize {
        self.connected.receiver_count()
    }
}

/// Pulls whatever is asked for from `source`.
pub(super) fn pulls(config: Config) -> Pulls {
    let template: Template = "rtmp://far.example/live/{name}?key=x".parse().unwrap();
    Pulls::new(config, template)
}

async fn serve(socket: DuplexStream, manner: watch::Receiver<Manner>, _known: watch::Receiver<()>) {
    // Whoever it is, they are free to go.
    let _ = talk(socket, manner).await;
}

async fn talk(mut socket: DuplexStream, manner: watch::Receiver<Manner>) -> io::Result<()> {
    let mut config = rtmp::Config::default();
    config.deliver = Deliver::Tags;
    let (mut session, start) = (Session::new(config), Instant::now());
    let (mut player, mut time, mut input) = (None, 0, BytesMut::new());
    let mut frames = interval(Duration::from_millis(50));
    let manner = || *manner.borrow();
    loop {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Send(bytes) => socket.write_all(&bytes).await?,
                Output::Request(request) => match request.kind {
                    RequestKind::Connect(_) => session.accept(request.id).unwrap(),
                    _ if manner() == Manner::Refuses => {
                        session.reject(request.id, Rejection::NotFound).unwrap();
                    }
                    _ => {
                        session.accept(request.id).unwrap();
                        player = Some(request.id);
                    }
                },
                _ => {}
            }
        }
        tokio::select! {
            read = socket.read_buf(&mut input) => {
                if read? == 0 {
                    return Ok(());
                }
                match manner() {
                    Manner::Deaf => input.clear(),
                    Manner::Babbles => socket.write_all(&[b'!'; 4096]).await?,
                    _ => {
                        let input = input.split();
                        if session.handle_input(start.elapsed(), input).is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            _ = frames.tick() => match (manner(), player) {
                (Manner::Down, _) => return Ok(()),
                (Manner::Delivers, Some(player)) => {
                    let mut send = |tag: Tag| {
                        let tag = EncodedTag::new(&tag, rtmp::Config::default().chunk_size);
                        session.send_encoded(player, &tag).unwrap();
                    };
                    if time == 0 {
                        send(header());
                    }
                    send(frame(time));
                    time += 50;
                }
                _ => {}
            }
        }
    }
}

fn header() -> Tag {
    let data: &[u8] = &[
        0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x0D, 0xFF, 0xE1, 0, 8, 0x67, 0x42, 0xC0, 0x0D, 0xDA,
        0x0F, 0x0A, 0x69, 1, 0, 2, 0x68, 0xCE,
    ];
    Tag::new(Kind::Video, 0, data.into())
}

fn frame(time: i64) -> Tag {
    let first = if time % 1000 == 0 { 0x17 } else { 0x27 };
    let mut data = vec![first, 1, 0, 0, 0, 0, 0, 3, 0xE4];
    data.resize(1005, if first == 0x17 { 0x65 } else { 0x41 });
    Tag::new(Kind::Video, time, data.into())
}

/// What viewer number `viewer` gets.
pub(super) async fn get(origin: &Origin, viewer: u8, path: &str) -> (StatusCode, String) {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([10, 0, 0, viewer], 4000))));
    let response = origin.router().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, String::from_utf8_lossy(&body).into_owned())
}
