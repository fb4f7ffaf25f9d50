//! Counting what is too much to be said one by one: reactions and votes.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::author::UserKey;
use crate::generations::Generations;
use crate::moderation::{Rate, Record};
use crate::{Body, Config, EntryId, Poll, Reaction, Refusal};

/// Kinds of reactions one entry may have.
const KINDS: usize = 32;
/// Entries whose reactions are told at once; the others follow at the next tally.
const AT_ONCE: usize = 4;
/// Votes and reactions of one author: five a second, twenty at once.
const PACE: (u32, Duration, u32) = (5, Duration::from_secs(1), 20);

/// Reactions and votes since the room began, told as totals once in a while.
#[derive(Debug)]
pub(crate) struct Tally {
    every: Duration,
    waiting: usize,
    voters: usize,
    reactions: HashMap<EntryId, BTreeMap<Reaction, u64>>,
    changed: VecDeque<EntryId>,
    poll: Option<Running>,
    paces: Generations<UserKey, Record>,
    ready: Duration,
}

#[derive(Debug)]
struct Running {
    id: EntryId,
    poll: Poll,
    voters: HashSet<UserKey>,
    changed: bool,
}

impl Tally {
    pub(crate) fn new(now: Duration, config: &Config) -> Self {
        Self {
            every: config.tally,
            waiting: config.limits.reactions,
            voters: config.limits.voters,
            reactions: HashMap::new(),
            changed: VecDeque::new(),
            poll: None,
            paces: Generations::new(now, config.limits.users, Duration::from_mins(1)),
            ready: Duration::ZERO,
        }
    }

    pub(crate) fn react(
        &mut self,
        now: Duration,
        by: UserKey,
        target: EntryId,
        reaction: Reaction,
    ) -> Result<(), Refusal> {
        self.paced(now, by)?;
        let is_new = !self.changed.contains(&target);
        if is_new && self.changed.len() >= self.waiting {
            return Err(Refusal::Busy { queue: "reactions" });
        }
        let counts = self.reactions.entry(target).or_default();
        if counts.len() >= KINDS && !counts.contains_key(&reaction) {
            return Err(Refusal::Full { what: "kinds of reactions" });
        }
        *counts.entry(reaction).or_default() += 1;
        if is_new {
            self.changed.push_back(target);
        }
        Ok(())
    }

    /// Goes on counting from what an earlier life of the room came to.
    pub(crate) fn restore(&mut self, target: EntryId, counts: &BTreeMap<Reaction, u64>) {
        self.reactions.insert(target, counts.clone());
    }

    /// The poll that is running from now on, and how the one before it ended.
    pub(crate) fn open(&mut self, id: EntryId, poll: Poll) -> Option<Body> {
        let last = self.poll.take();
        self.poll = Some(Running { id, poll, voters: HashSet::new(), changed: false });
        last.map(Running::close)
    }

    pub(crate) fn close(&mut self, id: EntryId) -> Result<Body, Refusal> {
        let running = self.poll.take_if(|running| running.id == id);
        running.map(Running::close).ok_or(Refusal::PollClosed)
    }

    pub(crate) fn vote(
        &mut self,
        now: Duration,
        by: UserKey,
        id: EntryId,
        option: usize,
    ) -> Result<(), Refusal> {
        self.paced(now, by)?;
        let limit = self.voters;
        let running =
            self.poll.as_mut().filter(|running| running.id == id).ok_or(Refusal::PollClosed)?;
        let Some(option) = running.poll.options.get_mut(option) else {
            return Err(Refusal::Impossible { field: "option" });
        };
        if running.voters.contains(&by) {
            return Err(Refusal::Voted);
        }
        if running.voters.len() >= limit {
            return Err(Refusal::Full { what: "voters" });
        }
        running.voters.insert(by);
        option.votes += 1;
        running.changed = true;
        Ok(())
    }

    /// When there is something to tell.
    pub(crate) fn due(&self) -> Option<Duration> {
        let poll = self.poll.as_ref().is_some_and(|running| running.changed);
        (poll || !self.changed.is_empty()).then_some(self.ready)
    }

    /// What to tell now; `lives` says which entries are still there.
    pub(crate) fn told(&mut self, now: Duration, lives: impl Fn(EntryId) -> bool) -> Vec<Body> {
        if self.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.ready = now.saturating_add(self.every);
        self.reactions.retain(|target, _| lives(*target));
        let mut told = Vec::new();
        while told.len() < AT_ONCE
            && let Some(target) = self.changed.pop_front()
        {
            let counts = self.reactions.get(&target).cloned();
            told.extend(counts.map(|counts| Body::Reactions { target, counts }));
        }
        if let Some(running) = self.poll.as_mut().filter(|running| running.changed) {
            running.changed = false;
            told.push(running.standing(false));
        }
        told
    }

    fn paced(&mut self, now: Duration, by: UserKey) -> Result<(), Refusal> {
        let (count, period, burst) = PACE;
        let rate = Rate::new(count, period, burst);
        let mut record = self.paces.get(&by).cloned().unwrap_or_default();
        if let Some(retry_after) = rate.wait(now, &record) {
            return Err(Refusal::AuthorRate { retry_after });
        }
        rate.pay(now, &mut record);
        self.paces.insert(now, by, record);
        Ok(())
    }
}

impl Running {
    fn close(self) -> Body {
        self.standing(true)
    }

    fn standing(&self, closed: bool) -> Body {
        Body::Poll(Poll { poll: Some(self.id), closed, ..self.poll.clone() })
    }
}
