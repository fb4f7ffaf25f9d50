//! HTTPS: HTTP/2 where the client can, HTTP/1.1 where it cannot.

use std::sync::Arc;

use airloom::http::Listener;
use airloom::tls::Certificate;
use axum::Router;
use axum::http::Version;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A server on a port of its own, and the certificate to trust it by.
async fn server() -> (std::net::SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_tls(tls);
    let address = listener.local_addr().unwrap();
    let router =
        Router::new().route("/", get(|version: Version| async move { format!("{version:?}") }));
    tokio::spawn(listener.serve(router, std::future::pending()));
    (address, made.cert.into())
}

async fn connect(
    address: std::net::SocketAddr,
    trusted: CertificateDer<'static>,
    protocols: &[&str],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

#[tokio::test]
async fn http_2_is_chosen_where_it_is_offered() {
    let (address, trusted) = server().await;
    let socket = connect(address, trusted, &["h2", "http/1.1"]).await;
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("https://localhost/").body(Empty::<bytes::Bytes>::new());
    let answer = client.send_request(request.unwrap()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "HTTP/2.0");
}

#[tokio::test]
async fn http_1_is_spoken_where_it_is_not() {
    let (address, trusted) = server().await;
    let socket = connect(address, trusted, &[]).await;
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/").header("host", "localhost");
    let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "HTTP/1.1");
}

/// Who does not speak TLS is hung up on, and nobody else notices.
#[tokio::test]
async fn plain_http_is_no_handshake() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (address, trusted) = server().await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"));
    connect(address, trusted, &["h2"]).await;
}

#[test]
fn what_is_no_certificate_is_refused() {
    assert!(Certificate::from_pem(b"", b"").is_err());
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), other.signing_key.serialize_pem());
    assert!(Certificate::from_pem(chain.as_bytes(), key.as_bytes()).is_err());
}

/// An edge asks its origin over TLS, where it trusts it.
#[cfg(feature = "edge")]
#[tokio::test]
async fn an_edge_reaches_its_origin_over_tls_and_only_where_it_trusts_it() {
    use airloom::edge::Config;
    use airloom::tls::Roots;
    use airloom::{Edge, Origin};
    use tower_service::Service;

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_tls(tls);
    let upstream = format!("https://localhost:{}/live", listener.local_addr().unwrap().port());
    let origin = Origin::builder().build();
    let mut camera = crate::camera::Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.0);
    let app = Router::new().nest("/live", origin.router());
    tokio::spawn(listener.serve(app, std::future::pending()));
    let get = async |edge: &Edge, path: &str| {
        let request = hyper::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = edge.router().call(request).await.unwrap();
        let status = answer.status();
        (status.as_u16(), answer.into_body().collect().await.unwrap().to_bytes())
    };
    let roots = Roots::from_pem(chain.as_bytes()).unwrap();
    let edge = Edge::with_roots(upstream.parse().unwrap(), Config::default(), roots);
    let (status, text) = get(&edge, "/cam/index.m3u8").await;
    assert_eq!(status, 200);
    assert!(text.starts_with(b"#EXTM3U"), "{text:?}");
    // With the roots of the system it is whoever says so.
    let wary = Edge::new(upstream.parse().unwrap(), Config::default());
    assert_eq!(get(&wary, "/cam/index.m3u8").await.0, 502);
}
