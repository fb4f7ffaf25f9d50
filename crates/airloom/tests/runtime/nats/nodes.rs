//! Nodes of a chat, and what a reader on one of them holds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use airloom::chat::nats::{Config, Nats, async_nats};
use airloom::chat::{Chat, Said, Subscription};
use airloom_chat::{
    Answer, Author, Cursor, Entry, Epoch, Input, Key, Receipt, Refusal, RoomId, Submission,
};
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes that goes as it should.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) fn lobby() -> RoomId {
    "the lobby.*".parse().unwrap()
}

/// Shorter times than the defaults, of the same proportions.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.lease = Duration::from_secs(2);
    config.cluster.renew = Duration::from_millis(500);
    config.cluster.margin = Duration::from_millis(200);
    config.cluster.silence = Duration::from_secs(1);
    config.cluster.beat = Duration::from_millis(200);
    config.cluster.answer = Duration::from_secs(1);
    config.room.display = None;
    config.room.welcome = 1000;
    config
}

pub(crate) async fn node(server: SocketAddr) -> Chat {
    node_with(server, config()).await
}

pub(crate) async fn node_with(server: SocketAddr, config: Config) -> Chat {
    let options = async_nats::ConnectOptions::new()
        .retry_on_initial_connect()
        .ping_interval(Duration::from_secs(1))
        .reconnect_delay_callback(|_| Duration::from_millis(100));
    let client = options.connect(server.to_string()).await.unwrap();
    Chat::builder().broker(Nats::new(client, config)).build().unwrap()
}

pub(crate) async fn try_to_say(chat: &Chat, name: &str, text: &str) -> Result<Receipt, Refusal> {
    let key: Key = text.parse().unwrap();
    let message = Submission::message(Author::new(name.parse().unwrap()), text).with_key(key);
    match chat.request(&lobby(), Input::Submit(message)).await? {
        Answer::Admitted(receipt) => Ok(receipt),
        other => panic!("{other:?}"),
    }
}

/// Says it, however often it takes; under one key, so it is said once.
pub(crate) async fn say(chat: &Chat, name: &str, text: &str) -> Receipt {
    let start = Instant::now();
    loop {
        match try_to_say(chat, name, text).await {
            Ok(receipt) => return receipt,
            Err(refusal) => {
                assert!(start.elapsed() < PATIENCE, "{text}: {refusal}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Somebody who reads, and complains about what must not be.
pub(crate) struct Client {
    subscription: Subscription,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) entries: BTreeMap<u64, Entry>,
    next: Option<u64>,
    pub(crate) gaps: Vec<(u64, u64)>,
    pub(crate) resets: usize,
    pub(crate) links: Vec<bool>,
}

impl Client {
    pub(crate) fn of(chat: &Chat) -> Self {
        let subscription = chat.subscribe(&lobby(), None, None).unwrap();
        Self {
            subscription,
            epoch: None,
            entries: BTreeMap::new(),
            next: None,
            gaps: Vec::new(),
            resets: 0,
            links: Vec::new(),
        }
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.entries.values().filter_map(|entry| entry.body.text()).collect()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.texts().contains(&text)
    }

    /// Reads until it is so.
    pub(crate) async fn until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let reading = async {
            while !is(self) {
                match self.subscription.next().await {
                    Some(Said::Events(events)) => self.read(&events),
                    Some(Said::Quiet) => {}
                    None => panic!("the chat was closed before {what}"),
                }
            }
        };
        assert!(timeout(PATIENCE, reading).await.is_ok(), "{what}; has {:?}", self.texts());
    }

    fn read(&mut self, events: &[u8]) {
        let text = std::str::from_utf8(events).unwrap();
        for event in text.trim_end_matches("\n\n").split("\n\n") {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let id: Option<Cursor> = field("id").map(|id| id.parse().unwrap());
            let data: serde_json::Value = serde_json::from_str(field("data").unwrap()).unwrap();
            match field("event").unwrap() {
                "batch" => {
                    let epoch = id.unwrap().epoch;
                    assert_eq!(*self.epoch.get_or_insert(epoch), epoch, "a reset comes first");
                    for entry in data["entries"].as_array().unwrap() {
                        let entry: Entry = serde_json::from_value(entry.clone()).unwrap();
                        let offset = entry.offset.number();
                        assert_eq!(*self.next.get_or_insert(offset), offset, "none is missing");
                        self.next = Some(offset + 1);
                        assert!(self.entries.insert(offset, entry).is_none(), "none comes twice");
                    }
                }
                "gap" => {
                    let bound = |name: &str| data[name].as_u64().unwrap();
                    self.gaps.push((bound("from"), bound("to")));
                    self.next = Some(bound("to") + 1);
                }
                "reset" => {
                    self.resets += 1;
                    let id = id.unwrap();
                    assert!(self.epoch.is_none_or(|epoch| epoch < id.epoch), "epochs rise");
                    self.epoch = Some(id.epoch);
                    self.entries.clear();
                    self.gaps.clear();
                    self.next = Some(id.offset.number() + 1);
                }
                "link" => self.links.push(data["connected"].as_bool().unwrap()),
                "presence" => {}
                other => panic!("{other}"),
            }
        }
    }
}
