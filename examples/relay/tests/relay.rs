//! The program as a whole: an encoder in front of it, servers behind it, one of them dead.

use std::net::SocketAddr;
use std::process::Stdio;

use airloom::Origin;
use airloom::rtmp::client::Target;
use airloom::rtmp::flv::{Kind, Tag};
use airloom::rtmp::{Config, Listener, Media, Player, Publisher};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn tags() -> Vec<Tag> {
    let header = [0xAF, 0, 0x11, 0x90].as_slice();
    let sound = (1..50).map(|n| Tag::new(Kind::Audio, n * 21, vec![0xAF, 1, 0x21, n as u8].into()));
    [Tag::new(Kind::Audio, 0, header.into())].into_iter().chain(sound).collect()
}

async fn server() -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ingest = Origin::builder().build().ingest("live");
    tokio::spawn(listener.serve(ingest, std::future::pending()));
    address
}

fn target(address: SocketAddr) -> Target {
    Target::parse(&format!("rtmp://{address}/live/cam")).unwrap()
}

/// Plays what is published at `address`, as soon as it is there.
async fn player(address: SocketAddr) -> Player {
    loop {
        if let Ok(player) = Player::connect(Config::default(), target(address)).await {
            return player;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_servers_that_are_there_get_the_stream() {
    let servers = [server().await, server().await];
    let dead = Listener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut relay = Command::new(env!("CARGO_BIN_EXE_relay"));
    relay.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).kill_on_drop(true);
    for address in [servers[0], dead, servers[1]] {
        relay.args(["--push", &format!("rtmp://{address}/live/cam")]);
    }
    let mut relay = relay.spawn().unwrap();
    let mut said = BufReader::new(relay.stdout.take().unwrap()).lines();
    let first = said.next_line().await.unwrap().unwrap();
    let address = first.split('"').nth(7).unwrap().parse().unwrap();

    let mut publisher = Publisher::connect(Config::default(), target(address)).await.unwrap();
    let refused = Publisher::connect(Config::default(), target(address)).await;
    assert!(refused.unwrap_err().to_string().contains("NetStream.Publish.BadName"));
    let mut players = [player(servers[0]).await, player(servers[1]).await];
    for tag in tags() {
        publisher.send(&tag).await.unwrap();
    }
    publisher.finish().await.unwrap();
    for player in &mut players {
        let mut heard = Vec::new();
        while let Some(media) = player.next().await.unwrap() {
            if let Media::Tag(tag) = media {
                heard.push(tag);
            }
        }
        assert_eq!(heard, tags());
    }
}
