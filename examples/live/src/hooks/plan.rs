use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airloom::Origin;
use airloom::access::callbacks::{self, Callbacks, Form, WhenDown};
use airloom::access::{All, FirstCome, Gate, ShortKey, SignedUrls};
use airloom::http::{Endpoint, InvalidEndpoint};
use airloom::origin::Limits;
use airloom::pull::{self, InvalidTemplate, Pulls, Template};
use airloom::webhooks::{self, InvalidSecret, Secret, StoreError, Webhooks};
use serde::Deserialize;

/// What is in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    sign_keys: Vec<String>,
    callbacks: Option<Asked>,
    webhooks: Vec<Told>,
    pull: Option<Pulled>,
    push: Vec<String>,
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

/// Where streams come from that nobody publishes here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pulled {
    from: String,
    linger_s: Option<u64>,
    patience_s: Option<u64>,
    streams: Option<usize>,
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
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("hooks: webhooks: {0}")]
    Secret(#[from] InvalidSecret),
    #[error("hooks: {field}: {source}")]
    Template { field: &'static str, source: InvalidTemplate },
}

/// The file, understood.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) signed: Option<SignedUrls>,
    pub(super) callbacks: Option<Callbacks>,
    webhooks: Vec<webhooks::Config>,
    pulled: Option<Pulled>,
    pub(super) pulls: Option<Pulls>,
    pub(super) push: Vec<Template>,
    limits: Limits,
}

impl Plan {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
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
        let pulls = file.pull.as_ref().map(pulls).transpose()?;
        let push: Result<_, Error> = file.push.iter().map(|text| template("push", text)).collect();
        let (webhooks, push) = (webhooks?, push?);
        Ok(Self { signed, callbacks, webhooks, pulled: file.pull, pulls, push, limits })
    }

    /// This plan, taking over from `before` what goes on as it was.
    pub(super) fn after(mut self, before: &Self) -> Self {
        if self.pulled == before.pulled {
            self.pulls.clone_from(&before.pulls);
        }
        self
    }

    pub(super) fn set(&self, origin: &Origin, webhooks: &Webhooks) {
        let mut gates = All::new();
        if let Some(signed) = &self.signed {
            gates = gates.with(FirstCome::new(signed.clone()));
        }
        if let Some(callbacks) = &self.callbacks {
            gates = gates.with(callbacks.clone());
        }
        let some = self.signed.is_some() || self.callbacks.is_some();
        origin.set_gate(some.then(|| Arc::new(gates) as Arc<dyn Gate>));
        origin.set_pulls(self.pulls.clone());
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

fn pulls(asked: &Pulled) -> Result<Pulls, Error> {
    let mut config = pull::Config::default();
    let set = |time: &mut Duration, said: Option<u64>| {
        *time = said.map_or(*time, Duration::from_secs);
    };
    set(&mut config.linger, asked.linger_s);
    set(&mut config.patience, asked.patience_s);
    config.pulls = asked.streams.unwrap_or(config.pulls);
    Ok(Pulls::new(config, template("pull", &asked.from)?))
}

fn template(field: &'static str, text: &str) -> Result<Template, Error> {
    text.parse().map_err(|source| Error::Template { field, source })
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
        let text: String = include_str!("../hooks.rs")
            .lines()
            .skip_while(|line| !line.contains("```json"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let plan = plan(&text).unwrap();
        assert!(plan.signed.is_some() && plan.callbacks.is_some());
        assert_eq!((plan.webhooks.len(), plan.push.len()), (1, 1));
        assert!(plan.pulls.is_some());
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
            ("{\"pull\":{\"from\":\"rtmp://a/b/c\"}}", "hooks: pull: not an RTMP URL"),
            ("{\"push\":[\"http://a/b/{name}\"]}", "hooks: push: not an RTMP URL"),
            ("{\"callbacks\":{\"form\":\"other\"}}", "unknown variant `other`"),
        ] {
            let error = plan(text).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
