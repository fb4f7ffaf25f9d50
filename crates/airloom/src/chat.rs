//! Chat rooms: what `airloom-chat` decides, on tokio, over HTTP.
//!
//! A [`Chat`] drives the rooms of one process: it keeps the clock, gives every reader its batches,
//! and answers over [HTTP](Chat::router). Who somebody is says an
//! [`Authority`]; what becomes of donations, audits and held
//! submissions, an [`Observer`]; and who orders a room's entries, a [`Broker`], which by default
//! is this process alone.
//!
//! # How readers are kept cheap
//!
//! Server-sent events over HTTP/1.1, asked of a [`http::Listener`](crate::http::Listener), leave
//! HTTP once the request is read: the socket goes to one of a few [writer threads](Config::writers)
//! that each poll many sockets. There a reader is an entry of some 150 bytes, with no task, no
//! timer and no buffer; what is written is the batch that all share, and what did not fit into the
//! socket is a slice of it. Until that has left, the reader is passed over; then it is given what
//! it missed, or told of the gap. Over HTTP/2, WebSocket or another server a reader is a
//! [`Subscription`] in a task of its own, with the same promises.

mod broker;
mod config;
mod hub;
mod metrics;
#[cfg(feature = "nats")]
pub mod nats;
mod observer;
mod reviewer;
mod routes;
mod subscription;
mod wheel;
mod writers;

use std::fmt;
use std::sync::Arc;

use airloom_chat::access::{Anonymous, Authority, Tokens};
use airloom_chat::moderation::Policies;
use airloom_chat::{Answer, Cursor, Input, Refusal, RoomId, UserId};

pub use airloom_chat as core;
pub use broker::{Broker, Embedded, Reply, Wake};
pub use config::Config;
use hub::Hub;
pub use observer::Observer;
pub use reviewer::Reviewer;
use reviewer::Reviews;
pub use subscription::{Said, Subscription};

/// The chat of one process; cloning gives another handle to the same.
///
/// Must be made inside a tokio runtime, where its clock runs. Readers are let go when the last
/// handle is dropped, or at [`close`](Self::close).
///
/// ```no_run
/// use airloom::http;
/// use airloom::chat::Chat;
/// use axum::Router;
///
/// # async fn example() -> std::io::Result<()> {
/// let chat = Chat::builder().build()?;
/// let app = Router::new().nest("/api/rooms", chat.router());
/// // curl -N http://127.0.0.1:8080/api/rooms/lobby/events
/// http::Listener::bind("127.0.0.1:8080").await?.serve(app, std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Chat(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    hub: Arc<Hub>,
    authority: Arc<dyn Authority>,
    named: fn(&RoomId) -> bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.hub.close();
    }
}

