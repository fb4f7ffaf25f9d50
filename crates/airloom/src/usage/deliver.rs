use std::sync::Arc;
use std::time::Duration;

use airloom_billing::outbox::{Answer, Endpoint, Message, Outbox};
use airloom_billing::{Input, Name};
use bytes::Bytes;
use tokio::task::JoinSet;
use tracing::warn;

use super::carrier::{Carrier, Letter};
use super::{Usage, wall_time};

/// How soon a new notice is noticed.
const LOOK: Duration = Duration::from_secs(1);

impl Usage {
    /// Sends the notices that the ledger keeps
    /// ([`Input::Notice`]) to their tenants' endpoints, as
    /// [Standard Webhooks](https://www.standardwebhooks.com) and signed, until `shutdown` completes:
    /// in order for each tenant, again and again over three days, over restarts too. A notice of a
    /// tenant without an endpoint stays in the ledger.
    ///
    /// ```no_run
    /// # async fn example(usage: airloom::Usage) -> Result<(), airloom::billing::Error> {
    /// use airloom::billing::Name;
    /// use airloom::billing::outbox::Endpoint;
    /// use airloom::billing::webhook::Secret;
    /// use airloom::usage::Http;
    ///
    /// let endpoint = Endpoint {
    ///     url: Name::new("http://127.0.0.1:9000/usage")?,
    ///     secret: Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?,
    /// };
    /// let endpoints = [(usage.tenant().clone(), endpoint)];
    /// usage.deliver(endpoints, Http::default(), std::future::pending()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn deliver(
        &self,
        endpoints: impl IntoIterator<Item = (Name, Endpoint)>,
        carrier: impl Carrier + 'static,
        shutdown: impl Future<Output = ()>,
    ) {
        let carrier: Arc<dyn Carrier> = Arc::new(carrier);
        let mut outbox = Outbox::new();
        for (tenant, endpoint) in endpoints {
            outbox.endpoint(tenant, endpoint);
        }
        let mut under_way = JoinSet::new();
        let mut settled = Vec::new();
        tokio::pin!(shutdown);
        loop {
            settled = self.settle(settled).await;
            for notice in self.notices().await {
                outbox.queue(notice);
            }
            while let Some(message) = outbox.poll_output(wall_time()) {
                let sent = carrier.carry(letter(&message));
                under_way.spawn(async move {
                    (message, sent.await.map_or(Answer::None, Answer::Status))
                });
            }
            tokio::select! {
                () = &mut shutdown => return,
                Some(done) = under_way.join_next() => {
                    if let Ok((message, answer)) = done {
                        if !matches!(answer, Answer::Status(200..=299)) {
                            warn!(tenant = %message.tenant, id = message.id, ?answer, "usage: notice");
                        }
                        settled.extend(outbox.handle_answer(wall_time(), &message, answer));
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn notices(&self) -> Vec<airloom_billing::ledger::Queued> {
        let notices = |usage: &Self| usage.with_ledger(|ledger| ledger.notices().collect());
        self.work(notices).await.unwrap_or_default()
    }

    /// Notes what is done with; what the ledger does not take now comes back, for later.
    async fn settle(&self, settled: Vec<u64>) -> Vec<u64> {
        if settled.is_empty() {
            return settled;
        }
        let inputs = settled.iter().copied().map(Input::Settled).collect();
        if self.apply(inputs).await.is_ok() { Vec::new() } else { settled }
    }
}

fn letter(message: &Message) -> Letter {
    let headers = vec![
        ("webhook-id", message.id.clone()),
        ("webhook-timestamp", message.timestamp.to_string()),
        ("webhook-signature", message.signature.clone()),
    ];
    Letter::new(message.url.to_string(), headers, Bytes::from(message.body.clone()))
}
