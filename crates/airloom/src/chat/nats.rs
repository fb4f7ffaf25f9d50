//! One chat on several nodes, with NATS between them. Feature `nats`.
//!
//! Every node runs a [`Chat`](super::Chat) with a [`Nats`] broker on the same NATS. What is said is
//! ordered by one of them, room by room, and reaches the others through core NATS: one message on
//! the room's subject for everything said in 50 ms. Core NATS loses messages, and that is enough: a
//! node that misses something asks the orderer, which answers from its history.
//!
//! # Who orders
//!
//! Whoever holds the room's lease, a record in a JetStream key-value bucket that is only ever
//! changed by compare-and-set: whichever node comes first, the others are refused. The record
//! carries the [`Epoch`], which rises with every change of hands and fences:
//! nobody takes anything of an epoch that is over. A holder renews the record; others take it over
//! once it has not changed for a whole lease *by their own clock*, so neither NATS's clock nor
//! anybody's wall clock decides. A holder that cannot renew stops before that, by its own.
//!
//! JetStream acknowledges a write before it is on the disk. Should a machine crash and forget a
//! record, two nodes may each believe for the rest of a lease that they order; as epochs also never
//! fall behind the wall clock in milliseconds, theirs differ, and whoever sees the later one drops
//! the earlier. Where even that is too much, run JetStream with `sync_interval: always`, or three
//! [`replicas`](Config::replicas).
//!
//! # What readers and writers see
//!
//! While a node hears nothing of a room's orderer, its readers are told so (`event: link`), its
//! writers get [`NoSequencer`](airloom_chat::Refusal::NoSequencer), and reading goes on from what is
//! there. When another node takes over, readers get a `reset` and the history that node had.
//!
//! Whoever may publish on the subjects may say anything in anybody's name: give chat nodes an
//! account of their own.

mod bucket;
mod lease;
mod link;
mod name;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom_chat::cluster::{self, Input as Given, Member, NodeId, Output as Told, RequestId};
use airloom_chat::moderation::Policies;
use airloom_chat::{
    Anchor, Cursor, Epoch, Input, Output, Reader, Refusal, Room, RoomId, Take, UserId, WallTime,
};

use super::{Broker, Reply, Wake};
use link::{Event, Line, Link};

pub use async_nats;

/// How the nodes of a chat find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What each room promises. The same on all nodes.
    pub room: airloom_chat::Config,
    /// How the nodes work together. The same on all nodes.
    pub cluster: cluster::Config,
    /// Rooms at once on this node. Default 10,000; then a new one is [`Refusal::Full`].
    pub rooms: usize,
    /// What the subjects begin with, a dot and the room following. Default `airloom.chat`.
    pub prefix: String,
    /// The key-value bucket of the leases; made where there is none. Default `airloom-chat`.
    pub bucket: String,
    /// On how many NATS servers a new bucket is kept. Default 1; 3 in a cluster.
    pub replicas: usize,
    /// How long a lease lasts, the same on all nodes. Default 5 s: a node that dies is followed by
    /// another in 7 s, after two of [silence](cluster::Config::silence). At least three times
    /// [`renew`](cluster::Config::renew).
    pub lease: Duration,
    /// Frames received and not yet taken in. Default 8,192; then they are lost as NATS may lose
    /// them, and asked for again.
    pub inbox: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            room: airloom_chat::Config { deliveries: 200_000, ..airloom_chat::Config::default() },
            cluster: cluster::Config::default(),
            rooms: 10_000,
            prefix: "airloom.chat".to_owned(),
            bucket: "airloom-chat".to_owned(),
            replicas: 1,
            lease: Duration::from_secs(5),
            inbox: 8192,
        }
    }
}

/// The broker of several processes on one NATS.
///
/// ```no_run
/// use airloom::chat::Chat;
/// use airloom::chat::nats::{Config, Nats, async_nats};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
/// let client = options.connect("127.0.0.1:4222").await?;
/// let chat = Chat::builder().broker(Nats::new(client, Config::default())).build()?;
/// # drop(chat);
/// # Ok(())
/// # }
/// ```
pub struct Nats {
    config: Config,
    policies: Arc<dyn Fn(&RoomId) -> Policies + Send + Sync>,
    client: async_nats::Client,
    link: Option<Link>,
    up: bool,
    anchor: Anchor,
    rooms: HashMap<RoomId, Node>,
    timers: BTreeSet<(Duration, RoomId)>,
    outputs: VecDeque<(RoomId, Output)>,
    replies: HashMap<RequestId, Reply>,
    requests: u64,
    lives: RandomState,
}

