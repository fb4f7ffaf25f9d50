//! Delivering notices to tenants' endpoints, as state without sockets.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::ledger::Queued;
use crate::webhook::Secret;
use crate::{Name, WallTime};

/// Delivers notices to tenants' endpoints: in order for each tenant, again until they arrive.
///
/// The ledger is the durable part: it keeps a notice from [`Input::Notice`] until
/// [`Input::Settled`]. This is the state of one process that sends them; HTTP is the caller's.
/// On start, and after each new notice, queue what [`Ledger::notices`] has; send what
/// [`poll_output`](Self::poll_output) gives; report what came of it with
/// [`handle_answer`](Self::handle_answer), and settle in the ledger what that returns. A process
/// that dies in between sends again: endpoints tell repeats by `webhook-id`.
///
/// [`Input::Notice`]: crate::Input::Notice
/// [`Input::Settled`]: crate::Input::Settled
/// [`Ledger::notices`]: crate::ledger::Ledger::notices
#[derive(Debug, Default)]
pub struct Outbox {
    tenants: BTreeMap<Name, Queue>,
}

#[derive(Debug)]
struct Queue {
    endpoint: Endpoint,
    waiting: VecDeque<Queued>,
    /// Attempts of the first in line.
    attempts: usize,
    /// When the first in line may be sent; `None` while it is on its way.
    ready: Option<WallTime>,
    last: u64,
}

/// Where a tenant's notices go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL.
    pub url: Name,
    /// The secret they are signed with.
    pub secret: Secret,
}

/// A message to send by HTTP POST with the content type `application/json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The notice's number in the ledger, to report the answer by.
    pub notice: u64,
    /// Whose it is.
    pub tenant: Name,
    /// Where it goes.
    pub url: Name,
    /// The header `webhook-id`: the same for each attempt.
    pub id: String,
    /// The header `webhook-timestamp`.
    pub timestamp: i64,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// What came of sending a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status.
    Status(u16),
    /// No answer: refused, timed out, broken off.
    None,
}

/// How long after each failed attempt the next one waits: ten attempts in about three days, as
/// Standard Webhooks advises.
const RETRY: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

impl Outbox {
    /// Nothing to send, nowhere to send it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends `tenant`'s notices to `endpoint` from now on.
    pub fn endpoint(&mut self, tenant: Name, endpoint: Endpoint) {
        if let Some(queue) = self.tenants.get_mut(&tenant) {
            queue.endpoint = endpoint;
            return;
        }
        let queue = Queue {
            endpoint,
            waiting: VecDeque::new(),
            attempts: 0,
            ready: Some(WallTime::MIN),
            last: 0,
        };
        self.tenants.insert(tenant, queue);
    }

    /// Puts a notice in its tenant's line; one that is there, or was, is passed over, as are
    /// those of tenants without an endpoint, which stay in the ledger.
    pub fn queue(&mut self, notice: Queued) {
        if let Some(queue) = self.tenants.get_mut(&notice.notice.tenant)
            && notice.number > queue.last
        {
            queue.last = notice.number;
            queue.waiting.push_back(notice);
        }
    }

    /// The next message to send at `now`, if any: at most one a tenant is on its way.
    pub fn poll_output(&mut self, now: WallTime) -> Option<Message> {
        let due = |queue: &&mut Queue| {
            !queue.waiting.is_empty() && queue.ready.is_some_and(|ready| ready <= now)
        };
        let queue = self.tenants.values_mut().find(due)?;
        let Queued { number, notice } = queue.waiting.front()?;
        let id = format!("msg_{number:020}");
        let message = Message {
            notice: *number,
            tenant: notice.tenant.clone(),
            url: queue.endpoint.url.clone(),
            timestamp: now.unix_millis().div_euclid(1000),
            signature: queue.endpoint.secret.sign(&id, now, notice.body.as_bytes()),
            body: notice.body.clone(),
            id,
        };
        queue.ready = None;
        Some(message)
    }

    /// When [`poll_output`](Self::poll_output) will have something next.
    pub fn poll_timeout(&self) -> Option<WallTime> {
        let waiting = self.tenants.values().filter(|queue| !queue.waiting.is_empty());
        waiting.filter_map(|queue| queue.ready).min()
    }

    /// Takes in what came of a message; returns the notice if it is done with, to be settled in
    /// the ledger: it arrived (2xx), its endpoint is gone (410), or the last attempt failed.
    pub fn handle_answer(
        &mut self,
        now: WallTime,
        message: &Message,
        answer: Answer,
    ) -> Option<u64> {
        let queue = self.tenants.get_mut(&message.tenant)?;
        if queue.ready.is_some() || queue.waiting.front()?.number != message.notice {
            return None;
        }
        let retry = match answer {
            Answer::Status(200..=299 | 410) => None,
            _ => RETRY.get(queue.attempts),
        };
        if let Some(&wait) = retry {
            queue.attempts += 1;
            queue.ready = Some(now.saturating_add(wait));
            return None;
        }
        queue.attempts = 0;
        queue.ready = Some(now);
        queue.waiting.pop_front().map(|done| done.number)
    }
}
