//! What is used, as `GET /api/usage` tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::Usage;
use airloom::billing::{Cycle, Error, Period, WallTime, Zone};
use airloom::http::Problem;
use airloom::record::Recorder;
use airloom::usage::Config;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Meters that are told even where nothing was used.
const ALWAYS: [&str; 8] = [
    "ingest_bytes",
    "ingest_ms",
    "egress_bytes",
    "viewer_ms",
    "chat_requests",
    "recordings",
    "storage_byte_hours",
    "api_requests",
];

/// Opens the ledger under the data directory.
pub(crate) fn open(data: &Path) -> Result<Usage, Error> {
    Usage::open(&Config::new(data.join("usage")))
}

/// What counts beside the streams, and what takes it all to the ledger.
pub(crate) struct Metering {
    storage: (oneshot::Sender<()>, JoinHandle<()>),
    ledger: (oneshot::Sender<()>, JoinHandle<()>),
}

impl Metering {
    pub(crate) fn start(usage: Usage, recorder: Recorder) -> Self {
        let ((weigh, weighed), (settle, settled)) = (oneshot::channel(), oneshot::channel());
        let storage = usage.clone();
        let storage = async move {
            storage.recordings(&recorder, async { drop(weighed.await) }).await;
        };
        let ledger = async move { usage.serve(async { drop(settled.await) }).await };
        Self { storage: (weigh, tokio::spawn(storage)), ledger: (settle, tokio::spawn(ledger)) }
    }

    /// Takes what was counted last to the ledger.
    pub(crate) async fn settle(self) {
        for (stop, stopped) in [self.storage, self.ledger] {
            drop(stop);
            let _ = stopped.await;
        }
    }
}

/// `/usage`, relative to where it is nested.
pub(crate) fn router(usage: Usage) -> Router {
    Router::new().route("/usage", get(show).with_state(usage))
}

#[derive(Debug, Deserialize)]
struct Asked {
    tenant: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told {
    tenant: String,
    from: WallTime,
    to: WallTime,
    meters: BTreeMap<String, u128>,
}

/// Usage since the first of the month (UTC) until now, or from and to when it was asked for.
async fn show(
    State(usage): State<Usage>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let wrong = |detail| Problem::new(StatusCode::BAD_REQUEST, detail);
    let Query(asked) = asked.map_err(|_| wrong("The query cannot be read"))?;
    let tenant = usage.tenant().to_string();
    if asked.tenant.is_some_and(|asked| asked != tenant) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "There is no tenant of that name"));
    }
    let now = now();
    let month = Period::containing(now, &Zone::utc(), Cycle::Month).from();
    let read = |time: Option<String>, otherwise| match time {
        // A plus sign that nobody escaped arrives as a space.
        Some(time) => WallTime::parse(&time)
            .or_else(|_| WallTime::parse(&time.replace(' ', "+")))
            .map_err(|_| wrong("from and to are times as RFC 3339 writes them")),
        None => Ok(otherwise),
    };
    let (from, to) = (read(asked.from, month)?, read(asked.to, now)?);
    if from > to {
        return Err(wrong("from lies after to"));
    }
    let failed = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The ledger cannot be read");
    let figures = usage.work(move |usage| usage.figures(from, to)).await.ok_or(failed)?;
    let mut meters: BTreeMap<_, _> = ALWAYS.map(|meter| (meter.to_owned(), 0)).into();
    meters.extend(figures.into_iter().map(|figure| (figure.meter.to_string(), figure.quantity)));
    let mut response = Json(Told { tenant, from, to, meters }).into_response();
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallTime::UNIX_EPOCH.saturating_add(since)
}
