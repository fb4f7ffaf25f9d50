//! HTTP callbacks: a service of yours is asked whom to let in. Feature `callbacks`.
//!
//! Requests have the form that nginx-rtmp or SRS gives them, so that what was written for those
//! works here. Both are sent by `POST`, one connection each; none is repeated, and no redirect is
//! followed.
//!
//! [`Form::Nginx`]: `application/x-www-form-urlencoded`, with `app`, `flashver`, `swfurl`, `tcurl`,
//! `pageurl`, `addr`, `clientid`, `call`, `name`, then what is particular to the call, then what
//! followed the `?` of the stream key. The status is the answer:
//!
//! | answer | means |
//! |---|---|
//! | 2xx | yes |
//! | 3xx | yes, and the stream is the one that `Location` names, as it stands there; without one, plainly yes |
//! | 502, 503, 504, or none | nobody there: [`WhenDown`] decides |
//! | any other, and a `Location` that names no stream | no |
//!
//! [`Form::Srs`]: JSON, with `server_id`, `action`, `client_id`, `ip`, `vhost`, `app`, `tcUrl`,
//! `stream`, `param` (the query with its `?`), `stream_url`, `stream_id`, and of players `pageUrl`.
//!
//! | answer | means |
//! |---|---|
//! | 200 with `0`, or an object whose `code` is `0` | yes |
//! | 502, 503, 504, or none | nobody there: [`WhenDown`] decides |
//! | any other | no |
//!
//! Over HTTP a viewer is asked for once, and its other requests go by the answer: see
//! [`Gate::play`]. That somebody has left is told where a URL for it is set, once, whatever is
//! answered.
//!
//! ```
//! use airloom::Origin;
//! use airloom::access::callbacks::{Callbacks, Config, Form};
//!
//! let mut config = Config::new(Form::Nginx);
//! config.on_publish = Some("http://127.0.0.1:8000/on_publish".parse()?);
//! config.on_publish_done = Some("http://127.0.0.1:8000/on_publish_done".parse()?);
//! let callbacks = Callbacks::new(config);
//! // A handle is kept for its metrics.
//! let origin = Origin::builder().gate(callbacks.clone()).build();
//! # drop(origin);
//! # Ok::<(), airloom::http::InvalidEndpoint>(())
//! ```

mod nginx;
mod srs;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Admission, Arrival, Denied, Gate, Pass, Visit};
use crate::http::{Endpoint, Reply, post};
use crate::origin::StreamName;
use tally::{Outcome, Tally};

/// Whom to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What requests look like.
    pub form: Form,
    /// Asked who may connect over RTMP. Like all that follow: not asked, or told, by default.
    pub on_connect: Option<Endpoint>,
    /// Asked who may publish.
    pub on_publish: Option<Endpoint>,
    /// Asked who may play.
    pub on_play: Option<Endpoint>,
    /// Told that a publish is over: `on_publish_done` of nginx-rtmp, `on_unpublish` of SRS.
    pub on_publish_done: Option<Endpoint>,
    /// Told that a player is gone: `on_play_done` of nginx-rtmp, `on_stop` of SRS.
    pub on_play_done: Option<Endpoint>,
    /// Told of both (`on_done` of nginx-rtmp; SRS has none, and nothing is sent in its form).
    pub on_done: Option<Endpoint>,
    /// What viewers over HTTP are said to use as application, and what is said where a client does
    /// not name one. Default `live`.
    pub application: String,
    /// How this server is called: `server_id` of SRS. Default `airloom`.
    pub server: String,
    /// What becomes of those who come while nobody answers. Default [`WhenDown::Refuse`].
    pub when_down: WhenDown,
    /// How long an answer may take, from the wait for a place to its last byte. Default 3 s.
    pub timeout: Duration,
    /// Bytes an answer's body may have. Default 64 KiB; it is held while it is read.
    pub answer: usize,
    /// Questions under way at once. Default 64, of some 40 KB each; others wait for a place, within
    /// their [`timeout`](Self::timeout).
    pub at_once: usize,
    /// Notices of somebody who left that are on their way or wait. Default 1024, of some 2 KB each;
    /// further ones are dropped, and counted.
    pub notices: usize,
}

