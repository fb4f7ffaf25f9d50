use std::net::SocketAddr;
use std::time::Duration;

use airloom::access::callbacks::{Config, Form};
use airloom::access::{Protocol, Visit};
use airloom::http::{Endpoint, Listener};
use airloom::playlist::WallTime;
use airloom::rtmp::client::Target;
use airloom::{Origin, rtmp};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::port;

/// A question, as it came.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) content_type: String,
    pub(super) body: String,
}

impl Asked {
    /// The form's fields, in order.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// A web server that answers every question alike.
pub(super) struct Receiver {
    pub(super) asked: UnboundedReceiver<Asked>,
    address: SocketAddr,
}

impl Receiver {
    pub(super) async fn answering(
        status: u16,
        location: Option<&'static str>,
        answer: &'static str,
    ) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = unbounded_channel();
        let app = Router::new().fallback(
            async move |uri: axum::http::Uri, headers: HeaderMap, body: String| {
                let content_type = headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
                let _ = sender.send(Asked { path: uri.path().to_owned(), content_type, body });
                let mut headers = HeaderMap::new();
                if let Some(location) = location {
                    headers.insert(header::LOCATION, location.parse().unwrap());
                }
                (StatusCode::from_u16(status).unwrap(), headers, answer)
            },
        );
        tokio::spawn(listener.serve(app, std::future::pending()));
        Self { asked, address }
    }

    pub(super) fn at(&self, path: &str) -> Endpoint {
        endpoint(self.address, path)
    }

    /// The next question, within any time a busy machine may take.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::time::timeout(Duration::from_mins(1), self.asked.recv()).await.unwrap().unwrap()
    }

    pub(super) fn is_done(&mut self) -> bool {
        self.asked.try_recv().is_err()
    }
}

/// A server that writes `answer` to whoever connects, and then says no more and hangs.
pub(super) async fn speaks(answer: impl Into<Bytes>) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.write_all(&answer).await;
                let mut rest = Vec::new();
                let _ = socket.read_to_end(&mut rest).await;
            });
        }
    });
    endpoint(address, "/")
}

/// A port at which nobody listens.
pub(super) fn nobody() -> Endpoint {
    endpoint(SocketAddr::from(([127, 0, 0, 1], port::free())), "/")
}

fn endpoint(address: SocketAddr, path: &str) -> Endpoint {
    format!("http://{address}{path}").parse().unwrap()
}

/// For receivers that answer, however busy the machine.
pub(super) fn patient(form: Form) -> Config {
    let mut config = Config::new(form);
    config.timeout = Duration::from_mins(1);
    config
}

/// All that can be asked, at one receiver.
pub(super) fn all(form: Form, receiver: &Receiver) -> Config {
    let mut config = patient(form);
    config.on_connect = Some(receiver.at("/connect"));
    config.on_publish = Some(receiver.at("/publish"));
    config.on_play = Some(receiver.at("/play"));
    config.on_publish_done = Some(receiver.at("/publish_done"));
    config.on_play_done = Some(receiver.at("/play_done"));
    config.on_done = Some(receiver.at("/done"));
    config
}

/// An RTMP listener before `origin`, and the way to one of its streams.
pub(super) async fn listen(origin: &Origin, stream: &str) -> Target {
    let listener = rtmp::Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listener.serve(origin.ingest("live"), std::future::pending()));
    Target::parse(&format!("rtmp://{address}/live/{stream}")).unwrap()
}

pub(super) fn visit() -> Visit {
    let mut visit = Visit::new("cam".parse().unwrap(), "token=x&k=a+b", WallTime::UNIX_EPOCH);
    visit.id = 7;
    visit.peer = Some(SocketAddr::from(([10, 0, 0, 1], 4000)));
    assert_eq!(visit.protocol, Protocol::Http);
    visit
}
