use std::time::Duration;

use airloom::Origin;
use airloom::access::{Action, Grant, SignedUrls};
use airloom::origin::Thumbnails;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::time::advance;

use super::client::{Answer, get, request};
use crate::camera::Camera;
use crate::clip::Clip;

const PATH: &str = "/cam/thumbnail.jpg";

fn origin() -> Origin {
    Origin::builder().thumbnails(Thumbnails::default()).build()
}

fn assert_is_picture(answer: &Answer) {
    assert_eq!((answer.status, &answer.body[..2]), (StatusCode::OK, &[0xFF, 0xD8][..]));
    assert_eq!(answer.headers["content-type"], "image/jpeg");
}

#[tokio::test(start_paused = true)]
async fn a_stream_shows_its_last_keyframe_and_another_when_that_is_old() {
    let origin = origin();
    assert_eq!(get(&origin, PATH).await.status, StatusCode::NOT_FOUND);
    let mut clip = Clip::publish(&origin, "cam");
    assert_eq!(get(&origin, PATH).await.status, StatusCode::NOT_FOUND);
    clip.run(0..500);
    let first = get(&origin, PATH).await;
    assert_is_picture(&first);
    assert_eq!(first.headers["cache-control"], "public, max-age=5");

    clip.run(500..2500);
    advance(Duration::from_millis(4900)).await;
    assert_eq!(get(&origin, PATH).await.body, first.body);
    advance(Duration::from_millis(200)).await;
    let second = get(&origin, PATH).await;
    assert_is_picture(&second);
    assert_ne!(second.body, first.body);

    let tag = second.headers["etag"].clone();
    let known = Request::get(PATH).header("if-none-match", tag).body(Body::empty()).unwrap();
    let known = request(&origin, known).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    // Looking at a picture is not watching.
    assert_eq!(origin.streams("/live")[0].viewers, 0);
}

/// All of them wait for one picture, and who goes away takes it from nobody.
#[tokio::test(start_paused = true)]
async fn many_at_once_are_shown_the_same() {
    let origin = origin();
    let mut clip = Clip::publish(&origin, "cam");
    clip.run(0..500);
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let origin = origin.clone();
            tokio::spawn(async move { get(&origin, PATH).await })
        })
        .collect();
    let mut pictures = Vec::new();
    for (number, asking) in asking.into_iter().enumerate() {
        if number % 10 == 0 {
            asking.abort();
        } else {
            pictures.push(asking.await.unwrap());
        }
    }
    assert_is_picture(&pictures[0]);
    assert!(pictures.iter().all(|picture| picture.body == pictures[0].body));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_decode_has_no_picture_and_none_are_made_unless_wanted() {
    let wanted = origin();
    let mut camera = Camera::publish(&wanted, "cam").unwrap();
    camera.run_to(3.0);
    assert_eq!(get(&wanted, PATH).await.status, StatusCode::NOT_FOUND);

    let unwanted = Origin::builder().build();
    let mut clip = Clip::publish(&unwanted, "cam");
    clip.run(0..500);
    assert_eq!(get(&unwanted, PATH).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_watch_may_not_look() {
    let signed = SignedUrls::new(b"0123456789abcdef").unwrap();
    let origin = Origin::builder().thumbnails(Thumbnails::default()).gate(signed.clone()).build();
    let mut clip = Clip::publish(&origin, "cam");
    clip.run(0..500);
    assert_eq!(get(&origin, PATH).await.status, StatusCode::UNAUTHORIZED);
    let grant = Grant { action: Action::Play, expires: u64::MAX >> 1, streams: "cam" };
    let token = signed.sign(&grant);
    assert_is_picture(&get(&origin, &format!("{PATH}?token={token}")).await);
}

/// What viewers need a key for is not shown without one.
#[cfg(feature = "encryption")]
#[tokio::test(start_paused = true)]
async fn an_encrypted_stream_has_no_picture() {
    use airloom::origin::Encryption;
    use airloom::playlist::Protection;
    use airloom::segmenter::encrypt::{Key, Scheme};

    let origin = origin();
    let mut clip = Clip::publish(&origin, "cam");
    let key = Key::new([1; 16], [2; 16], [3; 16]);
    clip.0
        .encrypt(Encryption { scheme: Scheme::Cbcs, key, protection: Protection::default() })
        .unwrap();
    clip.run(0..500);
    assert_eq!(get(&origin, PATH).await.status, StatusCode::NOT_FOUND);
}
