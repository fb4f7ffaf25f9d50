mod judging;
mod moderating;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::author::{Rank, UserKey};
use crate::feed::{Feed, Fresh, Lane, encode};
use crate::generations::Generations;
use crate::moderation::{Modes, Policies, Record, Verdict};
use crate::sanctions::{Sanctions, Standing};
use crate::tally::Tally;
use crate::{
    Act, Anchor, Answer, Audit, Author, Body, Config, Cursor, Deed, Entry, EntryId, Epoch, Input,
    Key, Offset, Output, Poll, Receipt, Refusal, Submission, Ticket, UserId,
};

/// How long the pace of a silent author is remembered: longer than any slow mode worth the name.
const PACES: Duration = Duration::from_mins(30);
/// How many of the staff are known by sight, and for how long at least: beyond that a sanction by
/// somebody not above them is taken, and binds them no more than before.
const STAFF: (usize, Duration) = (1024, Duration::from_hours(12));

/// A room: what may be said, in which order, and what its readers get of it.
///
/// Inputs are answered at once; what goes to others is drained with
/// [`poll_output`](Self::poll_output), at the times that [`poll_timeout`](Self::poll_timeout)
/// names. Late draining is safe: batches beyond a few are dropped and their readers catch up.
#[derive(Debug)]
pub struct Room {
    feed: Feed,
    policies: Policies,
    anchor: Anchor,
    modes: Modes,
    rules_version: u64,
    sanctions: Sanctions,
    authors: Generations<UserKey, Record>,
    /// Those of the staff who have done something here.
    staff: Generations<UserKey, Rank>,
    record: Record,
    answers: Generations<(UserKey, Key), Answer>,
    tally: Tally,
    held: BTreeMap<Ticket, Held>,
    tickets: u64,
    config: Config,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Held {
    submission: Submission,
    shadow: bool,
    until: Duration,
}

impl Room {
    /// An empty room that begins life `epoch` now.
    pub fn new(
        now: Duration,
        config: Config,
        policies: Policies,
        epoch: Epoch,
        anchor: Anchor,
    ) -> Self {
        let limits = config.limits;
        Self {
            feed: Feed::new(now, config.clone(), epoch),
            policies,
            anchor,
            modes: Modes::default(),
            rules_version: 0,
            sanctions: Sanctions::new(limits.sanctions),
            authors: Generations::new(now, limits.users, PACES),
            staff: Generations::new(now, STAFF.0, STAFF.1),
            record: Record::default(),
            answers: Generations::new(now, limits.keys, config.keys),
            tally: Tally::new(now, &config),
            held: BTreeMap::new(),
            tickets: 0,
            config,
            outputs: VecDeque::new(),
        }
    }

    /// The reading side: joining, catching up.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The reading side: joining, catching up.
    pub fn feed_mut(&mut self) -> &mut Feed {
        &mut self.feed
    }

    /// How the moderators have set it.
    pub fn modes(&self) -> Modes {
        self.modes
    }

    /// Takes an input and answers it.
    ///
    /// # Errors
    /// The [`Refusal`]; the room is then as it was.
    pub fn handle_input(&mut self, now: Duration, input: Input) -> Result<Answer, Refusal> {
        match input {
            Input::Submit(submission) => self.submit(now, submission),
            Input::React { by, target, reaction } => {
                let shadow = self.sanctions.check(now, &by.id, by.roles.rank())?;
                if self.feed.slot(target).is_none() {
                    return Err(Refusal::UnknownEntry);
                }
                if !shadow {
                    self.tally.react(now, UserKey::of(&by.id), target, reaction)?;
                }
                Ok(Answer::Counted)
            }
            Input::Vote { by, poll, option } => {
                if !self.sanctions.check(now, &by.id, by.roles.rank())? {
                    self.tally.vote(now, UserKey::of(&by.id), poll, option)?;
                }
                Ok(Answer::Counted)
            }
            Input::Typing { by } => {
                let rank = self.rank_of(UserKey::of(&by));
                if !self.sanctions.check(now, &by, rank)? {
                    self.feed.typing(now, &by);
                }
                Ok(Answer::Counted)
            }
            Input::Moderate { by, act } => self.moderate(now, &by, act),
            Input::Review { ticket, by, approve } => self.review(now, ticket, by, approve),
        }
    }

    /// The next thing for somebody else.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.feed.poll_batch().map(Output::Batch).or_else(|| self.outputs.pop_front())
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let held = self.held.first_key_value().map(|(_, held)| held.until);
        [self.feed.poll_timeout(), self.tally.due(), held].into_iter().flatten().min()
    }

