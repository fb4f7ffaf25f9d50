//! Who may publish and play, who is told, and limits: the file of `--hooks`, read again on SIGHUP.
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
//!   "limits": { "streams": 100, "viewers": 5000 }
//! }
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom::Origin;
use airloom::access::callbacks::{self, Callbacks, Form, WhenDown};
use airloom::access::{Action, All, FirstCome, Gate, Grant, ShortKey, SignedUrls};
use airloom::http::{Endpoint, InvalidEndpoint};
use airloom::origin::{Limits, StreamName};
use airloom::record::Recorder;
use airloom::webhooks::{self, InvalidSecret, Secret, Webhooks};
use axum::Router;
use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

/// How long what was not told yet may take at the end.
const SETTLE: Duration = Duration::from_secs(2);
/// How long a token holds that the demo shows itself.
const OWN: u64 = 60;

/// What is in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    sign_keys: Vec<String>,
    callbacks: Option<Asked>,
    webhooks: Vec<Told>,
    limits: Bounds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    form: Shape,
    on_connect: Option<String>,
    on_publish: Option<String>,
    on_play: Option<String>,
    on_publish_done: Option<String>,
    on_play_done: Option<String>,
    on_done: Option<String>,
    #[serde(default)]
    when_down: Policy,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Nginx,
    Srs,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    #[default]
    Refuse,
    Allow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    url: String,
    secret: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    streams: Option<usize>,
    players: Option<usize>,
    viewers: Option<usize>,
    waiting: Option<usize>,
    held_bytes: Option<usize>,
}

/// Why the file cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read the hooks in {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot read the hooks in {}: {source}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("hooks: '{url}' is {source}")]
    Url { url: String, source: InvalidEndpoint },
    #[error("hooks: sign_keys: {0}")]
    Key(#[from] ShortKey),
    #[error("hooks: webhooks: {0}")]
    Secret(#[from] InvalidSecret),
}

/// The file, understood.
#[derive(Debug, Default)]
struct Plan {
    signed: Option<SignedUrls>,
    callbacks: Option<Callbacks>,
    webhooks: Vec<webhooks::Config>,
    limits: Limits,
}

/// What the file said last; cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub(crate) struct Hooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: Option<PathBuf>,
    webhooks: Webhooks,
    plan: Mutex<Plan>,
}

impl Hooks {
    /// Reads the file, where there is one.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Error> {
        let plan = Mutex::new(path.map_or_else(|| Ok(Plan::default()), Plan::read)?);
        let path = path.map(Path::to_owned);
        Ok(Self(Arc::new(Shared { path, webhooks: Webhooks::new(), plan })))
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
        let callbacks = self.plan().callbacks.as_ref().map(Callbacks::metrics);
        self.0.webhooks.metrics() + &callbacks.unwrap_or_default()
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
                    plan.set(&origin, &self.0.webhooks);
                    *self.plan() = plan;
                    tracing::info!("hooks and limits read again");
                }
                Err(error) => tracing::error!("hooks stay as they were: {error}"),
            }
        }
    }
}

impl Plan {
    fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let file = serde_json::from_slice(&text)
            .map_err(|source| Error::Json { path: path.to_owned(), source })?;
        Self::new(file)
    }

    fn new(file: File) -> Result<Self, Error> {
        let mut signed: Option<SignedUrls> = None;
        for key in &file.sign_keys {
            signed = Some(match signed {
                Some(signed) => signed.with_key(key.as_bytes())?,
                None => SignedUrls::new(key.as_bytes())?,
            });
        }
        let callbacks = file.callbacks.map(asked).transpose()?;
        let webhooks: Result<_, Error> = file
            .webhooks
            .into_iter()
            .map(|told| {
                let secret: Secret = told.secret.parse()?;
                Ok(webhooks::Config::new(endpoint(told.url)?, secret))
            })
            .collect();
        let mut limits = Limits::default();
        let set = |limit: &mut usize, said: Option<usize>| *limit = said.unwrap_or(*limit);
        set(&mut limits.streams, file.limits.streams);
        set(&mut limits.players, file.limits.players);
        set(&mut limits.viewers, file.limits.viewers);
        set(&mut limits.waiting, file.limits.waiting);
        set(&mut limits.held_bytes, file.limits.held_bytes);
        Ok(Self { signed, callbacks, webhooks: webhooks?, limits })
    }

    fn set(&self, origin: &Origin, webhooks: &Webhooks) {
        let mut gates = All::new();
        if let Some(signed) = &self.signed {
            gates = gates.with(FirstCome::new(signed.clone()));
        }
        if let Some(callbacks) = &self.callbacks {
            gates = gates.with(callbacks.clone());
        }
        let some = self.signed.is_some() || self.callbacks.is_some();
        origin.set_gate(some.then(|| Arc::new(gates) as Arc<dyn Gate>));
        origin.set_limits(self.limits.clone());
        webhooks.replace(self.webhooks.iter().cloned());
    }
}

fn asked(asked: Asked) -> Result<Callbacks, Error> {
    let mut config = callbacks::Config::new(match asked.form {
        Shape::Nginx => Form::Nginx,
        Shape::Srs => Form::Srs,
    });
    let at = |url: Option<String>| url.map(endpoint).transpose();
    config.on_connect = at(asked.on_connect)?;
    config.on_publish = at(asked.on_publish)?;
    config.on_play = at(asked.on_play)?;
    config.on_publish_done = at(asked.on_publish_done)?;
    config.on_play_done = at(asked.on_play_done)?;
    config.on_done = at(asked.on_done)?;
    config.when_down = match asked.when_down {
        Policy::Refuse => WhenDown::Refuse,
        Policy::Allow => WhenDown::Allow,
    };
    Ok(Callbacks::new(config))
}

fn endpoint(url: String) -> Result<Endpoint, Error> {
    url.parse().map_err(|source| Error::Url { url, source })
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
    origin.guarded(recorder.router("/vod"), move |path| -> Option<StreamName> {
        let id = first(path)?;
        known.recordings().into_iter().find(|recording| recording.id == id).map(|it| it.name)
    })
}

fn first(path: &str) -> Option<&str> {
    path.split('/').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, String> {
        let file = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Plan::new(file).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_in_the_documentation_is_understood() {
        let text: String = include_str!("hooks.rs")
            .lines()
            .skip_while(|line| !line.contains("```json"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let plan = plan(&text).unwrap();
        assert!(plan.signed.is_some() && plan.callbacks.is_some());
        assert_eq!(plan.webhooks.len(), 1);
        assert_eq!((plan.limits.streams, plan.limits.viewers), (100, 5000));
        assert_eq!(plan.limits.players, Limits::default().players);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("{\"sign_key\":1}", "unknown field `sign_key`"),
            ("{\"sign_keys\":[\"short\"]}", "hooks: sign_keys: a key has 16 bytes at least"),
            (
                "{\"webhooks\":[{\"url\":\"ftp://a/\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}]}",
                "hooks: 'ftp://a/' is not a URL of http",
            ),
            (
                "{\"webhooks\":[{\"url\":\"http://a/\",\"secret\":\"x\"}]}",
                "hooks: webhooks: a secret is",
            ),
            ("{\"callbacks\":{\"form\":\"other\"}}", "unknown variant `other`"),
        ] {
            let error = plan(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
