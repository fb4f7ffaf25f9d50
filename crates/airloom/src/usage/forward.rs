use airloom_billing::forward::{Batch, Forwarder};
use airloom_billing::{Error, Name, Outcome};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tracing::warn;

use super::carrier::{Carrier, Letter};
use super::{Usage, bearer, wall_time};
use crate::rtmp::Backoff;

/// Inputs of one batch: some 300 KB of JSON.
const BATCH: usize = 1000;
/// What [`Usage::intake`] takes at most.
const MOST: usize = 16 << 20;

impl Usage {
    /// Ships all that this ledger accepts to another node's [`intake`](Self::intake) at `url`, until
    /// `shutdown` completes: at least once and in order, over restarts too; the other ledger counts
    /// it once. Until a batch is answered with success it is sent again, at growing intervals of half
    /// a minute at most. `target` is the name under which this ledger remembers how far it has come.
    ///
    /// # Errors
    ///
    /// As [`Forwarder::new`] and [`Forwarder::poll_output`]: a ledger that cannot be read ends it.
    pub async fn forward(
        &self,
        target: Name,
        url: &str,
        token: &str,
        carrier: impl Carrier,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let made = self.work(move |usage| {
            usage.with_ledger(|ledger| Forwarder::new(wall_time(), ledger, target, BATCH))
        });
        let Some(made) = made.await else { return Ok(()) };
        let (mut forwarder, mut backoff) = (made?, Backoff::default());
        tokio::pin!(shutdown);
        loop {
            let read = self.work(move |usage| {
                let read = usage.with_ledger(|ledger| forwarder.poll_output(ledger));
                (forwarder, read)
            });
            let Some((back, read)) = read.await else { return Ok(()) };
            forwarder = back;
            let wait = match read? {
                None => self.0.flush,
                Some(batch) => {
                    let up_to = batch.up_to;
                    let body = serde_json::to_vec(&batch).unwrap_or_default();
                    let headers = vec![("authorization", format!("Bearer {token}"))];
                    let sent = carrier.carry(Letter::new(url.to_owned(), headers, body.into()));
                    let answer = tokio::select! {
                        () = &mut shutdown => return Ok(()),
                        answer = sent => answer,
                    };
                    let accepted = matches!(answer, Some(200..=299));
                    let noted = self.work(move |usage| {
                        let mut noted = Ok(());
                        if accepted {
                            noted = usage.with_ledger(|ledger| {
                                ledger.recover()?;
                                forwarder.acknowledge(wall_time(), ledger, up_to)
                            });
                        }
                        if !accepted || noted.is_err() {
                            forwarder.rewind();
                        }
                        (forwarder, noted)
                    });
                    let Some((back, noted)) = noted.await else { return Ok(()) };
                    forwarder = back;
                    if accepted && noted.is_ok() {
                        backoff.reset();
                        continue;
                    }
                    warn!(?answer, ?noted, "usage: not forwarded, will be sent again");
                    backoff.wait()
                }
            };
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes what other nodes [`forward`](Self::forward) with this token, wherever it is nested: one
    /// `POST` with a batch in JSON, answered `200` once it is durable here, `401`, `400`, `409`
    /// where something before it is missing here that the node believes to have been taken, and
    /// `503` where the ledger cannot write.
    pub fn intake(&self, token: impl Into<String>) -> Router {
        Router::new()
            .route("/", post(take))
            .layer(DefaultBodyLimit::max(MOST))
            .with_state((self.clone(), token.into()))
    }
}

async fn take(
    State((usage, token)): State<(Usage, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if !bearer::shows(&headers, &token) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(batch) = serde_json::from_slice::<Batch>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match usage.apply(batch.inputs).await {
        Ok(outcomes) => {
            let gap = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Gap { .. }));
            if gap { StatusCode::CONFLICT } else { StatusCode::OK }
        }
        Err(error) => {
            warn!("usage: a node's batch cannot be kept: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