    /// Ticks, tallies and forgets, as far as due. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some(held) = self.held.first_entry()
            && held.get().until <= now
        {
            held.remove();
        }
        if self.feed.has_room(Lane::Priority) {
            let feed = &self.feed;
            for body in self.tally.told(now, |id| feed.slot(id).is_some()) {
                self.append(now, None, None, body, Lane::Priority, false);
            }
        }
        self.feed.handle_timeout(now);
    }

    /// When a room that nobody reads has been silent long enough to die; `None` while it is read.
    pub fn idle_at(&self) -> Option<Duration> {
        let silent = self.feed.readers() == 0;
        silent.then(|| self.feed.last_append().saturating_add(self.config.idle))
    }

    /// What moderators have set: the modes, and who may not write.
    pub(crate) fn rules(&self, now: Duration) -> (Modes, Vec<Standing>) {
        (self.modes, self.sanctions.standing(now))
    }

    /// How often that was changed.
    pub(crate) fn rules_version(&self) -> u64 {
        self.rules_version
    }

    /// Takes over what moderators have set elsewhere.
    pub(crate) fn set_rules(&mut self, now: Duration, modes: Modes, standing: Vec<Standing>) {
        self.modes = modes;
        self.sanctions.replace(now, standing);
    }

    /// Goes on as the sequencer of a new life with the history of the one before.
    pub(crate) fn succeed(&mut self, now: Duration, epoch: Epoch) {
        let past: Vec<_> = self
            .feed
            .slots_from(Offset::ZERO)
            .filter_map(|slot| Some((slot.at, slot.fresh(), slot.entry()?)))
            .collect();
        self.feed.begin(now, epoch);
        self.held.clear();
        self.answers = Generations::new(now, self.config.limits.keys, self.config.keys);
        self.tally = Tally::new(now, &self.config);
        let mut poll = None;
        for (at, fresh, mut entry) in past {
            entry.offset = self.feed.next();
            if let Some(key) = &fresh.key {
                let cursor = Cursor { epoch, offset: entry.offset };
                let answer = Answer::Admitted(Receipt { id: entry.id, cursor });
                self.answers.insert(now, (fresh.author, key.clone()), answer);
            }
            if let Some(author) = &entry.author {
                self.recognise(now, fresh.author, author.roles.rank());
            }
            match &entry.body {
                Body::Reactions { target, counts } => self.tally.restore(*target, counts),
                Body::Poll(standing) if standing.poll.is_none() => {
                    poll = Some(Poll { poll: Some(entry.id), ..standing.clone() });
                }
                Body::Poll(standing) if !standing.closed => poll = Some(standing.clone()),
                Body::Poll(_) => poll = None,
                _ => {}
            }
            let json = encode(&entry);
            self.feed.append(at, Fresh { offset: entry.offset, json, ..fresh });
        }
        // Who had voted is not known here: better an early end than a second vote.
        if let Some(poll) = poll {
            let standing = Body::Poll(Poll { closed: true, ..poll });
            self.append(now, None, None, standing, Lane::Priority, false);
        }
        self.feed.settle(now);
    }

    fn submit(&mut self, now: Duration, submission: Submission) -> Result<Answer, Refusal> {
        let author = UserKey::of(&submission.author.id);
        let rank = submission.author.roles.rank();
        self.recognise(now, author, rank);
        let key = submission.key.clone().map(|key| (author, key));
        if let Some(known) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return Ok(*known);
        }
        self.check(&submission)?;
        let mut shadow = self.sanctions.check(now, &submission.author.id, rank)?;
        self.has_output_room()?;
        let lane = lane(&submission);
        if !self.feed.has_room(lane) {
            return Err(Refusal::Busy { queue: "entries" });
        }
        let answer = match self.judge(now, &submission)? {
            Verdict::Hold => self.hold(now, submission, shadow),
            verdict => {
                shadow |= verdict == Verdict::Shadow;
                Answer::Admitted(self.admit(now, submission, shadow))
            }
        };
        if let Some(key) = key {
            self.answers.insert(now, key, answer);
        }
        Ok(answer)
    }

    /// Remembers whom those below may not moderate.
    fn recognise(&mut self, now: Duration, user: UserKey, rank: Rank) {
        if rank > Rank::Viewer {
            self.staff.insert(now, user, rank);
        }
    }

    fn rank_of(&self, user: UserKey) -> Rank {
        self.staff.get(&user).copied().unwrap_or(Rank::Viewer)
    }

    fn admit(&mut self, now: Duration, submission: Submission, shadow: bool) -> Receipt {
        let lane = lane(&submission);
        let Submission { author, key, body } = submission;
        let deed = match &body {
            Body::Delete { target } => Some(Deed::Act(Act::Delete { target: *target })),
            Body::Pin { .. } | Body::Poll(_) | Body::StreamInfo { .. } | Body::System { .. } => {
                Some(Deed::Entry(self.next_id()))
            }
            _ => None,
        };
        if let Some(deed) = deed {
            self.audit(now, Some(author.id.clone()), deed);
        }
        if let Body::Poll(poll) = &body {
            let id = self.next_id();
            if let Some(last) = self.tally.open(id, poll.clone()) {
                // It follows the poll that took its place.
                let receipt = self.append(now, Some(author), key, body, lane, shadow);
                self.append(now, None, None, last, Lane::Priority, false);
                return receipt;
            }
        }
        self.append(now, Some(author), key, body, lane, shadow)
    }

    fn append(
        &mut self,
        now: Duration,
        author: Option<Author>,
        key: Option<Key>,
        body: Body,
        lane: Lane,
        shadow: bool,
    ) -> Receipt {
        let id = self.next_id();
        let at = self.anchor.wall_at(now);
        let entry = Entry { offset: id.offset, id, at, body, author };
        self.feed.append(now, Fresh::new(&entry, key, lane, shadow));
        if matches!(entry.body, Body::Donation { .. } | Body::Subscription { .. }) {
            self.outputs.push_back(Output::Support(entry));
        }
        Receipt { id, cursor: Cursor { epoch: id.epoch, offset: id.offset } }
    }

    fn next_id(&self) -> EntryId {
        EntryId { epoch: self.feed.epoch(), offset: self.feed.next() }
    }

    fn audit(&mut self, now: Duration, by: Option<UserId>, deed: Deed) {
        self.outputs.push_back(Output::Audit(Audit { at: self.anchor.wall_at(now), by, deed }));
    }

    fn has_output_room(&self) -> Result<(), Refusal> {
        if self.outputs.len() < self.config.limits.outputs {
            Ok(())
        } else {
            Err(Refusal::Busy { queue: "outputs" })
        }
    }
}

fn lane(submission: &Submission) -> Lane {
    let priority = submission.body.is_priority() || submission.author.roles.is_staff();
    if priority { Lane::Priority } else { Lane::Ordinary }
}
