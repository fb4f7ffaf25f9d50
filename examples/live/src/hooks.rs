//! Who may publish and play, who is told, whom streams come from and go to, and limits: the file of `--hooks`, read again on SIGHUP.
//!
//! ```json
//! {
//!   "sign_keys": ["a secret of 16 bytes or more"],
//!   "callbacks": {
//!     "form": "nginx", "on_publish": "http://127.0.0.1:8000/on_publish", "when_down": "refuse"
//!   },
//!   "webhooks": [
//!     { "url": "http://127.0.0.1:8000/events", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }
//!   ],
//!   "pull": { "from": "rtmp://source.example/live/{name}", "linger_s": 30 },
//!   "push": ["rtmp://far.example/live/{name}?key=secret"],
//!   "limits": { "streams": 100, "viewers": 5000 }
//! }
//! ```

mod plan;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::Origin;
use airloom::access::callbacks::Callbacks;
use airloom::access::{Action, Grant};
use airloom::origin::{Ingest, StreamName};
use airloom::pull::Pulls;
use airloom::record::Recorder;
use airloom::rtmp::{Config, Fanout, Push, PushMetrics};
use airloom::webhooks::Webhooks;
use axum::Router;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

pub(crate) use plan::Error;
use plan::Plan;

/// How long what was not told yet may take at the end.
const SETTLE: Duration = Duration::from_secs(2);
/// How long a token holds that the demo shows itself.
const OWN: u64 = 60;

/// What the file said last; cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub(crate) struct Hooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: Option<PathBuf>,
    webhooks: Webhooks,
    pushes: PushMetrics,
    plan: Mutex<Plan>,
}

impl Hooks {
    /// Reads the file, where there is one; what waits for receivers of webhooks is kept under `data`.
    pub(crate) fn read(path: Option<&Path>, data: &Path) -> Result<Self, Error> {
        let plan = Mutex::new(path.map_or_else(|| Ok(Plan::default()), Plan::read)?);
        let path = path.map(Path::to_owned);
        let webhooks = match &path {
            Some(_) => Webhooks::open(data.join("webhooks.redb"))?,
            None => Webhooks::new(),
        };
        let pushes = PushMetrics::default();
        Ok(Self(Arc::new(Shared { path, webhooks, pushes, plan })))
    }

    pub(crate) fn webhooks(&self) -> Webhooks {
        self.0.webhooks.clone()
    }

    /// Goes by the file, and by what it becomes; tells of recordings that are ready.
    pub(crate) fn apply(&self, origin: &Origin, recorder: &Recorder) {
        self.plan().set(origin, &self.0.webhooks);
        tokio::spawn(self.clone().reread(origin.clone()));
        tokio::spawn(tell_of_recordings(self.webhooks(), recorder.clone()));
    }

    pub(crate) fn metrics(&self) -> String {
        let plan = self.plan();
        let callbacks = plan.callbacks.as_ref().map(Callbacks::metrics).unwrap_or_default();
        let pulls = plan.pulls.as_ref().map(Pulls::metrics).unwrap_or_default();
        drop(plan);
        self.0.webhooks.metrics() + &callbacks + &pulls + &self.0.pushes.render()
    }

    /// The key under which this process publishes to a stream of its own.
    pub(crate) fn key(&self, stream: &str) -> String {
        let plan = self.plan();
        let Some(signed) = &plan.signed else { return stream.to_owned() };
        let expires = now() + OWN;
        let grant = Grant { action: Action::Publish, expires, streams: stream };
        let token = signed.sign(&grant);
        format!("{stream}?token={token}")
    }

    /// What is published goes on to others, too, whoever they are when it begins.
    pub(crate) fn fan_out(&self, ingest: Ingest) -> Fanout<Ingest> {
        let hooks = self.clone();
        Fanout::new(ingest, move |publishing, _| hooks.pushes(publishing.name()))
    }

    fn pushes(&self, name: &StreamName) -> Vec<Push> {
        let plan = self.plan();
        let targets = plan.push.iter().filter_map(|template| template.target(name));
        let push = |target| Push::new(Config::default(), target).metrics(self.0.pushes.clone());
        targets.map(push).collect()
    }

    /// Gives those who are to be told a moment to hear it.
    pub(crate) async fn settle(&self) {
        if !self.0.webhooks.settle(SETTLE).await {
            tracing::warn!("webhooks were left undelivered");
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reread(self, origin: Origin) {
        let Some(path) = self.0.path.clone() else { return };
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            match Plan::read(&path) {
                Ok(plan) => {
                    let mut held = self.plan();
                    *held = plan.after(&held);
                    held.set(&origin, &self.0.webhooks);
                    drop(held);
                    tracing::info!("hooks and limits read again");
                }
                Err(error) => tracing::error!("hooks stay as they were: {error}"),
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

async fn tell_of_recordings(webhooks: Webhooks, recorder: Recorder) {
    let mut ready = recorder.ready();
    drop(recorder);
    loop {
        let recording = match ready.recv().await {
            Ok(recording) => recording,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let id = &recording.id;
        let data = json!({
            "id": id,
            "duration_s": recording.duration.as_secs_f64(),
            "hls": format!("/vod/{id}/index.m3u8"),
            "dash": format!("/vod/{id}/manifest.mpd"),
            "mp4": format!("/vod/{id}/video.mp4"),
        });
        let at = airloom::playlist::WallTime::from_unix(
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        );
        if let Some(data) = data.as_object() {
            webhooks.send("recording.ready", &recording.name, at, data);
        }
    }
}

/// The way from a stream to the recording of it, for those who may play the stream.
pub(crate) fn rewind(origin: &Origin, recorder: &Recorder) -> Router {
    origin.guarded(recorder.rewind("/vod"), |path| first(path)?.parse().ok())
}

/// Recordings, for those who may play the stream of that name.
pub(crate) fn recordings(origin: &Origin, recorder: &Recorder) -> Router {
    let known = recorder.clone();
    origin.guarded(recorder.router("/vod"), move |path| known.stream(first(path)?))
}

fn first(path: &str) -> Option<&str> {
    path.split('/').nth(1)
}
