//! Who is let in, and who is asked how often.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::Origin;
use airloom::access::{
    Action, Admission, All, Denied, FirstCome, Gate, Grant, Pass, SignedUrls, Visit,
};
use airloom::playlist::WallTime;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use tokio::time::sleep;

use super::client::{Answer, get, request};
use crate::camera::Camera;

/// Counts what it is asked, lets everybody play who shows something, and hears who leaves.
#[derive(Debug, Default)]
struct Desk {
    asked: AtomicUsize,
    left: Arc<AtomicUsize>,
    seen: Mutex<Vec<Visit>>,
    until: AtomicU64,
}

impl Gate for Desk {
    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.play(visit)
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.seen.lock().unwrap().push(visit.clone());
        Box::pin(async move {
            // Others come while it decides.
            sleep(Duration::from_millis(50)).await;
            if visit.credential.is_none() {
                return Err(Denied::Required);
            }
            let left = Arc::clone(&self.left);
            let pass = Pass::new().on_leave(move || {
                left.fetch_add(1, Ordering::Relaxed);
            });
            match self.until.load(Ordering::Relaxed) {
                0 => Ok(pass),
                seconds => Ok(pass.until(WallTime::from_unix(Duration::from_secs(seconds)))),
            }
        })
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn ask(origin: &Origin, path: &str, peer: [u8; 4], bearer: Option<&str>) -> Answer {
    let mut ask = Request::get(path);
    if let Some(bearer) = bearer {
        ask = ask.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let mut ask = ask.body(Body::empty()).unwrap();
    ask.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4000))));
    request(origin, ask).await
}