impl Config {
    /// Nobody to ask yet, in that form.
    pub fn new(form: Form) -> Self {
        Self {
            form,
            on_connect: None,
            on_publish: None,
            on_play: None,
            on_publish_done: None,
            on_play_done: None,
            on_done: None,
            application: "live".to_owned(),
            server: "airloom".to_owned(),
            when_down: WhenDown::default(),
            timeout: Duration::from_secs(3),
            answer: 64 << 10,
            at_once: 64,
            notices: 1024,
        }
    }
}

/// What requests look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// As nginx-rtmp's `notify` sends them.
    Nginx,
    /// As the HTTP hooks of SRS 4 and later send them.
    Srs,
}

/// What becomes of those who come while nobody answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WhenDown {
    /// They are [`Denied::Unavailable`]: nobody comes in unasked.
    #[default]
    Refuse,
    /// They are let in: the show goes on.
    Allow,
}

/// A [`Gate`] that asks by HTTP; cloning gives another handle to the same.
#[derive(Debug, Clone)]
pub struct Callbacks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    places: Semaphore,
    notices: Arc<Semaphore>,
    tally: Tally,
}

/// What is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Connect,
    Publish,
    Play,
    PublishDone,
    PlayDone,
    Done,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Yes,
    To(StreamName),
    No,
}

impl Callbacks {
    /// Asks as `config` says.
    pub fn new(config: Config) -> Self {
        let places = Semaphore::new(config.at_once.max(1));
        let notices = Arc::new(Semaphore::new(config.notices));
        Self(Arc::new(Shared { config, places, notices, tally: Tally::default() }))
    }

    /// Prometheus text (exposition format 0.0.4): calls by kind and outcome, and how long they took.
    pub fn metrics(&self) -> String {
        self.0.tally.render()
    }

    async fn ask(
        &self,
        call: Call,
        endpoint: &Endpoint,
        body: Bytes,
        stream: Option<&StreamName>,
    ) -> Result<Pass, Denied> {
        let shared = &self.0;
        let start = Instant::now();
        let deadline = start + shared.config.timeout;
        let Ok(Ok(place)) = tokio::time::timeout_at(deadline, shared.places.acquire()).await else {
            warn!(call = call.word(), %endpoint, "not asked: too many questions are under way");
            shared.tally.note(call, Outcome::Failed, start.elapsed());
            return shared.down();
        };
        let answer = shared.post(endpoint, body, deadline - Instant::now()).await;
        drop(place);
        let (outcome, pass) = match answer.map(|reply| shared.judge(&reply)) {
            Some(Verdict::Yes) => (Outcome::Allowed, Ok(Pass::new())),
            Some(Verdict::To(name)) => {
                debug!(call = call.word(), from = ?stream, to = %name, "redirected");
                (Outcome::Allowed, Ok(Pass::new().to(name)))
            }
            Some(Verdict::No) => (Outcome::Refused, Err(Denied::Refused)),
            None => (Outcome::Failed, shared.down()),
        };
        shared.tally.note(call, outcome, start.elapsed());
        pass
    }

    async fn admit(
        &self,
        (call, done): (Call, Call),
        endpoint: Option<&Endpoint>,
        visit: &Visit,
    ) -> Result<Pass, Denied> {
        let pass = match endpoint {
            Some(endpoint) => {
                let body = self.0.body(call, visit);
                self.ask(call, endpoint, body, Some(&visit.stream)).await?
            }
            None => Pass::new(),
        };
        let (Some(farewells), Ok(runtime)) = (self.farewells(done, visit), Handle::try_current())
        else {
            return Ok(pass);
        };
        let callbacks = self.clone();
        Ok(pass.on_leave(move || callbacks.tell(farewells, &runtime)))
    }