/// This node's part in one room.
struct Node {
    id: NodeId,
    member: Member,
    line: Line,
    timer: Option<Duration>,
    /// When somebody here last wanted something of it.
    wanted: Duration,
}

impl Nats {
    /// Over this connection, which must be one that reconnects for ever (the default) and echoes
    /// nothing strange; others may share it.
    pub fn new(client: async_nats::Client, config: Config) -> Self {
        Self {
            config,
            policies: Arc::new(|_| Policies::default()),
            client,
            link: None,
            up: true,
            anchor: Anchor::default(),
            rooms: HashMap::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
            replies: HashMap::new(),
            requests: 0,
            lives: RandomState::new(),
        }
    }

    /// The same with policies of one's own, room by room: the same on all nodes.
    #[must_use]
    pub fn with_policies(
        mut self,
        policies: impl Fn(&RoomId) -> Policies + Send + Sync + 'static,
    ) -> Self {
        self.policies = Arc::new(policies);
        self
    }

    /// Whether this node orders the room's entries at the moment.
    pub fn is_sequencer(&self, now: Duration, room: &RoomId) -> bool {
        self.rooms.get(room).is_some_and(|node| node.member.is_sequencer(now))
    }

    fn open(&mut self, now: Duration, room: &RoomId) -> Result<&mut Node, Refusal> {
        if !self.rooms.contains_key(room) && self.rooms.len() >= self.config.rooms {
            return Err(Refusal::Full { what: "rooms" });
        }
        let Some(link) = &self.link else { return Err(Refusal::NoSequencer) };
        let node = self.rooms.entry(room.clone()).or_insert_with(|| {
            // Unlike that of any other node, and of this one's earlier parts in the room.
            let mut hasher = self.lives.build_hasher();
            self.requests += 1;
            hasher.write_u64(self.requests);
            let id = NodeId(hasher.finish());
            let (policies, anchor) = ((self.policies)(room), self.anchor);
            let empty = Room::new(now, self.config.room.clone(), policies, Epoch::new(0), anchor);
            let mut member = Member::new(now, id, self.config.cluster, empty);
            member.handle_input(now, Given::Link(self.up));
            Node { id, member, line: link.line(room, id), timer: None, wanted: now }
        });
        node.wanted = now;
        Ok(node)
    }

    /// Hands out what a member says, and puts its room where its timeout will be found.
    fn settle(&mut self, room: &RoomId) {
        let Some(node) = self.rooms.get_mut(room) else { return };
        while let Some(told) = node.member.poll_output() {
            match told {
                Told::Send(frame) => node.line.publish(&frame),
                Told::Answer(id, answer) => {
                    if let Some(reply) = self.replies.remove(&id) {
                        reply.send(answer);
                    }
                }
                Told::Acquire => node.line.acquire(node.member.feed().epoch()),
                Told::Renew(epoch) => node.line.renew(epoch),
                Told::Release(epoch) => node.line.release(epoch),
                Told::Room(output) => self.outputs.push_back((room.clone(), output)),
                // What a later core may ask for cannot be done here.
                _ => {}
            }
        }
        let idle = node.wanted.saturating_add(self.config.room.idle);
        let idle = (node.member.feed().readers() == 0).then_some(idle);
        let due = [node.member.poll_timeout(), idle].into_iter().flatten().min();
        if node.timer != due {
            if let Some(old) = node.timer {
                self.timers.remove(&(old, room.clone()));
            }
            if let Some(due) = due {
                self.timers.insert((due, room.clone()));
            }
            node.timer = due;
        }
    }

    fn take(&mut self, now: Duration, event: Event) {
        match event {
            Event::Frame(room, frame) => {
                let Some(node) = self.rooms.get_mut(&room) else { return };
                node.member.handle_input(now, Given::Frame(frame));
                self.settle(&room);
            }
            Event::Lease(room, id, lease) => {
                // It may be of an earlier part in the room, whose lease just ends.
                let node = self.rooms.get_mut(&room).filter(|node| node.id == id);
                let Some(node) = node else { return };
                node.member.handle_input(now, Given::Lease(lease));
                self.settle(&room);
            }
            Event::Link(up) => {
                self.up = up;
                let rooms: Vec<_> = self.rooms.keys().cloned().collect();
                for room in rooms {
                    if let Some(node) = self.rooms.get_mut(&room) {
                        node.member.handle_input(now, Given::Link(up));
                    }
                    self.settle(&room);
                }
            }
        }
    }

