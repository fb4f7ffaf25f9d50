mod following;
mod sequencing;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::backlog::Backlog;
use super::frame::Kind;
use super::{Config, Frame, rules};
use crate::generations::Generations;
use crate::{Answer, Epoch, Feed, Offset, Refusal, Room};

/// How long answers to forwarded requests are remembered, should one come twice.
const HANDLED: Duration = Duration::from_secs(30);

/// Names a node: whatever number is its own among those that share a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

/// Names a request of this node, as its driver pleases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a member is given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// Somebody on this node wants something of the room. Answered by [`Output::Answer`], once.
    Request(RequestId, crate::Input),
    /// A frame came from the broker; its own ones do no harm.
    Frame(Frame),
    /// What became of [`Output::Acquire`] or [`Output::Renew`].
    Lease(Lease),
    /// Whether the broker can be reached.
    Link(bool),
}

/// What the keeper of leases says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// This node has it.
    Granted {
        /// The number of the grant: higher than that of every grant before it, the same when
        /// renewed.
        epoch: Epoch,
        /// Until when, on this node's clock: counted from before the question was sent, so that
        /// it never ends later here than there.
        until: Duration,
    },
    /// Another has it, or it is not known who.
    Denied,
}

/// What a member tells its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Publish it on the room's subject.
    Send(Frame),
    /// The answer to a request.
    Answer(RequestId, Result<Answer, Refusal>),
    /// Ask for the lease.
    Acquire,
    /// Ask for the lease again before it ends.
    Renew(Epoch),
    /// Give the lease back.
    Release(Epoch),
    /// What the room says on this node.
    Room(crate::Output),
}

/// One node's part in one room. See the [module](super).
#[derive(Debug)]
pub struct Member {
    node: NodeId,
    config: Config,
    room: Room,
    role: Role,
    outputs: VecDeque<Output>,
    backlog: Backlog,
    requests: BTreeMap<u64, (RequestId, Duration)>,
    number: u64,
    handled: Generations<(NodeId, u64), Result<Answer, Refusal>>,
    crowd: HashMap<NodeId, (u64, Duration)>,
    /// Readers here as the sequencer knows them, and when to tell it again.
    reported: u64,
    report_at: Duration,
    /// When the sequencer was last heard of.
    heard: Option<Duration>,
    acquire_at: Duration,
    link: bool,
    /// What readers believe of the link.
    told: bool,
    repaired: Option<(Offset, Duration)>,
    /// What moderators have set, as the sequencer tells; and when it last told.
    rules: rules::Copy,
    rules_told: Option<Duration>,
}

#[derive(Debug)]
enum Role {
    Follower,
    Sequencer {
        until: Duration,
        renew_at: Duration,
        /// What comes next into a frame, and when.
        sent: Offset,
        publish_at: Duration,
        beat_at: Duration,
    },
}

impl Member {
    /// A follower that knows nothing yet. `room` is a new one; its epoch does not matter.
    ///
    /// `node` must not be that of another process, nor of an earlier life of this one: requests
    /// are told apart by it.
    pub fn new(now: Duration, node: NodeId, config: Config, mut room: Room) -> Self {
        room.feed_mut().begin(now, Epoch::new(0));
        Self {
            node,
            config,
            room,
            role: Role::Follower,
            outputs: VecDeque::new(),
            backlog: Backlog::new(config.backlog),
            requests: BTreeMap::new(),
            number: 0,
            handled: Generations::new(now, 2 * config.requests, HANDLED),
            crowd: HashMap::new(),
            reported: 0,
            report_at: now,
            heard: None,
            // Time to hear of a sequencer, or of others that know more than a newcomer.
            acquire_at: now.saturating_add(config.beat * 3 / 2),
            link: true,
            told: true,
            repaired: None,
            rules: rules::Copy::default(),
            rules_told: None,
        }
    }

    /// The reading side of this node.
    pub fn feed(&self) -> &Feed {
        self.room.feed()
    }

    /// The reading side of this node: joining, catching up. Until the history is known, catching
    /// up is [`Take::Wait`](crate::Take::Wait).
    pub fn feed_mut(&mut self) -> &mut Feed {
        self.room.feed_mut()
    }

    /// Whether this node orders the room's entries at this moment.
    pub fn is_sequencer(&self, now: Duration) -> bool {
        matches!(self.role, Role::Sequencer { until, .. } if now < self.stops_at(until))
    }