    /// What is to be told, and whom, when a visit is over.
    fn farewells(&self, done: Call, visit: &Visit) -> Option<Vec<(Call, Endpoint, Bytes)>> {
        let config = &self.0.config;
        let particular = match done {
            Call::PlayDone => &config.on_play_done,
            _ => &config.on_publish_done,
        };
        let both = config.on_done.as_ref().filter(|_| config.form == Form::Nginx);
        let told = [(done, particular.as_ref()), (Call::Done, both)];
        let farewells: Vec<_> = told
            .into_iter()
            .filter_map(|(call, endpoint)| {
                Some((call, endpoint?.clone(), self.0.body(call, visit)))
            })
            .collect();
        (!farewells.is_empty()).then_some(farewells)
    }

    /// Sends notices in their order, for whose answers nobody waits.
    fn tell(&self, notices: Vec<(Call, Endpoint, Bytes)>, runtime: &Handle) {
        let Ok(place) = Arc::clone(&self.0.notices).try_acquire_owned() else {
            warn!("not told who left: too many notices are on their way");
            self.0.tally.drop_notices(notices.len() as u64);
            return;
        };
        let callbacks = self.clone();
        runtime.spawn(async move {
            for (call, endpoint, body) in notices {
                // What it answers changes nothing.
                let _ = callbacks.ask(call, &endpoint, body, None).await;
            }
            drop(place);
        });
    }
}

impl Shared {
    fn down(&self) -> Result<Pass, Denied> {
        match self.config.when_down {
            WhenDown::Refuse => Err(Denied::Unavailable),
            WhenDown::Allow => Ok(Pass::new()),
        }
    }

    fn body(&self, call: Call, visit: &Visit) -> Bytes {
        match self.config.form {
            Form::Nginx => nginx::visit(&self.config, call, visit),
            Form::Srs => srs::visit(&self.config, call, visit),
        }
    }

    fn judge(&self, reply: &Reply) -> Verdict {
        match self.config.form {
            Form::Nginx => nginx::judge(reply),
            Form::Srs => srs::judge(reply),
        }
    }

    /// What is answered by somebody who is there.
    async fn post(&self, endpoint: &Endpoint, body: Bytes, within: Duration) -> Option<Reply> {
        let content_type = match self.config.form {
            Form::Nginx => "application/x-www-form-urlencoded",
            Form::Srs => "application/json",
        };
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let headers = HeaderMap::from_iter([content_type]);
        match post(endpoint, headers, body, within, self.config.answer).await {
            Ok(reply) if is_absent(reply.status) => {
                warn!(%endpoint, status = reply.status.as_u16(), "callback: nobody there");
                None
            }
            Ok(reply) => Some(reply),
            Err(failure) => {
                warn!(%endpoint, %failure, "callback");
                None
            }
        }
    }
}

/// Whether it is a proxy that answers, for somebody who does not (RFC 9110, 15.6.3 to 15.6.5).
const fn is_absent(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

impl Call {
    const ALL: [Self; 6] =
        [Self::Connect, Self::Publish, Self::Play, Self::PublishDone, Self::PlayDone, Self::Done];

    /// As nginx-rtmp calls it.
    const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Publish => "publish",
            Self::Play => "play",
            Self::PublishDone => "publish_done",
            Self::PlayDone => "play_done",
            Self::Done => "done",
        }
    }
}

impl Gate for Callbacks {
    fn connect<'a>(&'a self, arrival: &'a Arrival) -> Admission<'a> {
        Box::pin(async move {
            let config = &self.0.config;
            let Some(endpoint) = &config.on_connect else { return Ok(Pass::new()) };
            let body = match config.form {
                Form::Nginx => nginx::arrival(config, arrival),
                Form::Srs => srs::arrival(config, arrival),
            };
            self.ask(Call::Connect, endpoint, body, None).await
        })
    }

    fn publish<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        let endpoint = self.0.config.on_publish.as_ref();
        Box::pin(self.admit((Call::Publish, Call::PublishDone), endpoint, visit))
    }

    fn play<'a>(&'a self, visit: &'a Visit) -> Admission<'a> {
        let endpoint = self.0.config.on_play.as_ref();
        Box::pin(self.admit((Call::Play, Call::PlayDone), endpoint, visit))
    }
}
