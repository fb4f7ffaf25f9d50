#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use airloom::Archive;
use airloom::archive::Config;

use super::proxy::{Proxy, Way};
#[cfg(feature = "tls")]
use super::server::bucket_at;
use super::server::{Server, bucket};
use crate::archive::judge::{archived, complete};
use crate::archive::shelf::Shelf;
use crate::camera::Camera;

fn count(archive: &Archive, name: &str) -> u64 {
    let metrics = archive.metrics();
    let name = format!("airloom_archive_{name} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(3);
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A real S3 server with faults injected, stopped and started again. Nothing is lost, and
/// at no moment does a playlist in the store list what is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_gets_there_whatever_happens_on_the_way() {
    let (objects, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Some(Server::start(objects.path(), None).await);
    let port = server.as_ref().unwrap().port;
    let proxy = Proxy::start(port).await;
    let shelf = Shelf::of(bucket(proxy.port), bucket(port));
    let mut config = Config::default();
    config.playlists = Duration::ZERO;
    config.attempt = Duration::from_millis(500);
    config.backoff = Duration::from_millis(100);
    config.limits.memory = 24 << 10;
    config.spill = Some(disk.path().to_owned());
    let (archive, origin) = archived(&shelf, config);
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    let mut seconds = 0;
    let mut go_on = async |camera: &mut Camera, time: u32| {
        for _ in 0..time {
            seconds += 1;
            camera.run_to(f64::from(seconds));
            // As fast as the disk takes it.
            until("room", || count(&archive, "memory_bytes") < 16 << 10).await;
        }
    };
    let caught_up = async || until("all to be there", || count(&archive, "waiting") == 0).await;

    go_on(&mut camera, 10).await;
    caught_up().await;
    for way in [Way::Cut, Way::Busy, Way::Silent] {
        proxy.be(way);
        let before = count(&archive, "failures_total");
        go_on(&mut camera, 20).await;
        until("failures", || count(&archive, "failures_total") > before + 5).await;
        assert!(count(&archive, "disk_bytes") > 0, "{way:?}");
        proxy.be(Way::Clear);
        caught_up().await;
    }
    server.take();
    go_on(&mut camera, 20).await;
    // Whoever asks meanwhile finds what was there, and only that.
    server.replace(Server::start(objects.path(), Some(port)).await);
    caught_up().await;
    go_on(&mut camera, 10).await;
    assert!(camera.is_on_air());
    drop(camera);
    origin.end().await;
    archive.settled().await;
    let (folder, gaps) = complete(&shelf).await;
    assert_eq!((gaps, count(&archive, "lost_segments_total")), (0, 0));
    let text = shelf.text(&format!("{folder}1.m3u8")).await;
    // The first is one second long.
    assert_eq!(text.matches("#EXTINF").count(), 51, "{text}");
    println!(
        "{} objects, {} attempts failed",
        count(&archive, "uploads_total"),
        count(&archive, "failures_total")
    );
}

/// The same server over TLS, with a certificate of its own.
#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_reached_over_tls_and_only_by_who_trusts_it() {
    use airloom::archive::Client;
    use airloom::tls::Roots;

    let (objects, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (keys.path().join("cert.pem"), keys.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let flags = ["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let server = Server::with(objects.path(), None, &flags).await;
    let endpoint = format!("https://localhost:{}", server.port);
    let roots = Roots::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trusting = bucket_at(endpoint.clone(), Client::with_roots(roots));
    let shelf = Shelf::of(Arc::clone(&trusting), trusting);
    let (archive, origin) = archived(&shelf, Config::default());
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(10.0);
    drop(camera);
    origin.end().await;
    archive.settled().await;
    assert_eq!(complete(&shelf).await.1, 0);

    // Nobody vouches for it on this machine: nothing is sent, and that can be seen.
    let wary = bucket_at(endpoint, Client::default());
    let shelf = Shelf::of(Arc::clone(&wary), wary);
    let mut config = Config::default();
    config.backoff = Duration::from_millis(10);
    let (archive, origin) = archived(&shelf, config);
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(10.0);
    until("failures", || count(&archive, "failures_total") > 2).await;
    assert_eq!(count(&archive, "uploads_total"), 0);
}