impl Chat {
    /// Starts from the defaults: rooms of this process alone, in which anybody reads and writes
    /// under any name.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Serves, under the path it is nested at:
    ///
    /// | path | what |
    /// |---|---|
    /// | `POST /ROOM/messages` | `{"user","text"}`, `reply_to` where it is a reply; `202` with `{"id","cursor"}`, or `{"held"}` where it waits for a review. `Idempotency-Key` admits once |
    /// | `GET /ROOM/events` | server-sent events; `Last-Event-ID` or `?cursor=` resumes |
    /// | `GET /ROOM/socket` | the same as text messages of a WebSocket; what the client sends is a post, with an optional `key`, and is answered by an event `answer` |
    /// | `POST /ROOM/entries` | any other [`Body`](airloom_chat::Body), from those whose roles allow it |
    /// | `POST /ROOM/reactions` | `{"user","target","reaction"}`; `202` |
    /// | `POST /ROOM/votes` | `{"user","poll","option"}`; `202` |
    /// | `POST /ROOM/typing` | `{"user"}`; `202` |
    /// | `POST /ROOM/moderation` | an [`Act`](airloom_chat::Act), from moderators; `200` |
    /// | `POST /ROOM/reviews` | `{"ticket","approve"}`, from moderators; `200` |
    ///
    /// A credential comes as `Authorization: Bearer …`, or as `?token=…` where a browser's
    /// `EventSource` cannot send headers. Errors are problem documents whose `type` is
    /// `urn:airloom:chat:` and the [code](Refusal::code) of the refusal.
    pub fn router(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// Gives a room an input, and waits for its answer. The room is made if need be.
    ///
    /// # Errors
    /// What the room says.
    pub async fn request(&self, room: &RoomId, input: Input) -> Result<Answer, Refusal> {
        self.0.hub.request(room, input).await
    }

    /// Reads in a room from behind `cursor` on, or from a little before now without one.
    ///
    /// # Errors
    /// [`Refusal::Full`] at the limit of rooms or readers.
    pub fn subscribe(
        &self,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Subscription, Refusal> {
        self.0.hub.subscribe(room, user, cursor)
    }

    /// How many read at this moment, in all rooms.
    pub fn readers(&self) -> u64 {
        self.0.hub.totals().readers()
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        metrics::render(self.0.hub.totals())
    }

    /// Lets go of every reader; they come back with their cursors. Rooms take nothing more.
    pub fn close(&self) {
        self.0.hub.close();
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    fn has_room(&self, room: &RoomId) -> bool {
        (self.0.named)(room)
    }

    fn authority(&self) -> &dyn Authority {
        &*self.0.authority
    }
}

/// What a [`Chat`] is made of.
pub struct Builder {
    config: Config,
    policies: Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
    authority: Arc<dyn Authority>,
    named: fn(&RoomId) -> bool,
    observer: Arc<dyn Observer>,
    reviewer: Option<Arc<dyn Reviewer>>,
    broker: Option<Box<dyn Broker>>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            policies: Arc::new(|_| Policies::default()),
            authority: Arc::new(Tokens::new(Anonymous::Guest)),
            named: |_| true,
            observer: Arc::new(()),
            reviewer: None,
            broker: None,
        }
    }
}

impl Builder {
    /// Limits and times.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// What may be said, room by room. Of no effect with a [`broker`](Self::broker) of one's own.
    #[must_use]
    pub fn policies(
        mut self,
        policies: impl Fn(&RoomId) -> Policies + Send + Sync + 'static,
    ) -> Self {
        self.policies = Arc::new(policies);
        self
    }

    /// Who somebody is. Without it anybody writes under any name and nobody moderates.
    #[must_use]
    pub fn authority(mut self, authority: impl Authority + 'static) -> Self {
        self.authority = Arc::new(authority);
        self
    }

    /// Which rooms there can be; all others are `404`. Without it, any that is named.
    #[must_use]
    pub fn named(mut self, named: fn(&RoomId) -> bool) -> Self {
        self.named = named;
        self
    }

    /// Who hears of what is not for the readers.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Who decides about what policies hold. Without one, moderators do.
    #[must_use]
    pub fn reviewer(mut self, reviewer: impl Reviewer + 'static) -> Self {
        self.reviewer = Some(Arc::new(reviewer));
        self
    }

    /// Who orders the entries, where that is not this process alone.
    #[must_use]
    pub fn broker(mut self, broker: impl Broker + 'static) -> Self {
        self.broker = Some(Box::new(broker));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// What the system says: no thread, no poll.
    pub fn build(self) -> std::io::Result<Chat> {
        let Self { config, policies, authority, named, observer, reviewer, broker } = self;
        let reviews = reviewer.map(|reviewer| Reviews::new(reviewer, config.reviews));
        let (broker, others) = match broker {
            Some(broker) => (broker, Vec::new()),
            None => embedded(&config, &policies),
        };
        let hub = Hub::start(&config, broker, others, observer, reviews)?;
        Ok(Chat(Arc::new(Handle { hub, authority, named })))
    }
}

/// The brokers of one process: as many as rooms are sharded into, the first of them apart.
fn embedded(
    config: &Config,
    policies: &Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
) -> (Box<dyn Broker>, Vec<Box<dyn Broker>>) {
    let shards = config.shards.get().min(config.rooms / Config::SHARD).max(1);
    let share = config.rooms.div_ceil(shards);
    let broker = || -> Box<dyn Broker> {
        let policies = Arc::clone(policies);
        Box::new(Embedded::new(config.room.clone(), share, move |room| policies(room)))
    };
    (broker(), (1..shards).map(|_| broker()).collect())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