    /// Whether others go without if this node leaves the room: it orders what readers of other
    /// nodes read, or what was said a moment ago, or somebody waits for an answer.
    pub fn is_needed(&self, now: Duration) -> bool {
        let orders = self.is_sequencer(now)
            && (self.crowd.values().any(|(readers, _)| *readers > 0)
                || self.room.idle_at().is_none_or(|at| at > now));
        orders || !self.requests.is_empty()
    }

    /// Takes an input.
    pub fn handle_input(&mut self, now: Duration, input: Input) {
        self.check_lease(now);
        match input {
            Input::Request(id, input) => self.request(now, id, input),
            Input::Frame(frame) => self.frame(now, frame),
            Input::Lease(lease) => self.lease(now, lease),
            Input::Link(up) => {
                self.link = up;
                if up {
                    self.acquire_at = self.acquire_at.max(now);
                }
            }
        }
        self.check_link(now);
    }

    /// The next thing for somebody else.
    pub fn poll_output(&mut self) -> Option<Output> {
        let mine = self.outputs.pop_front();
        mine.or_else(|| self.room.poll_output().map(Output::Room))
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let requests = self.requests.values().map(|(_, until)| *until).min();
        let role = match &self.role {
            Role::Sequencer { until, renew_at, publish_at, beat_at, sent } => {
                let publish = (*sent < self.feed().next()).then_some(*publish_at);
                let own = [self.stops_at(*until), *renew_at, *beat_at].into_iter().min();
                [publish, own].into_iter().flatten().min()
            }
            Role::Follower => {
                let ask = self.backlog.ask_at(self.config.ask).filter(|_| self.link);
                let give_up = self.backlog.give_up_at(self.config.patience);
                let acquire = self.link.then_some(self.acquire_at);
                let silent = self.heard.filter(|_| self.told && self.feed().is_open());
                let silent = silent.map(|heard| heard.saturating_add(self.config.silence));
                let report = (self.link && self.heard.is_some()).then_some(self.report_at);
                [ask, give_up, acquire, silent, report].into_iter().flatten().min()
            }
        };
        [self.room.poll_timeout(), requests, role].into_iter().flatten().min()
    }

