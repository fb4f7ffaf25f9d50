use std::fmt;
use std::sync::Arc;

use airloom_billing::s3::{Access, accesses};
use airloom_billing::{Dimensions, Input, Name, Outcome};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tracing::warn;

use super::{Usage, bearer};

/// What one notification may have.
const MOST: usize = 1 << 20;

/// Says whose a download is, and by what it is told apart.
type Owner = Arc<dyn Fn(&Access) -> Option<(Name, Dimensions)> + Send + Sync>;

#[derive(Clone)]
struct Counter {
    usage: Usage,
    token: Arc<str>,
    owner: Owner,
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("usage", &self.usage).finish_non_exhaustive()
    }
}

impl Usage {
    /// Counts what is downloaded from an object store as `egress_bytes`, wherever it is nested: for
    /// viewers who are sent to the store and never pass by here. It takes the notifications of
    /// `s3:ObjectAccessed:Get` that MinIO posts to a webhook, with `token` as its `auth_token`.
    /// `owner` says whose a download is; of nobody, it is not counted.
    ///
    /// A notification is answered `200` once it is durable, and one that comes again counts once.
    /// `401` without the token, `400` for what is none, `503` where the ledger cannot write: MinIO
    /// keeps it and tries again, if it was given a `queue_dir`.
    ///
    /// ```
    /// use airloom::billing::Dimensions;
    /// # fn example(usage: &airloom::Usage) -> axum::Router {
    /// let tenant = usage.tenant().clone();
    /// let downloads = usage.downloads("a token", move |access| {
    ///     let stream = access.key.split('/').next()?;
    ///     Some((tenant.clone(), Dimensions::new([("stream", stream)]).ok()?))
    /// });
    /// axum::Router::new().nest("/hooks/s3", downloads)
    /// # }
    /// ```
    pub fn downloads(
        &self,
        token: impl Into<Arc<str>>,
        owner: impl Fn(&Access) -> Option<(Name, Dimensions)> + Send + Sync + 'static,
    ) -> Router {
        let counter = Counter { usage: self.clone(), token: token.into(), owner: Arc::new(owner) };
        Router::new().route("/", post(count)).layer(DefaultBodyLimit::max(MOST)).with_state(counter)
    }
}

async fn count(State(counter): State<Counter>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !bearer::shows(&headers, &counter.token) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(accesses) = accesses(&body) else { return StatusCode::BAD_REQUEST };
    let mut inputs = Vec::new();
    for access in accesses {
        // One that lacks something will lack it the next time, too: the others count.
        let event = access.and_then(|access| {
            let owner = (counter.owner)(&access);
            owner.map(|(tenant, dimensions)| access.event(tenant, dimensions)).transpose()
        });
        match event {
            Ok(event) => inputs.extend(event.map(Input::Event)),
            Err(error) => warn!("usage: a download cannot be counted: {error}"),
        }
    }
    match counter.usage.apply(inputs).await {
        Ok(outcomes) => {
            for outcome in outcomes {
                if !matches!(outcome, Outcome::Counted { .. } | Outcome::Duplicate) {
                    warn!("usage: a download is not counted: {outcome:?}");
                }
            }
            StatusCode::OK
        }
        Err(error) => {
            warn!("usage: downloads cannot be kept: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
