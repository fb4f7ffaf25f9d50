//! Webhooks: receivers of yours are told what streams do. Feature `webhooks`.
//!
//! Every message is a `POST` of JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com)
//! 1.0.0 says: the headers `webhook-id` (the same for each attempt), `webhook-timestamp` (of the
//! attempt) and `webhook-signature` (`v1`, HMAC-SHA256), which any library of that standard checks.
//!
//! ```json
//! {"type":"stream.started","timestamp":"2026-01-01T00:00:00.000Z",
//!  "data":{"stream":"cam","sequence":1,"life":1767225600}}
//! ```
//!
//! | `type` | when |
//! |---|---|
//! | `stream.started` | a publisher has begun a stream; `life` tells streams of one name apart |
//! | `stream.first_segment` | its first segment is complete: it can be watched |
//! | `stream.interrupted` | the publisher is gone, and may come back |
//! | `stream.resumed` | it is back |
//! | `stream.ended` | there will be no more |
//! | any other | what was given to [`Webhooks::send`], such as `recording.ready` |
//!
//! `sequence` counts what there was to tell this receiver: where a number is left out, something was
//! lost. A receiver answers with a status of 2xx. Until it does a message is sent again, after waits
//! that double and are drawn at random, and those of the same stream wait behind it; streams do not
//! wait for one another.
//!
//! [`Webhooks::open`] keeps what waits in a file, so that it survives the process, killed or not, and a
//! loss of power: a message is on disk some milliseconds after it was made, and is told again, under
//! the same id, where the process ended before it had noted that it was taken. With
//! [`Webhooks::new`] nothing is kept, and what was not delivered when the process ends is lost.
//!
//! ```
//! use std::sync::Arc;
//!
//! use airloom::Origin;
//! use airloom::webhooks::{Config, Secret, Webhooks};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! let webhooks = Webhooks::new();
//! webhooks.add(Config::new("http://127.0.0.1:8000/hooks".parse()?, secret));
//! let origin = Origin::builder().observer(Arc::new(webhooks.clone())).build();
//! # drop(origin);
//! # Ok(())
//! # }
//! ```

mod config;
mod message;
mod outbox;
mod receiver;
mod secret;
mod store;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airloom_playlist::WallTime;
use serde_json::{Map, Value};

use crate::metrics::Family;
use crate::origin::{Event, Observer, StreamName};
pub use config::Config;
use message::Notice;
use receiver::Receiver;
pub use secret::{InvalidSecret, Secret};
use store::Store;
pub use store::StoreError;

/// Tells receivers what streams do; cloning gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct Webhooks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    receivers: Mutex<Vec<Arc<Receiver>>>,
    /// Streams that are on air, and have no segment yet.
    unseen: Mutex<HashSet<StreamName>>,
    store: Option<Store>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        for receiver in lock(&self.receivers).iter() {
            receiver.stop();
        }
    }
}

