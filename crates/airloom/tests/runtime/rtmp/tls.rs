use std::net::SocketAddr;
use std::time::Duration;

use airloom::Origin;
use airloom::rtmp::client::Target;
use airloom::rtmp::flv::{Kind, Tag};
use airloom::rtmp::{ClientError, Config, Dialer, Listener, Media, Player, Publisher, Push};
use airloom::tls::{Certificate, Roots};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::guests::Guests;
use super::tags::{frame, headers};

/// A certificate for this machine, and its key.
fn pem() -> (String, String) {
    let names = ["localhost", "127.0.0.1"].map(String::from);
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    (certified.cert.pem(), certified.signing_key.serialize_pem())
}

fn certificate((chain, key): &(String, String)) -> Certificate {
    Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn dialer((chain, _): &(String, String)) -> Dialer {
    Dialer::tls(Roots::from_pem(chain.as_bytes()).unwrap())
}

fn target(address: SocketAddr) -> Target {
    Target::parse(&format!("rtmps://{address}/live/cam")).unwrap()
}

async fn bound(certificate: Certificate) -> (Listener, SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().tls(certificate);
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_stream_goes_in_and_out_over_tls() {
    let pem = pem();
    let (listener, address) = bound(certificate(&pem)).await;
    let ingest = Origin::builder().build().ingest("live");
    tokio::spawn(listener.serve(ingest, std::future::pending()));
    let (dialer, config, target) = (dialer(&pem), Config::default(), target(address));

    let mut publisher = Publisher::dial(&dialer, &config, &target).await.unwrap();
    // A keyframe far larger than what sockets and TLS hold by themselves.
    let mut large = vec![0x17, 1, 0, 0, 0];
    large.extend((0..3_000_000u32).map(|n| n as u8));
    let large = Tag::new(Kind::Video, 0, large.into());
    let [metadata, video, audio] = headers();
    for tag in [&metadata, &video, &audio, &large] {
        publisher.send(tag).await.unwrap();
    }
    let mut player = loop {
        if let Ok(player) = Player::dial(&dialer, &config, &target).await {
            break player;
        }
    };
    let tags: Vec<_> = (1..200).map(|n| frame(n * 40)).collect();
    let sent = async {
        for tag in &tags {
            publisher.send(tag).await.unwrap();
        }
        publisher.finish().await.unwrap();
    };
    let heard = async {
        let mut heard = Vec::new();
        while let Some(media) = player.next().await.unwrap() {
            if let Media::Tag(tag) = media {
                heard.push(tag);
            }
        }
        heard
    };
    let ((), heard) = tokio::join!(sent, heard);
    // It may have come before the keyframe did: then that one comes live.
    let expected: Vec<_> = [video, audio, large].into_iter().chain(tags).collect();
    let heard: Vec<_> = heard.into_iter().skip_while(|tag| tag.data != expected[0].data).collect();
    assert_eq!(heard.len(), expected.len());
    assert!(heard.iter().zip(&expected).all(|(heard, sent)| heard.data == sent.data));
}

#[tokio::test]
async fn a_push_reaches_a_server_over_tls() {
    let pem = pem();
    let (guests, mut book) = Guests::new(Duration::from_secs(10));
    let (listener, address) = bound(certificate(&pem)).await;
    tokio::spawn(listener.serve(guests, std::future::pending()));
    let feed = airloom::rtmp::Feed::new();
    let push = Push::new(Config::default(), target(address)).dialer(dialer(&pem));
    tokio::spawn(push.run(&feed));
    book.came.recv().await.unwrap();
    let [_, video, audio] = headers();
    for tag in [video, audio, frame(0)] {
        feed.send(&tag);
        assert_eq!(book.tags.recv().await.unwrap().data, tag.data);
    }
}

#[tokio::test]
async fn who_is_not_vouched_for_is_not_believed() {
    let pem = pem();
    let (guests, mut book) = Guests::new(Duration::from_secs(10));
    let (listener, address) = bound(certificate(&pem)).await;
    tokio::spawn(listener.serve(guests, std::future::pending()));
    // By others, and by nobody the system trusts.
    for dialer in [dialer(&self::pem()), Dialer::default()] {
        let refused = Publisher::dial(&dialer, &Config::default(), &target(address)).await;
        assert!(matches!(refused, Err(ClientError::Io(_))), "{refused:?}");
    }
    assert!(book.came.try_recv().is_err());
}

#[tokio::test]
async fn a_certificate_is_renewed_without_a_restart() {
    let (first, second) = (pem(), pem());
    let (guests, mut book) = Guests::new(Duration::from_secs(10));
    let shown = certificate(&first);
    let (listener, address) = bound(shown.clone()).await;
    tokio::spawn(listener.serve(guests, std::future::pending()));
    let (config, target) = (Config::default(), target(address));

    let mut early = Publisher::dial(&dialer(&first), &config, &target).await.unwrap();
    shown.renew(second.0.as_bytes(), second.1.as_bytes()).unwrap();
    assert!(Publisher::dial(&dialer(&first), &config, &target).await.is_err());
    Publisher::dial(&dialer(&second), &config, &target).await.unwrap();
    // What was open stays open.
    let [_, video, _] = headers();
    early.send(&video).await.unwrap();
    assert_eq!(book.tags.recv().await, Some(video));

    // A key of another certificate changes nothing.
    assert!(shown.renew(first.0.as_bytes(), second.1.as_bytes()).is_err());
    assert!(shown.renew(b"", second.1.as_bytes()).is_err());
    Publisher::dial(&dialer(&second), &config, &target).await.unwrap();
}

#[tokio::test]
async fn what_is_no_tls_or_nothing_at_all_ends() {
    let (guests, mut book) = Guests::new(Duration::from_millis(50));
    let (listener, address) = bound(certificate(&pem())).await;
    tokio::spawn(listener.serve(guests, std::future::pending()));
    let mut hello = vec![3];
    hello.resize(1537, 0);
    for bytes in [&hello[..], &[]] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        // At most the alert that says why; then it is closed.
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard).await;
        assert!(heard.len() < 10, "{heard:?}");
    }
    assert!(book.came.try_recv().is_err());
}

/// A balancer's header stands in front of TLS, in the clear.
#[tokio::test]
async fn a_balancer_says_whose_it_is_before_tls() {
    let pem = pem();
    let (guests, mut book) = Guests::new(Duration::from_secs(10));
    let (listener, address) = bound(certificate(&pem)).await;
    tokio::spawn(listener.proxy_protocol().serve(guests, std::future::pending()));
    // What is in front of the port: says whose the connection is, and passes it on.
    let balancer = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = balancer.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut near, _) = balancer.accept().await.unwrap();
        let mut far = TcpStream::connect(address).await.unwrap();
        let header =
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x01\x0A\0\0\x01\xD4\x31\x07\x8F";
        far.write_all(header).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    Publisher::dial(&dialer(&pem), &Config::default(), &target(front)).await.unwrap();
    assert_eq!(book.came.recv().await.unwrap().to_string(), "192.0.2.1:54321");
}