    /// Does what is due. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.check_lease(now);
        while let Some((number, id)) = self.overdue(now) {
            self.requests.remove(&number);
            self.outputs.push_back(Output::Answer(id, Err(Refusal::Unanswered)));
        }
        match self.role {
            Role::Sequencer { .. } => self.sequence(now),
            Role::Follower => self.follow(now),
        }
        self.room.handle_timeout(now);
        self.check_link(now);
    }

    /// Steps back in good order: what is admitted is published, and the lease given up.
    pub fn retire(&mut self, now: Duration) {
        self.check_lease(now);
        if let Role::Sequencer { .. } = self.role {
            self.publish(now);
            self.outputs.push_back(Output::Release(self.epoch()));
            self.step_down(now);
        }
    }

    fn epoch(&self) -> Epoch {
        self.feed().epoch()
    }

    fn overdue(&self, now: Duration) -> Option<(u64, RequestId)> {
        let overdue = self.requests.iter().find(|(_, (_, until))| *until <= now);
        overdue.map(|(number, (id, _))| (*number, *id))
    }

    fn stops_at(&self, until: Duration) -> Duration {
        until.saturating_sub(self.config.margin)
    }

    /// A sequencer whose lease has run out is none, whatever else it is asked to do.
    fn check_lease(&mut self, now: Duration) {
        if let Role::Sequencer { until, .. } = self.role
            && now >= self.stops_at(until)
        {
            self.step_down(now);
        }
    }

    fn step_down(&mut self, now: Duration) {
        self.role = Role::Follower;
        self.backlog.clear();
        self.heard = None;
        self.acquire_at = now.saturating_add(self.config.silence);
        self.crowd.clear();
    }

    /// Tells the readers when the room can no longer be trusted to be all there is, and when it
    /// can again.
    fn check_link(&mut self, now: Duration) {
        let heard = self.heard.is_some_and(|it| now < it.saturating_add(self.config.silence));
        // While the history is still to come, there is nothing yet to be wrong about.
        let heard = heard || !self.feed().is_open();
        let connected = self.link && (heard || matches!(self.role, Role::Sequencer { .. }));
        self.told = connected;
        self.room.feed_mut().sever(now, !connected);
    }

    fn send(&mut self, kind: Kind) {
        let frame = Frame::new(self.node, self.epoch(), kind);
        self.send_frame(frame);
    }

    fn send_frame(&mut self, frame: Frame) {
        if self.outputs.len() < self.config.outputs {
            self.outputs.push_back(Output::Send(frame));
        }
    }

    fn request(&mut self, now: Duration, id: RequestId, input: crate::Input) {
        let answer = match (&self.role, input) {
            _ if !self.link => Err(Refusal::NoSequencer),
            // Of no interest to other nodes, and too much for them.
            (_, crate::Input::Typing { by }) => {
                self.room.feed_mut().typing(now, &by);
                Ok(Answer::Counted)
            }
            (Role::Sequencer { .. }, input) => self.room.handle_input(now, input),
            (Role::Follower, _) if !self.told || self.heard.is_none() => Err(Refusal::NoSequencer),
            (Role::Follower, _)
                if self.requests.len() >= self.config.requests
                    || self.outputs.len() >= self.config.outputs =>
            {
                Err(Refusal::Busy { queue: "requests" })
            }
            (Role::Follower, input) => {
                self.number += 1;
                let number = self.number;
                self.requests.insert(number, (id, now.saturating_add(self.config.answer)));
                self.send(Kind::Forward { number, input });
                return;
            }
        };
        self.outputs.push_back(Output::Answer(id, answer));
    }

    fn lease(&mut self, now: Duration, lease: Lease) {
        let Lease::Granted { epoch, until: granted } = lease else {
            match self.role {
                Role::Sequencer { .. } => self.step_down(now),
                Role::Follower => self.acquire_at = now.saturating_add(self.config.silence),
            }
            return;
        };
        let known = self.epoch();
        let usable = epoch > known && now < self.stops_at(granted);
        match &mut self.role {
            Role::Sequencer { until, .. } if epoch == known => *until = granted.max(*until),
            _ if usable => self.begin(now, epoch, granted),
            // It came too late, or others have gone beyond it.
            _ => self.outputs.push_back(Output::Release(epoch)),
        }
    }

    fn frame(&mut self, now: Duration, frame: Frame) {
        let header = frame.header;
        if header.from == self.node {
            return;
        }
        let sequencing = matches!(self.role, Role::Sequencer { .. });
        if sequencing && header.epoch > self.epoch() {
            // Somebody has seen a later grant than ours.
            self.step_down(now);
        }
        match header.kind {
            Kind::Entries { head, first } => {
                if self.hear(now, header.epoch) {
                    self.mirror(now, head, first, frame.entries);
                }
            }
            Kind::Beat { head, first, readers, rules } => {
                if self.hear(now, header.epoch) {
                    self.mirror(now, head, first, Vec::new());
                    let elsewhere = readers.saturating_sub(self.reported);
                    self.room.feed_mut().elsewhere(now, elsewhere);
                    if self.rules.lacks(now, rules, self.config.beat) {
                        self.send(Kind::AskRules);
                    }
                }
            }
            Kind::AskRules => {
                let again = now.saturating_sub(self.config.ask);
                if sequencing && self.rules_told.is_none_or(|at| at <= again) {
                    self.rules_told = Some(now);
                    for part in rules::parts(now, &self.room) {
                        self.send(Kind::Rules(part));
                    }
                }
            }
            Kind::Rules(part) => {
                if self.hear(now, header.epoch) {
                    self.rules.take(now, part, &mut self.room);
                }
            }
            Kind::Ask { start } => {
                if sequencing && header.epoch == self.epoch() {
                    // Several may have missed the same frame; one answer reaches all.
                    let again = now.saturating_sub(self.config.ask / 2);
                    if self.repaired.is_none_or(|(what, at)| what != start || at <= again) {
                        self.repaired = Some((start, now));
                        self.send_entries(start);
                    }
                }
            }
            Kind::Forward { number, input } => {
                if matches!(self.role, Role::Sequencer { .. }) {
                    self.forwarded(now, header.from, number, input);
                }
            }
            Kind::Reply { to, number, result } => {
                if to == self.node
                    && let Some((id, _)) = self.requests.remove(&number)
                {
                    let result = result.map_err(|refused| Refusal::from(&refused));
                    self.outputs.push_back(Output::Answer(id, result));
                }
            }
            Kind::Readers { readers } => {
                if sequencing {
                    self.crowd.insert(header.from, (readers, now));
                } else if !self.feed().is_open() {
                    // One that holds the history should go before one that does not.
                    self.acquire_at = now.saturating_add(self.config.silence * 2);
                }
            }
        }
    }
}
