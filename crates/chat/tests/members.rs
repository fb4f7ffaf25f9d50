//! Two members of a room and a broker that does what the test says.

mod client;

use std::time::Duration;

use airloom_chat::cluster::{Config, Frame, Input, Lease, Member, NodeId, Output, RequestId};
use airloom_chat::moderation::Policies;
use airloom_chat::{
    Act, Anchor, Answer, Body, EntryId, Epoch, History, Modes, Refusal, Restriction, Roles, Room,
    Submission, Take,
};
use client::{Client, author, ms};

struct Pair {
    members: Vec<Member>,
    now: Duration,
    cut: bool,
    /// What the first and the second sent.
    sent: [Vec<Frame>; 2],
    answers: Vec<(RequestId, Result<Answer, Refusal>)>,
    released: Vec<Epoch>,
    clients: Vec<(usize, Client)>,
    renewals: bool,
    requests: u64,
}

impl Pair {
    /// The first is the sequencer in epoch 1.
    fn new(entries: usize) -> Self {
        let history = History { entries, ..History::default() };
        let config = airloom_chat::Config {
            history,
            display: None,
            presence: None,
            ..airloom_chat::Config::default()
        };
        let member = |node| {
            let policies = Policies::default();
            let room = Room::new(ms(0), config.clone(), policies, Epoch::new(0), Anchor::default());
            Member::new(ms(0), NodeId(node), Config::default(), room)
        };
        let mut pair = Self {
            members: vec![member(1), member(2)],
            now: ms(0),
            cut: false,
            sent: [Vec::new(), Vec::new()],
            answers: Vec::new(),
            released: Vec::new(),
            clients: Vec::new(),
            renewals: true,
            requests: 0,
        };
        pair.grant(0, 1);
        pair.run(ms(100));
        pair
    }

    fn grant(&mut self, member: usize, epoch: u64) {
        let until = self.now + ms(5000);
        let lease = Lease::Granted { epoch: Epoch::new(epoch), until };
        self.members[member].handle_input(self.now, Input::Lease(lease));
        self.drain();
    }

