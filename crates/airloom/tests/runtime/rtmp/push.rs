use std::time::Duration;

use airloom::rtmp::client::Target;
use airloom::rtmp::flv::Kind;
use airloom::rtmp::{Backoff, Config, Dialer, Feed, Push};

use super::network::{Heard, Network};
use super::tags::{audio_header, frame, headers};

const HEADERS: [Kind; 3] = [Kind::Script, Kind::Video, Kind::Audio];

fn push(dialer: &Dialer) -> Push {
    let target = Target::parse("rtmp://far.example/live/key").unwrap();
    Push::new(Config::default(), target).dialer(dialer.clone()).backoff(backoff())
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_secs(1), Duration::from_secs(30)).seed(7)
}

fn send_headers(feed: &Feed) {
    for tag in headers() {
        feed.send(&tag);
    }
}

fn headers_at(time: i64) -> Vec<(Kind, i64)> {
    HEADERS.map(|kind| (kind, time)).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_server_gets_every_tag_as_it_was_sent_and_hears_of_the_end() {
    let (mut network, dialer) = Network::new(1 << 16);
    let feed = Feed::new();
    let pushing = tokio::spawn(push(&dialer).run(&feed));
    let mut server = network.accept().await;
    let sent: Vec<_> = headers().into_iter().chain((0..100).map(|n| frame(n * 40))).collect();
    for tag in &sent {
        feed.send(tag);
    }
    drop(feed);
    for tag in sent {
        assert_eq!(server.hear().await, Some(Heard::Tag(tag)));
    }
    assert_eq!(server.hear().await, Some(Heard::Unpublished));
    pushing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_late_or_back_starts_on_the_last_keyframe_headers_first() {
    let (mut network, dialer) = Network::new(1 << 16);
    let feed = Feed::new();
    send_headers(&feed);
    feed.send(&frame(1000));
    feed.send(&frame(1500));
    tokio::spawn(push(&dialer).run(&feed));
    let mut server = network.accept().await;
    let mut expected = headers_at(1000);
    expected.extend([(Kind::Video, 1000), (Kind::Video, 1500)]);
    assert_eq!(server.tags(5).await, expected);

    drop(server);
    feed.send(&frame(2000));
    feed.send(&frame(2040));
    let mut server = network.accept().await;
    feed.send(&frame(2080));
    let mut expected = headers_at(2000);
    expected.extend([2000, 2040, 2080].map(|time| (Kind::Video, time)));
    assert_eq!(server.tags(6).await, expected);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spaced_by_the_backoff_until_one_held() {
    let (mut network, dialer) = Network::new(1 << 16);
    let feed = Feed::new();
    tokio::spawn(push(&dialer).run(&feed));
    // A server that agrees and hangs up is no success.
    for _ in 0..5 {
        drop(network.accept().await);
    }
    let server = network.accept().await;
    let held = Duration::from_secs(31);
    tokio::time::sleep(held).await;
    drop(server);
    network.accept().await;

    let mut backoff = backoff();
    let mut at = Duration::ZERO;
    let mut expected = vec![at];
    for _ in 0..5 {
        at += backoff.wait();
        expected.push(at);
    }
    backoff.reset();
    expected.push(at + held + backoff.wait());
    let dialled = network.dialled.lock().unwrap();
    assert_eq!(dialled.len(), expected.len());
    for ((dialled, _), expected) in dialled.iter().zip(expected) {
        // The clock of a runtime ticks in milliseconds.
        assert!(
            dialled.abs_diff(expected) < Duration::from_millis(20),
            "{dialled:?}, {expected:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_refuse_or_stall_disturb_nobody() {
    let feed = Feed::new();
    let (mut down, refused) = Network::new(1 << 16);
    down.go_down();
    let (mut stalled, stalling) = Network::new(1 << 12);
    let (mut well, good) = Network::new(1 << 16);
    for dialer in [&refused, &stalling, &good] {
        tokio::spawn(push(dialer).queue(20_000).run(&feed));
    }
    let _never_read = stalled.accept().await;
    let mut server = well.accept().await;
    send_headers(&feed);
    assert_eq!(server.tags(3).await, headers_at(0));
    for n in 0..1000 {
        feed.send(&frame(n * 40));
        assert_eq!(server.tags(1).await, [(Kind::Video, n * 40)]);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(well.dialled.lock().unwrap().len(), 1);
    let attempts = down.dialled.lock().unwrap().len();
    assert!((3..20).contains(&attempts), "{attempts} attempts in 40 s");
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_loses_what_waits_and_goes_on_at_a_keyframe() {
    let (mut network, dialer) = Network::new(1 << 12);
    let feed = Feed::new();
    send_headers(&feed);
    tokio::spawn(push(&dialer).queue(10_000).run(&feed));
    let mut server = network.accept().await;
    assert_eq!(server.tags(3).await, headers_at(0));
    // It reads nothing for two seconds: a pipe and a queue full are on their way, no more.
    tokio::spawn(async move {
        for n in 0.. {
            feed.send(&frame(n * 40));
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    // What was on its way comes, without a hole in it.
    let mut before = 0;
    loop {
        match server.tags(1).await[0] {
            (Kind::Video, time) => assert_eq!(time, before * 40),
            // Metadata: the gap is over.
            _ => break,
        }
        before += 1;
    }
    assert!((2..50).contains(&before), "{before} frames in a pipe and a queue");
    // Behind the gap: the rest of the headers, a keyframe, and all that follows it.
    let rest = server.tags(3).await;
    let at = rest[2].1;
    assert_eq!(rest, [(Kind::Video, at), (Kind::Audio, at), (Kind::Video, at)]);
    assert_eq!(at % 1000, 0);
    for time in (at + 40..at + 200).step_by(40) {
        assert_eq!(server.tags(1).await, [(Kind::Video, time)]);
    }
}

#[tokio::test(start_paused = true)]
async fn sound_alone_goes_on_anywhere() {
    let (mut network, dialer) = Network::new(1 << 16);
    let feed = Feed::new();
    feed.send(&audio_header());
    tokio::spawn(push(&dialer).run(&feed));
    let mut server = network.accept().await;
    assert_eq!(server.tags(1).await, [(Kind::Audio, 0)]);
    let mut sound = audio_header();
    (sound.timestamp, sound.data) = (23, [0xAF, 1, 0x21].as_slice().into());
    feed.send(&sound);
    assert_eq!(server.tags(1).await, [(Kind::Audio, 23)]);
    drop(server);
    // Whoever comes back while it runs gets the header with the sound that follows it.
    let mut server = network.accept().await;
    sound.timestamp = 46;
    feed.send(&sound);
    assert_eq!(server.tags(2).await, [(Kind::Audio, 46), (Kind::Audio, 46)]);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_ends_while_nobody_answers_ends_the_push() {
    let (mut network, dialer) = Network::new(1 << 16);
    network.go_down();
    let feed = Feed::new();
    let pushing = tokio::spawn(push(&dialer).run(&feed));
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(feed);
    let ended = tokio::time::timeout(Duration::from_millis(1), pushing);
    ended.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_push_goes_where_the_server_sends_it() {
    let (mut network, dialer) = Network::new(1 << 16);
    let feed = Feed::new();
    send_headers(&feed);
    tokio::spawn(push(&dialer).run(&feed));
    let mut server = network.accept().await;
    server.session.request_reconnect(Some("/other")).unwrap();
    server.flush().await;
    let mut other = network.accept().await;
    assert_eq!(other.tags(3).await, headers_at(0));
    drop((server, other));
    network.accept().await;
    let dialled = network.dialled.lock().unwrap();
    let urls: Vec<_> = dialled.iter().map(|(_, url)| url.as_str()).collect();
    let (home, other) = ("rtmp://far.example:1935/live", "rtmp://far.example:1935/other");
    assert_eq!(urls, [home, other, home]);
}
