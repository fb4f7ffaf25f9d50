//! What caches, proxies and players expect of an HTTP server.

use std::io::Read;

use airloom::Origin;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};

use super::client::{Answer, get, request, video_playlist};
use crate::camera::Camera;

async fn ask(origin: &Origin, path: &str, name: header::HeaderName, value: &str) -> Answer {
    let ask = Request::get(path).header(name, value).body(Body::empty()).unwrap();
    request(origin, ask).await
}

fn value(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// MTX#2317: AVPlayer wants playlists compressed.
#[tokio::test(start_paused = true)]
async fn texts_are_compressed_for_who_takes_it() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    for path in [&video_playlist(&origin, "cam").await, "/cam/manifest.mpd", "/cam/index.m3u8"] {
        let plain = get(&origin, path).await;
        assert_eq!(value(&plain.headers, header::CONTENT_ENCODING), "");
        assert_eq!(value(&plain.headers, header::VARY), "accept-encoding");
        let mut tags = vec![value(&plain.headers, header::ETAG).to_owned()];
        for (accept, name) in [("gzip, deflate", "gzip"), ("gzip, deflate, br", "br")] {
            let answer = ask(&origin, path, header::ACCEPT_ENCODING, accept).await;
            assert_eq!(value(&answer.headers, header::CONTENT_ENCODING), name);
            let mut text = Vec::new();
            match name {
                "gzip" => flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut text),
                _ => brotli::Decompressor::new(&answer.body[..], 4096).read_to_end(&mut text),
            }
            .unwrap();
            assert_eq!(text, plain.body);
            assert!(answer.body.len() < plain.body.len());
            tags.push(value(&answer.headers, header::ETAG).to_owned());
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 3, "each form has a tag of its own");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_the_newest_is_not_sent_it_again() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let media = get(&origin, &video_playlist(&origin, "cam").await).await.uris()[0].to_owned();
    for path in [&video_playlist(&origin, "cam").await, &format!("/cam/{media}")] {
        let first = get(&origin, path).await;
        let tag = value(&first.headers, header::ETAG);
        for known in [tag.to_owned(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = ask(&origin, path, header::IF_NONE_MATCH, &known).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            assert_eq!(value(&again.headers, header::ETAG), tag);
        }
        let other = ask(&origin, path, header::IF_NONE_MATCH, "\"other\"").await;
        assert_eq!(other.status, StatusCode::OK);
    }
}

/// RFC 8216bis, appendix B: what was blocked for may be kept, what was not must be asked again.
#[tokio::test(start_paused = true)]
async fn caches_are_told_what_to_keep() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let path = video_playlist(&origin, "cam").await;
    let plain = get(&origin, &path).await;
    assert_eq!(value(&plain.headers, header::CACHE_CONTROL), "no-cache");
    let (first, _) = plain.sequences();
    let blocked = get(&origin, &format!("{path}?_HLS_msn={first}&_HLS_part=0")).await;
    assert_eq!(value(&blocked.headers, header::CACHE_CONTROL), "public, max-age=12");
    let media = get(&origin, &format!("/cam/{}", plain.uris()[0])).await;
    assert!(value(&media.headers, header::CACHE_CONTROL).ends_with("immutable"));
    // Appendix B.1: playlists have priority 1, media 2 to 6 (RFC 9218).
    for (answer, urgency) in [(&plain, "u=1"), (&blocked, "u=1"), (&media, "u=3")] {
        let told = answer.headers.get("priority").and_then(|value| value.to_str().ok());
        assert_eq!(told, Some(urgency));
    }
    let missing = get(&origin, "/cam/1-1.m4s").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(value(&missing.headers, header::CACHE_CONTROL), "no-store");
}