    fn request(&mut self, member: usize, input: airloom_chat::Input) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.members[member].handle_input(self.now, Input::Request(id, input));
        self.drain();
        id
    }

    fn say(&mut self, member: usize, text: &str) -> EntryId {
        let submission = Submission::message(author("bob"), text);
        let id = self.request(member, airloom_chat::Input::Submit(submission));
        match self.answer(id) {
            Some(Ok(Answer::Admitted(receipt))) => receipt.id,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, id: RequestId) -> Option<Result<Answer, Refusal>> {
        self.answers.iter().find(|(known, _)| *known == id).map(|(_, answer)| *answer)
    }

    fn drain(&mut self) {
        loop {
            let mut quiet = true;
            for index in 0..2 {
                while let Some(output) = self.members[index].poll_output() {
                    quiet = false;
                    self.output(index, output);
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn output(&mut self, index: usize, output: Output) {
        match output {
            Output::Send(frame) => {
                self.sent[index].push(frame.clone());
                if !self.cut {
                    self.members[1 - index].handle_input(self.now, Input::Frame(frame));
                }
            }
            Output::Answer(id, answer) => self.answers.push((id, answer)),
            Output::Renew(epoch) if self.renewals => {
                let until = self.now + ms(5000);
                let lease = Lease::Granted { epoch, until };
                self.members[index].handle_input(self.now, Input::Lease(lease));
            }
            Output::Acquire => {
                self.members[index].handle_input(self.now, Input::Lease(Lease::Denied));
            }
            Output::Release(epoch) => self.released.push(epoch),
            Output::Room(airloom_chat::Output::Batch(batch)) => {
                for (member, client) in &mut self.clients {
                    if *member == index {
                        client.receive(self.now, &batch, self.members[index].feed_mut());
                    }
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let timer = self.members.iter().filter_map(Member::poll_timeout).min();
            let wake = self.clients.iter().filter_map(|(_, client)| client.wake).min();
            let due = [timer, wake].into_iter().flatten().min().filter(|due| *due <= until);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            for member in &mut self.members {
                member.handle_timeout(self.now);
            }
            self.drain();
            for (member, client) in &mut self.clients {
                client.woken(self.now, self.members[*member].feed_mut());
            }
        }
        self.now = until;
    }

    fn join(&mut self, member: usize, cursor: &str) -> usize {
        let cursor = cursor.parse().ok();
        let client = Client::join(self.now, self.members[member].feed_mut(), cursor);
        self.clients.push((member, client));
        self.clients.len() - 1
    }
}

#[test]
fn a_followers_readers_and_writers_have_the_same_room() {
    let mut pair = Pair::new(100);
    let (here, there) = (pair.join(0, ""), pair.join(1, ""));
    pair.say(1, "from the follower");
    pair.say(0, "from the sequencer");
    pair.run(ms(1000));
    for client in [here, there] {
        assert_eq!(pair.clients[client].1.texts(), ["from the follower", "from the sequencer"]);
    }
    assert!(pair.members[0].is_sequencer(pair.now) && !pair.members[1].is_sequencer(pair.now));
}

/// A newcomer does not tell a reader of another epoch before it knows which one is current.
#[test]
fn a_reader_who_comes_before_the_history_does_waits_for_it() {
    let mut pair = Pair::new(100);
    pair.say(0, "one");
    pair.run(ms(100));
    let room = Room::new(
        pair.now,
        airloom_chat::Config { presence: None, ..airloom_chat::Config::default() },
        Policies::none(),
        Epoch::new(0),
        Anchor::default(),
    );
    pair.members[1] = Member::new(pair.now, NodeId(3), Config::default(), room);
    let mut reader = pair.members[1].feed_mut().join(pair.now, None, "1:0".parse().ok());
    let now = pair.now;
    assert!(matches!(pair.members[1].feed_mut().catch_up(now, &mut reader), Take::Wait(_)));
    let client = pair.join(1, "1:0");
    pair.run(ms(2000));
    let client = &pair.clients[client].1;
    assert_eq!((client.resets, client.texts()), (0, vec!["one"]));
}

#[test]
fn a_request_that_the_broker_doubles_is_admitted_once() {
    let mut pair = Pair::new(100);
    pair.say(1, "one");
    let forward = pair.sent[1].last().unwrap().clone();
    let head = pair.members[0].feed().head();
    pair.members[0].handle_input(pair.now, Input::Frame(forward));
    pair.drain();
    assert_eq!(pair.members[0].feed().head(), head);
    assert_eq!(pair.answers.len(), 1, "one request, one answer");
}

/// What a follower missed may have deleted what it holds: it keeps nothing from before a hole.
#[test]
fn a_deletion_that_fell_into_a_hole_is_honoured_all_the_same() {
    let mut pair = Pair::new(10);
    let bad = pair.say(0, "bad words");
    pair.run(ms(500));
    let reader = pair.join(1, "1:0");
    pair.cut = true;
    let by = author("mod").with_roles(Roles::MODERATOR);
    let act = Act::Delete { target: bad };
    pair.request(0, airloom_chat::Input::Moderate { by, act });
    for number in 0..40 {
        pair.say(0, &number.to_string());
    }
    pair.run(ms(200));
    pair.cut = false;
    pair.run(ms(3000));
    let client = &pair.clients[reader].1;
    assert_eq!(client.texts().first(), Some(&"bad words"), "it was shown while it was there");
    assert_eq!(client.gaps.len(), 1);
    let late = pair.join(1, "1:0");
    pair.run(ms(1000));
    let late = &pair.clients[late].1;
    assert!(!late.texts().contains(&"bad words"));
    assert_eq!((late.missing(), late.entries.len()), (32, 10));
}

#[test]
fn a_lost_tail_is_noticed_and_repaired() {
    let mut pair = Pair::new(100);
    let reader = pair.join(1, "");
    pair.say(0, "one");
    pair.run(ms(100));
    pair.cut = true;
    pair.say(0, "two");
    pair.run(ms(100));
    pair.cut = false;
    pair.run(ms(1000));
    assert_eq!(pair.clients[reader].1.texts(), ["one", "two"]);
}

#[test]
fn whoever_cannot_renew_stops_before_the_lease_ends() {
    let mut pair = Pair::new(100);
    pair.renewals = false;
    pair.say(0, "one");
    pair.run(ms(4399));
    assert!(pair.members[0].is_sequencer(pair.now));
    pair.run(ms(1));
    assert!(!pair.members[0].is_sequencer(pair.now));
    let said = airloom_chat::Input::Submit(Submission::message(author("bob"), "two"));
    let id = pair.request(0, said);
    assert_eq!(pair.answer(id), Some(Err(Refusal::NoSequencer)));
}

#[test]
fn an_old_sequencer_cannot_write_into_a_new_epoch() {
    let mut pair = Pair::new(100);
    pair.say(0, "one");
    pair.run(ms(500));
    // The other gets the lease; the first hears nothing of it and goes on for a while.
    pair.cut = true;
    pair.grant(1, 2);
    pair.say(0, "lost");
    let reader = pair.join(1, "1:1");
    pair.run(ms(100));
    let stale: Vec<_> = pair.sent[0].clone();
    pair.cut = false;
    for frame in stale {
        let now = pair.now;
        pair.members[1].handle_input(now, Input::Frame(frame));
        pair.drain();
    }
    pair.run(ms(1000));
    assert!(!pair.members[0].is_sequencer(pair.now), "it has heard of the new epoch");
    let client = &pair.clients[reader].1;
    assert_eq!((client.resets, client.texts()), (1, vec!["one"]));
    assert_eq!(pair.members[0].feed().head(), pair.members[1].feed().head());
    // A grant that comes late is given back.
    pair.grant(0, 1);
    assert_eq!(pair.released, [Epoch::new(1)]);
}

#[test]
fn a_successor_keeps_ids_keys_and_tombstones() {
    let mut pair = Pair::new(100);
    let keyed = || {
        let submission = Submission::message(author("bob"), "keyed");
        airloom_chat::Input::Submit(submission.with_key("attempt".parse().unwrap()))
    };
    let first = pair.request(1, keyed());
    let bad = pair.say(0, "bad words");
    let by = author("mod").with_roles(Roles::MODERATOR);
    pair.request(0, airloom_chat::Input::Moderate { by, act: Act::Delete { target: bad } });
    pair.run(ms(500));
    let now = pair.now;
    pair.members[0].retire(now);
    pair.drain();
    assert_eq!(pair.released, [Epoch::new(1)]);
    pair.grant(1, 2);
    pair.run(ms(500));
    let again = pair.request(0, keyed());
    let (Some(Ok(Answer::Admitted(first))), Some(Ok(Answer::Admitted(again)))) =
        (pair.answer(first), pair.answer(again))
    else {
        panic!()
    };
    assert_eq!((first.id, again.cursor.to_string()), (again.id, "2:1".to_owned()));
    let late = pair.join(0, "1:0");
    let late = &pair.clients[late].1;
    assert_eq!((late.resets, late.texts()), (1, vec!["keyed"]));
    assert_eq!(late.entries[&2].body, Body::Delete { target: bad });
}

#[test]
fn readers_are_told_when_the_room_is_out_of_reach_and_when_it_is_back() {
    let mut pair = Pair::new(100);
    let (here, there) = (pair.join(0, ""), pair.join(1, ""));
    pair.run(ms(3000));
    assert!(pair.clients[there].1.notices.is_empty());
    // The second hears nothing any more; nobody tells it why.
    pair.cut = true;
    pair.run(ms(3000));
    assert_eq!(pair.clients[there].1.notices, ["{\"connected\":false}"]);
    let said = airloom_chat::Input::Submit(Submission::message(author("bob"), "hello?"));
    let id = pair.request(1, said);
    assert_eq!(pair.answer(id), Some(Err(Refusal::NoSequencer)));
    pair.cut = false;
    pair.run(ms(1000));
    assert_eq!(pair.clients[there].1.notices.last().unwrap(), "{\"connected\":true}");
    // The first is told by its broker: it does not pretend either.
    let now = pair.now;
    pair.members[0].handle_input(now, Input::Link(false));
    pair.run(ms(500));
    assert_eq!(pair.clients[here].1.notices, ["{\"connected\":false}"]);
}

#[test]
fn who_is_busy_or_comes_late_is_told_that_the_room_is_out_of_reach_too() {
    let mut pair = Pair::new(100);
    let there = pair.join(1, "");
    pair.run(ms(3000));
    // Given something at this very moment: the tick that says it finds this reader busy.
    pair.say(0, "one");
    pair.run(ms(200));
    let now = pair.now;
    pair.clients[there].1.reconnect(now, pair.members[1].feed_mut());
    pair.members[1].handle_input(now, Input::Link(false));
    pair.run(ms(300));
    let late = pair.join(1, "");
    pair.run(ms(500));
    for client in [there, late] {
        assert_eq!(pair.clients[client].1.notices, ["{\"connected\":false}"]);
    }
    let now = pair.now;
    pair.members[1].handle_input(now, Input::Link(true));
    pair.run(ms(3000));
    let new = pair.join(1, "");
    pair.run(ms(500));
    for client in [there, late] {
        assert_eq!(pair.clients[client].1.notices.last().unwrap(), "{\"connected\":true}");
    }
    assert!(pair.clients[new].1.notices.is_empty());
}

#[test]
fn a_successor_keeps_bans_and_modes() {
    let mut pair = Pair::new(100);
    let staff = || author("mod").with_roles(Roles::MODERATOR);
    let acts = |lasts| {
        let restrict = |number: u64| Act::Restrict {
            user: client::user(&format!("troll {number}")),
            how: Restriction::Ban,
            lasts,
        };
        (0..1200).map(restrict).collect::<Vec<_>>()
    };
    for act in acts(None) {
        pair.request(1, airloom_chat::Input::Moderate { by: staff(), act });
    }
    let modes = Modes { followers_only: true, ..Modes::default() };
    let act = Act::Modes(modes);
    pair.request(0, airloom_chat::Input::Moderate { by: staff(), act });
    let act = Act::Pardon { user: client::user("troll 7") };
    pair.request(0, airloom_chat::Input::Moderate { by: staff(), act });
    pair.run(ms(2000));
    let now = pair.now;
    pair.members[0].retire(now);
    pair.drain();
    pair.grant(1, 2);
    for (name, expected) in [
        ("troll 0", Refusal::Banned { retry_after: None }),
        ("troll 1199", Refusal::Banned { retry_after: None }),
        ("troll 7", Refusal::FollowersOnly),
    ] {
        let said = Submission::message(author(name), "hello");
        let id = pair.request(1, airloom_chat::Input::Submit(said));
        assert_eq!(pair.answer(id), Some(Err(expected)), "{name}");
    }
}

#[test]
fn a_writer_whose_sequencer_is_silent_is_told_so_in_time() {
    let mut pair = Pair::new(100);
    pair.say(1, "one");
    pair.cut = true;
    let said = airloom_chat::Input::Submit(Submission::message(author("bob"), "two"));
    let id = pair.request(1, said);
    pair.run(ms(2999));
    assert_eq!(pair.answer(id), None);
    pair.run(ms(1));
    assert_eq!(pair.answer(id), Some(Err(Refusal::Unanswered)));
}