#[tokio::test(start_paused = true)]
async fn a_viewer_is_asked_for_once_however_much_it_asks_for() {
    let desk = Arc::new(Desk::default());
    let origin = Origin::builder().gate(Arc::clone(&desk)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let (one, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    // Three requests at once, as a player makes them: one question.
    let at_once = ["index.m3u8", "ts.m3u8", "manifest.mpd"].map(|resource| {
        let origin = origin.clone();
        let path = format!("/cam/{resource}?token=a");
        tokio::spawn(async move { ask(&origin, &path, one, None).await })
    });
    for answer in at_once {
        assert_eq!(answer.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(desk.asked.load(Ordering::Relaxed), 1);
    // Whatever the playlists lead to carries the token, and is let through by it.
    let multivariant = ask(&origin, "/cam/index.m3u8?token=a", one, None).await;
    for rendition in multivariant.uris() {
        let playlist = ask(&origin, &format!("/cam/{rendition}"), one, None).await;
        for media in playlist.uris() {
            let answer = ask(&origin, &format!("/cam/{media}"), one, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{media}");
        }
    }
    assert_eq!(desk.asked.load(Ordering::Relaxed), 1);
    // Another token, another address and another stream are other visits.
    ask(&origin, "/cam/index.m3u8?token=b", one, None).await;
    ask(&origin, "/cam/index.m3u8?token=a", other, None).await;
    ask(&origin, "/gone/index.m3u8?token=a", one, None).await;
    assert_eq!(desk.asked.load(Ordering::Relaxed), 4);
    // What is not carried on decides nothing, so it is not shown either.
    ask(&origin, "/cam/index.m3u8?token=a&x=1", one, None).await;
    assert_eq!(desk.asked.load(Ordering::Relaxed), 4);
    let visit = desk.seen.lock().unwrap()[0].clone();
    assert_eq!((&visit.query[..], visit.credential.as_deref()), ("token=a", Some("a")));
    assert_eq!(visit.peer, Some(SocketAddr::from((one, 4000))));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_left_is_told_of_and_asked_for_anew() {
    let desk = Arc::new(Desk::default());
    let origin = Origin::builder().gate(Arc::clone(&desk)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    for _ in 0..10 {
        ask(&origin, "/cam/index.m3u8?token=a", [10, 0, 0, 1], None).await;
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(desk.asked.load(Ordering::Relaxed), 1);
    assert_eq!(desk.left.load(Ordering::Relaxed), 0);
    sleep(Duration::from_secs(90)).await;
    assert_eq!(desk.left.load(Ordering::Relaxed), 1);
    ask(&origin, "/cam/index.m3u8?token=a", [10, 0, 0, 1], None).await;
    assert_eq!(desk.asked.load(Ordering::Relaxed), 2);
    // Another gate knows nothing of what this one said.
    origin.set_gate(None);
    assert_eq!(desk.left.load(Ordering::Relaxed), 2);
    assert_eq!(get(&origin, "/cam/index.m3u8").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_pass_holds_until_it_expires() {
    let desk = Arc::new(Desk::default());
    desk.until.store(now() + 20, Ordering::Relaxed);
    let origin = Origin::builder().gate(Arc::clone(&desk)).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    for _ in 0..15 {
        ask(&origin, "/cam/index.m3u8?token=a", [10, 0, 0, 1], None).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(desk.asked.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(10)).await;
    ask(&origin, "/cam/index.m3u8?token=a", [10, 0, 0, 1], None).await;
    assert_eq!(desk.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_and_holds_for_two_seconds() {
    let desk = Arc::new(Desk::default());
    let origin = Origin::builder().gate(Arc::clone(&desk)).build();
    let _camera = Camera::publish(&origin, "cam").unwrap();
    for _ in 0..10 {
        let answer = ask(&origin, "/cam/index.m3u8", [10, 0, 0, 1], None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.text().contains("urn:airloom:access:credential-required"));
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(desk.asked.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(2)).await;
    ask(&origin, "/cam/index.m3u8", [10, 0, 0, 1], None).await;
    assert_eq!(desk.asked.load(Ordering::Relaxed), 2);
    assert!(
        origin.metrics().contains("airloom_access_total{action=\"play\",outcome=\"refused\"} 2\n")
    );
}

#[derive(Debug)]
struct Hangs;

impl Gate for Hangs {
    fn publish<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(pending())
    }

    fn play<'a>(&'a self, _: &'a Visit) -> Admission<'a> {
        Box::pin(pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_hangs_is_given_up() {
    let origin = Origin::builder().gate(Hangs).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    let answer = ask(&origin, "/cam/index.m3u8", [10, 0, 0, 1], None).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers[header::RETRY_AFTER], "2");
    let metrics = origin.metrics();
    assert!(metrics.contains("airloom_access_total{action=\"play\",outcome=\"unavailable\"} 1\n"));
    // Live goes on.
    camera.run_to(6.0);
    assert!(camera.is_on_air());
}

#[tokio::test(start_paused = true)]
async fn signed_urls_let_in_over_http_and_caches_may_keep_what_they_name() {
    let signed = SignedUrls::new(b"0123456789abcdef").unwrap();
    let token = |expires, streams| signed.sign(&Grant { action: Action::Play, expires, streams });
    let origin = Origin::builder().gate(signed.clone()).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let here = [10, 0, 0, 1];
    let good = token(now() + 100, "cam");
    let multivariant = ask(&origin, &format!("/cam/index.m3u8?token={good}"), here, None).await;
    assert_eq!(multivariant.status, StatusCode::OK);
    let playlist = ask(&origin, &format!("/cam/{}", multivariant.uris()[0]), here, None).await;
    let media = format!("/cam/{}", playlist.uris()[0]);
    let answer = ask(&origin, &media, here, None).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "public, max-age=86400, immutable");
    // By a header, the same bytes are for this viewer alone.
    let plain = media.split('?').next().unwrap();
    let answer = ask(&origin, plain, here, Some(&good)).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "private, max-age=86400, immutable");
    // Escaped, it is the same token.
    let escaped = good.replace('.', "%2E");
    let answer = ask(&origin, &format!("/cam/index.m3u8?token={escaped}"), here, None).await;
    assert_eq!(answer.status, StatusCode::OK);

    let mut forged = good.clone();
    forged.replace_range(5..6, "9");
    for (token, status, code) in [
        (forged, 401, "credential-forged"),
        (token(now() - 1, "cam"), 401, "credential-expired"),
        (token(now() + 100, "other"), 403, "credential-stream"),
        ("nonsense".to_owned(), 401, "credential-malformed"),
    ] {
        let answer = ask(&origin, &format!("/cam/index.m3u8?token={token}"), here, None).await;
        assert_eq!(answer.status, status, "{code}");
        assert!(answer.text().contains(code), "{}", answer.text());
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
    assert_eq!(ask(&origin, plain, here, None).await.status, StatusCode::UNAUTHORIZED);
}

/// What somebody overheard is of no use elsewhere.
#[tokio::test(start_paused = true)]
async fn a_token_for_publishing_stays_with_the_address_that_showed_it_first() {
    let signed = SignedUrls::new(b"0123456789abcdef").unwrap();
    let token = |expires| {
        let grant = Grant { action: Action::Publish, expires, streams: "cam" };
        format!("token={}", signed.sign(&grant))
    };
    let gate = FirstCome::new(All::new().with(signed.clone()));
    let visit = |query: &str, peer: [u8; 4], now| {
        let now = WallTime::from_unix(Duration::from_secs(now));
        let mut visit = Visit::new("cam".parse().unwrap(), query, now);
        visit.peer = Some(SocketAddr::from((peer, 4000)));
        visit
    };
    let (here, there) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    assert!(gate.publish(&visit(&token(100), here, 0)).await.is_ok());
    assert!(gate.publish(&visit(&token(100), here, 50)).await.is_ok());
    let replayed = gate.publish(&visit(&token(100), there, 60)).await;
    assert_eq!(replayed.unwrap_err(), Denied::Replayed);
    assert!(gate.publish(&visit(&token(200), there, 60)).await.is_ok());
    let expired = gate.publish(&visit(&token(100), here, 100)).await;
    assert_eq!(expired.unwrap_err(), Denied::Expired);
    // There is nothing to overhear in playing what others may play.
    assert_eq!(gate.play(&visit(&token(200), there, 60)).await.unwrap_err(), Denied::Action);
}