#[tokio::test(start_paused = true)]
async fn media_comes_in_ranges() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let playlist = get(&origin, &video_playlist(&origin, "cam").await).await;
    let segment = format!("/cam/{}", playlist.uris()[0]);
    let part = format!("/cam/{}", playlist.last("#EXT-X-PART:DURATION=0.167000,URI="));
    for path in [&segment, &part, "/cam/ts.m3u8"] {
        let whole = get(&origin, path).await;
        let length = whole.body.len();
        if path == "/cam/ts.m3u8" {
            // What changes is sent whole.
            let answer = ask(&origin, path, header::RANGE, "bytes=0-1").await;
            assert_eq!((answer.status, answer.body), (StatusCode::OK, whole.body));
            continue;
        }
        assert_eq!(value(&whole.headers, header::ACCEPT_RANGES), "bytes");
        for (range, from, to) in [
            ("bytes=0-99".to_owned(), 0, 100),
            ("bytes=57-".to_owned(), 57, length),
            (format!("bytes=-{}", 20), length - 20, length),
            (format!("bytes={}-", length - 1), length - 1, length),
        ] {
            let answer = ask(&origin, path, header::RANGE, &range).await;
            assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
            assert_eq!(answer.body, whole.body[from..to], "{range}");
            let told = format!("bytes {from}-{}/{length}", to - 1);
            assert_eq!(value(&answer.headers, header::CONTENT_RANGE), told);
            assert_eq!(value(&answer.headers, header::CONTENT_LENGTH), (to - from).to_string());
        }
        let absurd = ask(&origin, path, header::RANGE, "bytes=99999999999999999999-").await;
        assert_eq!(absurd.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(value(&absurd.headers, header::CONTENT_RANGE), format!("bytes */{length}"));
        for ignored in ["bytes=0-1,5-6", "bytes=5-1", "lines=1-2", "bytes=x"] {
            let answer = ask(&origin, path, header::RANGE, ignored).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, length), "{ignored}");
        }
        let changed = Request::get(path.to_owned())
            .header(header::RANGE, "bytes=0-1")
            .header(header::IF_RANGE, "\"another\"")
            .body(Body::empty())
            .unwrap();
        assert_eq!(request(&origin, changed).await.status, StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn head_says_what_get_would() {
    let origin = Origin::builder().build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let playlist = video_playlist(&origin, "cam").await;
    let media = format!("/cam/{}", get(&origin, &playlist).await.uris()[0]);
    for path in [&playlist, &media, "/cam/time"] {
        let said = get(&origin, path).await;
        let ask = Request::builder().method(Method::HEAD).uri(path).body(Body::empty()).unwrap();
        let head = request(&origin, ask).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(value(&head.headers, header::CONTENT_LENGTH), said.body.len().to_string());
        for name in [header::ETAG, header::CONTENT_TYPE, header::CACHE_CONTROL] {
            assert_eq!(head.headers.get(&name), said.headers.get(&name));
        }
    }
}

/// MTX#2205: a token is carried from the first URL to the last, and directives are not.
#[tokio::test(start_paused = true)]
async fn tokens_are_carried_into_every_link() {
    let origin = Origin::builder().carried(["token", "session"]).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(9.1);
    let query = "utm=x&token=se%2Fcret&session=9";
    let index = get(&origin, &format!("/cam/index.m3u8?{query}")).await;
    let media = index.uris()[0];
    assert_eq!(media, "1.m3u8?token=se%2Fcret&session=9");
    let (first, _) = get(&origin, "/cam/1.m3u8").await.sequences();
    let media = get(&origin, &format!("/cam/{media}&_HLS_msn={first}")).await;
    let links = media.text().lines().filter(|line| line.contains("m4s") || line.contains("mp4"));
    for link in links {
        assert!(link.contains("?token=se%2Fcret&session=9"), "{link}");
        let link = link.rsplit("URI=\"").next().unwrap().split('"').next().unwrap();
        if !link.contains(&media.last("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=").to_owned()) {
            assert_eq!(get(&origin, &format!("/cam/{link}")).await.status, StatusCode::OK);
        }
    }
    assert!(!media.text().contains("_HLS_") && !media.text().contains("utm"));
    let manifest = get(&origin, &format!("/cam/manifest.mpd?{query}")).await;
    assert!(manifest.text().contains("m4s?token=se%2Fcret&amp;session=9\""));
    // What somebody else asks for is still the shared text.
    assert!(!get(&origin, "/cam/index.m3u8").await.text().contains('?'));
}
