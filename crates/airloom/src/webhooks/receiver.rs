use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, warn};

use super::Config;
use super::message::{Message, Notice};
use super::outbox::{Answer, Counts, Outbox};
use super::store::{Keeper, Kept};
use crate::http::{Endpoint, post};
use crate::origin::{StreamName, wall_time};

/// Bytes of an answer that are read; nobody looks at them.
const ANSWER: usize = 64 << 10;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// One receiver: what waits for it, and the task that sends it.
#[derive(Debug)]
pub(super) struct Receiver {
    endpoint: Endpoint,
    /// Tells its messages from those of any other process.
    name: u64,
    started: Instant,
    /// The wall clock then, since 1970: what waits may be older than this process.
    since: Duration,
    keeper: Option<Keeper>,
    state: Mutex<State>,
    wake: Notify,
    settled: Notify,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct State {
    config: Arc<Config>,
    outbox: Outbox,
    sequence: u64,
}

impl Receiver {
    /// Begins with what was kept of one for the same endpoint.
    pub(super) fn start(config: Config, kept: Option<Kept>, keeper: Option<Keeper>) -> Arc<Self> {
        let fresh = || Kept { name: RandomState::new().build_hasher().finish(), ..Kept::default() };
        let Kept { name, sequence, messages } = kept.unwrap_or_else(fresh);
        let mut outbox = Outbox::new();
        let since = wall_time().since_unix();
        for mut message in messages {
            // The wall clock may have been set back since.
            message.made = message.made.min(since);
            outbox.push(&config, message);
        }
        // More than this one may hold, where it may hold less than the one before.
        let over = outbox.take_over();
        if let Some(keeper) = keeper.as_ref().filter(|_| !over.is_empty()) {
            keeper.done(over);
        }
        let receiver = Arc::new(Self {
            endpoint: config.endpoint.clone(),
            name,
            started: Instant::now(),
            since,
            keeper,
            state: Mutex::new(State { config: Arc::new(config), outbox, sequence }),
            wake: Notify::new(),
            settled: Notify::new(),
            task: Mutex::default(),
        });
        let task = tokio::spawn(Arc::clone(&receiver).run()).abort_handle();
        *receiver.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        receiver
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn reconfigure(&self, config: Config) {
        self.lock().config = Arc::new(config);
        self.wake.notify_one();
    }

    /// Tells it no more, and keeps nothing for it.
    pub(super) fn dismiss(&self) {
        self.stop();
        if let Some(keeper) = &self.keeper {
            keeper.forget();
        }
    }

    pub(super) fn stop(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().outbox.counts()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().outbox.waiting()
    }

    pub(super) fn push(&self, notice: &Notice<'_>) {
        let mut state = self.lock();
        state.sequence += 1;
        let sequence = state.sequence;
        let message = Message {
            stream: notice.stream.clone(),
            sequence,
            made: self.now(),
            id: format!("msg_{:016x}{sequence:08x}", self.name).into(),
            body: notice.body(sequence),
        };
        if let Some(keeper) = &self.keeper {
            keeper.put(self.name, &message);
        }
        let State { config, outbox, .. } = &mut *state;
        let dropped = outbox.counts().dropped;
        outbox.push(config, message);
        if outbox.counts().dropped > dropped {
            // Said once in a while: it happens with every message then.
            let dropped = outbox.counts().dropped;
            if dropped.is_power_of_two() {
                warn!(receiver = %self.endpoint, dropped, "webhooks were dropped");
            }
        }
        self.keep(outbox);
        drop(state);
        self.wake.notify_one();
    }

    /// Has it forgotten what waits no longer.
    fn keep(&self, outbox: &mut Outbox) {
        let over = outbox.take_over();
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !over.is_empty()) {
            keeper.done(over);
        }
    }

    /// Since 1970, and by a clock that never goes back while the process runs.
    fn now(&self) -> Duration {
        self.since + self.started.elapsed()
    }

    /// Waits until everything has arrived.
    pub(super) async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.waiting() == 0 {
                return;
            }
            settled.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>) {
        let mut attempts = JoinSet::new();
        loop {
            let wake = {
                let mut state = self.lock();
                let State { config, outbox, .. } = &mut *state;
                while let Some(message) = outbox.poll(config, self.now()) {
                    attempts.spawn(attempt(Arc::clone(config), message));
                }
                outbox.poll_timeout().map(|time| self.started + time.saturating_sub(self.since))
            };
            tokio::select! {
                () = self.wake.notified() => {}
                Some(attempt) = attempts.join_next() => {
                    if let Ok((stream, answer)) = attempt {
                        self.settle(&stream, answer);
                    }
                }
                // At its time, unless as many are under way as may be.
                () = until(wake), if wake.is_some_and(|wake| wake > Instant::now()) => {}
            }
        }
    }

    fn settle(&self, stream: &StreamName, answer: Answer) {
        let mut state = self.lock();
        let State { config, outbox, .. } = &mut *state;
        outbox.settle(config, self.now(), stream, answer);
        self.keep(outbox);
        let (gone, waiting) = (outbox.is_gone(), outbox.waiting());
        drop(state);
        match answer {
            Answer::Status(200..=299, _) => debug!(receiver = %self.endpoint, %stream, "told"),
            Answer::Status(status, _) if gone => {
                error!(receiver = %self.endpoint, status, "wants no more webhooks, and gets none");
            }
            answer => {
                warn!(receiver = %self.endpoint, %stream, ?answer, waiting, "webhook not taken");
            }
        }
        if waiting == 0 {
            self.settled.notify_waiters();
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Sends a message once.
async fn attempt(config: Arc<Config>, message: Message) -> (StreamName, Answer) {
    let timestamp = wall_time().since_unix().as_secs();
    let signatures: Vec<_> = config
        .secrets
        .iter()
        .map(|secret| secret.sign(&message.id, timestamp, &message.body))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    // Both are letters, digits and the like.
    headers.extend(
        [(ID, &*message.id), (SIGNATURE, &*signatures.join(" "))]
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?))),
    );
    let posted = post(&config.endpoint, headers, message.body, config.timeout, ANSWER).await;
    let answer = match posted {
        Ok(reply) => {
            let after = reply.headers.get(header::RETRY_AFTER);
            let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
            Answer::Status(reply.status.as_u16(), after.map(Duration::from_secs))
        }
        Err(failure) => {
            debug!(receiver = %config.endpoint, %failure, "webhook");
            Answer::None
        }
    };
    (message.stream, answer)
}