    /// Lets go of a room that nobody here has wanted anything of for a while, unless others are
    /// served from here.
    fn rest(&mut self, now: Duration, room: &RoomId) {
        let Some(node) = self.rooms.get_mut(room) else { return };
        let idle = node.wanted.saturating_add(self.config.room.idle);
        if node.member.feed().readers() > 0 || now < idle {
            return;
        }
        if node.member.is_needed(now) {
            node.wanted = now;
            return;
        }
        node.member.retire(now);
        self.settle(room);
        if let Some(timer) = self.rooms.remove(room).and_then(|node| node.timer) {
            self.timers.remove(&(timer, room.clone()));
        }
    }
}

impl Broker for Nats {
    fn start(&mut self, now: Duration, wake: Wake) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.anchor = Anchor { now, wall: WallTime::from_unix(since) };
        self.link = Some(Link::start(self.client.clone(), &self.config, self.anchor, wake));
    }

    fn request(&mut self, now: Duration, room: &RoomId, input: Input, reply: Reply) {
        self.requests += 1;
        let id = RequestId(self.requests);
        match self.open(now, room) {
            Ok(node) => {
                node.member.handle_input(now, Given::Request(id, input));
                self.replies.insert(id, reply);
                self.settle(room);
            }
            Err(refusal) => reply.send(Err(refusal)),
        }
    }

    fn join(
        &mut self,
        now: Duration,
        room: &RoomId,
        user: Option<&UserId>,
        cursor: Option<Cursor>,
    ) -> Result<Reader, Refusal> {
        let reader = self.open(now, room)?.member.feed_mut().join(now, user, cursor);
        self.settle(room);
        Ok(reader)
    }

    fn catch_up(&mut self, now: Duration, room: &RoomId, reader: &mut Reader) -> Take<'static> {
        let Some(node) = self.rooms.get_mut(room) else { return Take::Nothing };
        node.member.feed_mut().catch_up(now, reader)
    }

    fn delivered(&mut self, room: &RoomId, took: Duration) {
        if let Some(node) = self.rooms.get_mut(room) {
            node.member.feed_mut().delivered(took);
        }
    }

    fn leave(&mut self, now: Duration, room: &RoomId, user: Option<&UserId>) {
        let Some(node) = self.rooms.get_mut(room) else { return };
        node.wanted = now;
        node.member.feed_mut().leave(now, user);
        self.settle(room);
    }

    fn poll_output(&mut self) -> Option<(RoomId, Output)> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        if !self.outputs.is_empty() {
            return Some(Duration::ZERO);
        }
        self.timers.first().map(|(due, _)| *due)
    }

    fn handle_timeout(&mut self, now: Duration) {
        while let Some(event) = self.link.as_mut().and_then(Link::next) {
            self.take(now, event);
        }
        while let Some((due, room)) = self.timers.first().cloned() {
            if due > now {
                return;
            }
            if let Some(node) = self.rooms.get_mut(&room) {
                node.member.handle_timeout(now);
                // Whatever it says of when it is due, there is an end to this loop.
                self.timers.remove(&(due, room.clone()));
                node.timer = None;
            }
            self.rest(now, &room);
            self.settle(&room);
            if self.timers.first() == Some(&(due, room)) {
                return;
            }
        }
    }

    fn rooms(&self) -> usize {
        self.rooms.len()
    }
}

/// Gives back what it holds, so that others need not wait for the leases to end.
impl Drop for Nats {
    fn drop(&mut self) {
        let now = self.link.as_ref().map(Link::now).unwrap_or_default();
        let rooms: Vec<_> = self.rooms.keys().cloned().collect();
        for room in rooms {
            if let Some(node) = self.rooms.get_mut(&room) {
                node.member.retire(now);
            }
            self.settle(&room);
        }
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("config", &self.config)
            .field("rooms", &self.rooms.len())
            .field("up", &self.up)
            .finish_non_exhaustive()
    }
}
