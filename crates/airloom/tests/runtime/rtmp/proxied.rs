use std::net::SocketAddr;
use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::{Config, Dialer, Listener, Publisher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::guests::{Book, Guests};
use super::tags::{frame, headers};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// From 192.0.2.1:54321 to 10.0.0.1:1935, and a TLV of 300 bytes.
const ADDRESSES: &[u8] = b"\x21\x11\x01\x3B\xC0\0\x02\x01\x0A\0\0\x01\xD4\x31\x07\x8F\xE0\x01\x2C";

fn header() -> Vec<u8> {
    let mut header = [SIGNATURE, ADDRESSES].concat();
    header.resize(16 + 0x13B, 0xEE);
    header
}

async fn listening(patience: Duration) -> (SocketAddr, Book) {
    let (guests, book) = Guests::new(patience);
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().proxy_protocol();
    let address = listener.local_addr().unwrap();
    tokio::spawn(listener.serve(guests, std::future::pending()));
    (address, book)
}

/// Through a balancer that says `header` first, `step` bytes at a time.
fn balancer(header: Vec<u8>, step: usize) -> Dialer {
    Dialer::new(move |target| {
        let header = header.clone();
        async move {
            let mut socket = TcpStream::connect((target.host(), target.port())).await?;
            socket.set_nodelay(true)?;
            for piece in header.chunks(step) {
                socket.write_all(piece).await?;
            }
            Ok(socket)
        }
    })
}

async fn published_by(header: Vec<u8>, step: usize) -> SocketAddr {
    let (address, mut book) = listening(Duration::from_secs(10)).await;
    let target = Target::parse(&format!("rtmp://{address}/live/cam")).unwrap();
    let dialer = balancer(header, step);
    let mut publisher = Publisher::dial(&dialer, &Config::default(), &target).await.unwrap();
    let [_, video, audio] = headers();
    for tag in [video, audio, frame(0)] {
        publisher.send(&tag).await.unwrap();
        assert_eq!(book.tags.recv().await, Some(tag));
    }
    book.came.recv().await.unwrap()
}

#[tokio::test]
async fn the_service_sees_the_peer_behind_the_balancer() {
    for step in [usize::MAX, 1] {
        assert_eq!(published_by(header(), step).await.to_string(), "192.0.2.1:54321");
    }
}

#[tokio::test]
async fn a_balancer_that_speaks_for_itself_is_the_peer() {
    let local = [SIGNATURE, b"\x20\0\0\0"].concat();
    assert!(published_by(local, usize::MAX).await.ip().is_loopback());
}

/// Sends `bytes`, and answers what comes back until the connection is closed.
async fn answer(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    // A reset ends it as well: some of what was sent may never have been read.
    let _ = socket.read_to_end(&mut heard).await;
    heard
}

#[tokio::test]
async fn whoever_comes_past_the_balancer_is_shown_out() {
    let (address, mut book) = listening(Duration::from_secs(10)).await;
    let mut hello = vec![3];
    hello.resize(1537, 0);
    let mut long = [SIGNATURE, b"\x21\x11\xFF\xFF"].concat();
    long.resize(70_000, 0);
    for bytes in [&hello[..], b"PROXY TCP4 192.0.2.1 10.0.0.1 54321 1935\r\n", &long] {
        assert!(answer(address, bytes).await.is_empty());
    }
    assert!(book.came.try_recv().is_err());
}

#[tokio::test]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let (address, mut book) = listening(Duration::from_millis(50)).await;
    for bytes in [&[][..], &header()[..20]] {
        assert!(answer(address, bytes).await.is_empty());
    }
    assert!(book.came.try_recv().is_err());
}
