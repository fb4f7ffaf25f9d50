//! What speaks to NATS: tasks on one side, queues that never block on the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airloom_chat::cluster::{Frame, Lease, NodeId};
use airloom_chat::{Anchor, Epoch, RoomId};
use async_nats::connection::State;
use async_nats::{Client, Subject};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::lease::{Keeper, Wish};
use super::{Config, name};
use crate::chat::Wake;

/// How often it is looked whether the connection stands.
const LOOK: Duration = Duration::from_millis(100);
/// Wishes of one room that wait for the one before them.
const WISHES: usize = 8;

/// What comes from NATS.
#[derive(Debug)]
pub(super) enum Event {
    Frame(RoomId, Frame),
    Lease(RoomId, NodeId, Lease),
    Link(bool),
}

/// The connection, for all rooms.
#[derive(Debug)]
pub(super) struct Link {
    shared: Shared,
    events: mpsc::Receiver<Event>,
    watch: AbortHandle,
}

/// What every task of the link needs.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    client: Client,
    config: Arc<Config>,
    clock: Clock,
    events: mpsc::Sender<Event>,
    wake: Wake,
    outbox: mpsc::Sender<(Subject, Bytes)>,
}

/// The time that rooms go by, and the wall's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    anchor: Anchor,
}

impl Clock {
    pub(super) fn now(self) -> Duration {
        self.anchor.now.saturating_add(self.start.elapsed())
    }

    /// Milliseconds since 1970.
    pub(super) fn wall(self) -> u64 {
        let wall = self.anchor.wall_at(self.now()).since_unix();
        u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Shared {
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// Tells of something that must not be lost.
    pub(super) async fn tell(&self, event: Event) {
        if self.events.send(event).await.is_ok() {
            self.wake.wake();
        }
    }

    fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Publishes what is given to it while the connection stands. What would wait for it to stand
    /// again would come when its time is over.
    async fn publish(self, mut outbox: mpsc::Receiver<(Subject, Bytes)>) {
        while let Some((subject, payload)) = outbox.recv().await {
            if self.is_up() && self.client.publish(subject, payload).await.is_err() {
                return;
            }
        }
    }

    /// Says when the connection breaks and when it stands again.
    async fn watch(self) {
        let mut told = None;
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let up = self.is_up();
            if told != Some(up) {
                told = Some(up);
                self.tell(Event::Link(up)).await;
            }
        }
    }

    /// Takes in what is published in a room.
    async fn listen(self, room: RoomId, subject: Subject) {
        let Ok(mut frames) = self.client.subscribe(subject).await else { return };
        while let Some(message) = frames.next().await {
            match Frame::decode(&message.payload) {
                Ok(frame) => {
                    // Where there is no place it is lost, as it might have been on the way.
                    if self.events.try_send(Event::Frame(room.clone(), frame)).is_ok() {
                        self.wake.wake();
                    }
                }
                Err(error) => tracing::warn!(%room, %error, "a frame of a chat is unreadable"),
            }
        }
    }
}

impl Link {
    pub(super) fn start(client: Client, config: &Config, anchor: Anchor, wake: Wake) -> Self {
        let (inbox, events) = mpsc::channel(config.inbox.max(1));
        let (outbox, frames) = mpsc::channel(config.inbox.max(1));
        let clock = Clock { start: Instant::now(), anchor };
        let config = Arc::new(config.clone());
        let shared = Shared { client, config, clock, events: inbox, wake, outbox };
        // Ends with the last line: what was said before the end still goes out.
        let publisher = Shared { outbox: mpsc::channel(1).0, ..shared.clone() };
        tokio::spawn(publisher.publish(frames));
        let watch = tokio::spawn(shared.clone().watch()).abort_handle();
        Self { shared, events, watch }
    }

    pub(super) fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    pub(super) fn next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// A room's part of the connection.
    pub(super) fn line(&self, room: &RoomId, node: NodeId) -> Line {
        let token = name::token(room);
        let subject = Subject::from(format!("{}.{token}", self.shared.config.prefix));
        let listening = self.shared.clone().listen(room.clone(), subject.clone());
        let listening = tokio::spawn(listening).abort_handle();
        let (wishes, granting) = mpsc::channel(WISHES);
        let keeper = Keeper::new(self.shared.clone(), room.clone(), token, node);
        // Ends with the line, once the last wish is fulfilled: that may be a release.
        tokio::spawn(keeper.run(granting));
        Line { subject, outbox: self.shared.outbox.clone(), wishes, listening }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// One room's part of the connection.
#[derive(Debug)]
pub(super) struct Line {
    subject: Subject,
    outbox: mpsc::Sender<(Subject, Bytes)>,
    wishes: mpsc::Sender<Wish>,
    listening: AbortHandle,
}

impl Line {
    /// Publishes a frame, or loses it where the connection has no room for it.
    pub(super) fn publish(&self, frame: &Frame) {
        let _ = self.outbox.try_send((self.subject.clone(), frame.encode()));
    }

    pub(super) fn acquire(&self, known: Epoch) {
        self.wish(Wish::Acquire(known));
    }

    pub(super) fn renew(&self, epoch: Epoch) {
        self.wish(Wish::Renew(epoch));
    }

    pub(super) fn release(&self, epoch: Epoch) {
        self.wish(Wish::Release(epoch));
    }

    /// A wish that finds no place is wished again, and a release that does is a lease that ends.
    fn wish(&self, wish: Wish) {
        let _ = self.wishes.try_send(wish);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