impl Webhooks {
    /// With no receiver yet, and nothing kept on disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// With no receiver yet; what waits is kept in `file`, which is made if there is none. What waits
    /// in it for a receiver is told once that is [added](Self::add), by its URL, in the order and
    /// under the ids it had.
    ///
    /// Blocks while it reads, some milliseconds. Dropping the last handle waits for what is still to
    /// be written.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another process has it open, [`StoreError::Unusable`] where it
    /// cannot be made, read or repaired.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, StoreError> {
        let store = Some(Store::open(file.as_ref())?);
        let (receivers, unseen) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Shared { receivers, unseen, store })))
    }

    /// Tells one more receiver, from now on. A URL is one receiver: added again, it is told once and
    /// goes by the new configuration.
    ///
    /// Must be called inside a tokio runtime, which sends what there is to send.
    pub fn add(&self, config: Config) {
        self.take_in(&mut lock(&self.0.receivers), config);
    }

    /// Tells these receivers from now on, and no others: what waits for one whose URL stays is still
    /// delivered, with the new secret; what waits for others is dropped, on disk too.
    ///
    /// Must be called inside a tokio runtime.
    pub fn replace(&self, configs: impl IntoIterator<Item = Config>) {
        let mut receivers = lock(&self.0.receivers);
        let mut before = std::mem::take(&mut *receivers);
        for config in configs {
            if let Some(at) = before.iter().position(|known| *known.endpoint() == config.endpoint) {
                receivers.push(before.swap_remove(at));
            }
            self.take_in(&mut receivers, config);
        }
        for receiver in before {
            receiver.dismiss();
        }
        if let Some(store) = &self.0.store {
            store.forget_others();
        }
    }

    fn take_in(&self, receivers: &mut Vec<Arc<Receiver>>, config: Config) {
        match receivers.iter().find(|known| *known.endpoint() == config.endpoint) {
            Some(known) => known.reconfigure(config),
            None => receivers.push(self.start(config)),
        }
    }

    fn start(&self, config: Config) -> Arc<Receiver> {
        let endpoint = config.endpoint.to_string();
        let (kept, keeper) = self.0.store.as_ref().map(|store| store.keeper(&endpoint)).unzip();
        Receiver::start(config, kept.flatten(), keeper)
    }

    /// Tells the receivers something else about a stream: `type` is a word like `recording.ready`,
    /// and `data` what there is to say of it, beside `stream` and `sequence`. It is told after all
    /// that was told of the stream before. Does not block.
    pub fn send(
        &self,
        r#type: &'static str,
        stream: &StreamName,
        at: WallTime,
        data: &Map<String, Value>,
    ) {
        for receiver in lock(&self.0.receivers).iter() {
            receiver.push(&Notice { r#type, stream, at, data });
        }
    }

    /// Waits until everything is delivered, at most so long; whether it was. At the end of the
    /// process, after [`Origin::end`](crate::Origin::end). What is kept on disk then is what was not.
    pub async fn settle(&self, within: Duration) -> bool {
        let receivers = lock(&self.0.receivers).clone();
        let settled = async {
            for receiver in &receivers {
                receiver.settled().await;
            }
        };
        let all = tokio::time::timeout(within, settled).await.is_ok();
        if let Some(store) = &self.0.store {
            store.flush().await;
        }
        all
    }

    /// Prometheus text (exposition format 0.0.4): messages by receiver and by what came of them.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let receivers = lock(&self.0.receivers).clone();
        let label = |receiver: &Receiver| {
            // A URL has neither quotes nor backslashes in it; its query may have secrets.
            let url = receiver.endpoint().to_string();
            url.split('?').next().unwrap_or_default().to_owned()
        };
        let help = "Attempts to deliver a webhook, by receiver and by what came of it.";
        let mut family = Family::new(&mut text, "airloom_webhook_attempts_total", "counter", help);
        for receiver in &receivers {
            let (url, counts) = (label(receiver), receiver.counts());
            for (outcome, count) in [("delivered", counts.delivered), ("failed", counts.failed)] {
                family.sample(&format!("{{receiver=\"{url}\",outcome=\"{outcome}\"}}"), count);
            }
        }
        let help = "Webhooks that were never delivered: too old, too many, or not wanted any more.";
        let mut family = Family::new(&mut text, "airloom_webhook_dropped_total", "counter", help);
        for receiver in &receivers {
            let labels = format!("{{receiver=\"{}\"}}", label(receiver));
            family.sample(&labels, receiver.counts().dropped);
        }
        let help = "Webhooks that wait to be delivered.";
        let mut family = Family::new(&mut text, "airloom_webhook_waiting", "gauge", help);
        for receiver in &receivers {
            let labels = format!("{{receiver=\"{}\"}}", label(receiver));
            family.sample(&labels, receiver.waiting());
        }
        if let Some(store) = &self.0.store {
            let help = "Webhooks that could not be kept on disk, and wait in memory alone.";
            Family::new(&mut text, "airloom_webhook_unstored_total", "counter", help)
                .sample("", store.unstored());
        }
        text
    }

    fn tell(&self, r#type: &'static str, stream: &StreamName, at: WallTime, life: Option<u64>) {
        let data = life.map(|life| ("life".to_owned(), Value::from(life)));
        self.send(r#type, stream, at, &data.into_iter().collect());
    }
}

impl Observer for Webhooks {
    fn observe(&self, stream: &StreamName, event: &Event) {
        match event {
            Event::Started { life, at } => {
                lock(&self.0.unseen).insert(stream.clone());
                self.tell("stream.started", stream, *at, Some(*life));
            }
            Event::Interrupted { at } => self.tell("stream.interrupted", stream, *at, None),
            Event::Resumed { at } => self.tell("stream.resumed", stream, *at, None),
            Event::Segment { at, .. } if lock(&self.0.unseen).remove(stream) => {
                self.tell("stream.first_segment", stream, *at, None);
            }
            Event::Ended { at } => {
                lock(&self.0.unseen).remove(stream);
                self.tell("stream.ended", stream, *at, None);
            }
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
