//! What a room takes, from whom, and how often.

mod client;

use std::time::Duration;

use airloom_chat::moderation::{AuthorRate, Case, Policies, Policy, Rate, Verdict};
use airloom_chat::{
    Act, Amount, Anchor, Answer, Body, Config, Deed, EntryId, Epoch, Input, Limits, Modes, Output,
    Poll, PollOption, Refusal, Restriction, Roles, Room, Submission,
};
use client::{Client, author, ms, run, say, user};

fn room_with(policies: Policies) -> Room {
    let config = Config { presence: None, ..Config::default() };
    Room::new(ms(0), config, policies, Epoch::new(0xe), Anchor::default())
}

fn room() -> Room {
    room_with(Policies::default())
}

fn staff() -> airloom_chat::Author {
    author("mod").with_roles(Roles::MODERATOR)
}

fn submit(room: &mut Room, now: Duration, submission: Submission) -> Result<EntryId, Refusal> {
    match room.handle_input(now, Input::Submit(submission))? {
        Answer::Admitted(receipt) => Ok(receipt.id),
        other => panic!("{other:?}"),
    }
}

fn body(author: airloom_chat::Author, body: Body) -> Submission {
    Submission { author, key: None, body }
}

fn act(room: &mut Room, now: Duration, act: Act) -> Result<Answer, Refusal> {
    room.handle_input(now, Input::Moderate { by: staff(), act })
}

#[test]
fn an_idempotency_key_admits_once_and_gets_the_first_answer_again() {
    let mut room = room();
    let attempt = |name: &str, text: &str| {
        Submission::message(author(name), text).with_key("attempt 1".parse().unwrap())
    };
    let first = submit(&mut room, ms(0), attempt("ann", "one")).unwrap();
    assert_eq!(submit(&mut room, ms(9000), attempt("ann", "one")), Ok(first));
    // Even with another text: the first is what counts.
    assert_eq!(submit(&mut room, ms(9000), attempt("ann", "two")), Ok(first));
    // Somebody else's key is another key.
    assert_ne!(submit(&mut room, ms(9000), attempt("ben", "one")), Ok(first));
    assert_eq!(room.feed().head().offset.number(), 2);
    // A refusal is not remembered.
    let empty = attempt("cid", " ");
    assert_eq!(submit(&mut room, ms(0), empty), Err(Refusal::Empty));
    assert!(submit(&mut room, ms(9000), attempt("cid", "now with words")).is_ok());
}

#[test]
fn keys_are_bounded() {
    let limits = Limits { keys: 100, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let mut room = Room::new(ms(0), config, Policies::none(), Epoch::new(1), Anchor::default());
    let keyed = |number: u64| {
        Submission::message(author("ann"), "x").with_key(number.to_string().parse().unwrap())
    };
    for number in 0..1000 {
        submit(&mut room, ms(number), keyed(number)).unwrap();
        // The one before is always known.
        let head = room.feed().head();
        submit(&mut room, ms(number), keyed(number.saturating_sub(40))).unwrap();
        assert_eq!(room.feed().head(), head);
    }
}

#[test]
fn kinds_are_for_those_who_may() {
    let mut room = room();
    let ann = author("ann");
    let system = author("shop").with_roles(Roles::SYSTEM);
    let text = String::from("x");
    let amount = Amount { minor: 100, currency: "EUR".parse().unwrap() };
    let donation = Body::Donation { amount, text: text.clone() };
    let first = submit(&mut room, ms(0), Submission::message(ann.clone(), "hello")).unwrap();
    let for_staff = [
        Body::System { text: text.clone() },
        Body::Pin { target: Some(first) },
        Body::StreamInfo { title: text.clone(), category: text.clone() },
    ];
    for kind in for_staff {
        assert_eq!(
            submit(&mut room, ms(0), body(ann.clone(), kind.clone())),
            Err(Refusal::NotAllowed)
        );
        assert!(submit(&mut room, ms(0), body(staff(), kind)).is_ok());
    }
    assert_eq!(submit(&mut room, ms(0), body(staff(), donation.clone())), Err(Refusal::NotAllowed));
    let donated = submit(&mut room, ms(0), body(system, donation)).unwrap();
    let counts = [("🔥".parse().unwrap(), 1_000_000)].into();
    assert_eq!(
        submit(&mut room, ms(0), body(staff(), Body::Reactions { target: first, counts })),
        Err(Refusal::Impossible { field: "kind" })
    );
    let nowhere = EntryId { epoch: Epoch::new(9), offset: first.offset };
    assert_eq!(
        submit(&mut room, ms(0), body(staff(), Body::Pin { target: Some(nowhere) })),
        Err(Refusal::UnknownEntry)
    );
    let long = Submission::message(staff(), "x".repeat(2001));
    assert_eq!(
        submit(&mut room, ms(0), long),
        Err(Refusal::TooLong { limit: 2000, unit: "bytes" })
    );
    // The broadcaster's systems are told of the money, and every act of a moderator is on record.
    let others = run(&mut room, &mut [], ms(0));
    let support = others.iter().filter_map(|output| match output {
        Output::Support(entry) => Some(entry.id),
        _ => None,
    });
    assert_eq!(support.collect::<Vec<_>>(), [donated]);
    let audits = others.iter().filter(|output| matches!(output, Output::Audit(_)));
    assert_eq!(audits.count(), 3);
}

#[test]
fn a_deletion_is_an_entry_for_those_here_and_a_tombstone_for_those_to_come() {
    let mut room = room();
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let kept = say(&mut room, ms(0), "bob", "kept").unwrap().id;
    let bad = say(&mut room, ms(0), "bob", "bad words").unwrap().id;
    run(&mut room, &mut [&mut ann], ms(1000));
    let others = author("cid");
    assert_eq!(
        submit(&mut room, ms(1000), body(others, Body::Delete { target: bad })),
        Err(Refusal::NotAllowed)
    );
    act(&mut room, ms(1000), Act::Delete { target: bad }).unwrap();
    let outputs = run(&mut room, &mut [&mut ann], ms(2000));
    assert_eq!(ann.entries[&3].body, Body::Delete { target: bad });
    let Some(Output::Audit(audit)) = outputs.first() else { panic!() };
    assert_eq!(audit.deed, Deed::Act(Act::Delete { target: bad }));
    assert_eq!(audit.by, Some(user("mod")));
    // A replay has no hole and no bad words.
    for cursor in ["e:0", "e:1", "d:9"] {
        let ben = Client::join(ms(3000), room.feed_mut(), Some(cursor.parse().unwrap()));
        assert_eq!(ben.entries[&2].body, Body::Delete { target: bad });
        assert_eq!(ben.entries[&2].author, None);
        assert!(!format!("{ben:?}").contains("bad words"));
    }
    // One's own may be deleted by oneself; a deletion by nobody.
    assert!(
        submit(&mut room, ms(3000), body(author("bob"), Body::Delete { target: kept })).is_ok()
    );
    // Once: it is never sampled away, so it must not be a way to shout.
    for again in [author("bob"), staff()] {
        assert_eq!(
            submit(&mut room, ms(3000), body(again, Body::Delete { target: kept })),
            Err(Refusal::UnknownEntry)
        );
    }
    let deletion = EntryId { epoch: kept.epoch, offset: ann.last_id.unwrap().offset };
    assert_eq!(
        act(&mut room, ms(3000), Act::Delete { target: deletion }),
        Err(Refusal::Impossible { field: "target" })
    );
}

#[test]
fn what_is_deleted_before_its_tick_is_never_told() {
    let mut room = room();
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    say(&mut room, ms(0), "bob", "first").unwrap();
    run(&mut room, &mut [&mut ann], ms(0));
    let bad = say(&mut room, ms(10), "bob", "bad words").unwrap().id;
    act(&mut room, ms(20), Act::Delete { target: bad }).unwrap();
    run(&mut room, &mut [&mut ann], ms(1000));
    assert_eq!(ann.offsets(), [1, 2, 3]);
    assert_eq!(ann.texts(), ["first"]);
}

#[test]
fn sanctions_are_typed_and_end() {
    let mut room = room();
    let restrict = |how, lasts| Act::Restrict { user: user("bob"), how, lasts };
    act(&mut room, ms(0), restrict(Restriction::Timeout, Some(ms(60_000)))).unwrap();
    assert_eq!(
        say(&mut room, ms(20_000), "bob", "let me"),
        Err(Refusal::TimedOut { retry_after: ms(40_000) })
    );
    assert_eq!(
        room.handle_input(ms(0), Input::Typing { by: user("bob") }),
        Err(Refusal::TimedOut { retry_after: ms(60_000) })
    );
    assert!(say(&mut room, ms(60_000), "bob", "thanks").is_ok());
    act(&mut room, ms(60_000), restrict(Restriction::Ban, None)).unwrap();
    assert_eq!(say(&mut room, ms(70_000), "bob", "x"), Err(Refusal::Banned { retry_after: None }));
    act(&mut room, ms(80_000), Act::Pardon { user: user("bob") }).unwrap();
    assert!(say(&mut room, ms(80_000), "bob", "thanks").is_ok());
    assert_eq!(
        act(&mut room, ms(0), restrict(Restriction::Timeout, None)),
        Err(Refusal::Impossible { field: "lasts" })
    );
    let nobody = Input::Moderate { by: author("bob"), act: restrict(Restriction::Ban, None) };
    assert_eq!(room.handle_input(ms(0), nobody), Err(Refusal::NotAllowed));
}

#[test]
fn a_shadow_ban_shows_to_its_author_alone() {
    let mut room = room();
    let how = Restriction::Shadow;
    act(&mut room, ms(0), Act::Restrict { user: user("bob"), how, lasts: None }).unwrap();
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let mut bob = Client::join_as(ms(0), room.feed_mut(), "bob");
    say(&mut room, ms(0), "bob", "spam").unwrap();
    say(&mut room, ms(0), "cid", "hello").unwrap();
    run(&mut room, &mut [&mut ann, &mut bob], ms(1000));
    assert_eq!((ann.texts(), ann.offsets()), (vec!["hello"], vec![1, 2]));
    assert_eq!(bob.texts(), ["spam", "hello"]);
    // In a replay as well.
    let ann = Client::join(ms(2000), room.feed_mut(), Some("e:0".parse().unwrap()));
    let bob = Client::join_as(ms(2000), room.feed_mut(), "bob");
    assert_eq!((ann.texts(), bob.texts()), (vec!["hello"], vec!["spam", "hello"]));
}

#[test]
fn moderators_set_modes_and_are_not_bound_by_them() {
    let mut room = room();
    let modes = Modes { slow_ms: 10_000, followers_only: true, ..Modes::default() };
    act(&mut room, ms(0), Act::Modes(modes)).unwrap();
    assert_eq!(room.modes(), modes);
    assert_eq!(say(&mut room, ms(0), "bob", "x"), Err(Refusal::FollowersOnly));
    let bob = author("bob").with_roles(Roles::FOLLOWER);
    assert!(submit(&mut room, ms(0), Submission::message(bob.clone(), "x")).is_ok());
    assert_eq!(
        submit(&mut room, ms(4000), Submission::message(bob.clone(), "y")),
        Err(Refusal::SlowMode { retry_after: ms(6000) })
    );
    // A refused attempt does not make it longer.
    assert!(submit(&mut room, ms(10_000), Submission::message(bob, "y")).is_ok());
    for _ in 0..3 {
        assert!(submit(&mut room, ms(0), Submission::message(staff(), "calm")).is_ok());
    }
}

/// Holds what has a question mark.
#[derive(Debug)]
struct Questions;

impl Policy for Questions {
    fn judge(&self, case: &Case<'_>) -> Verdict {
        if case.text.contains('?') { Verdict::Hold } else { Verdict::Pass }
    }
}

#[test]
fn what_is_held_waits_for_its_review() {
    let mut room = room_with(Policies::none().with(Questions));
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let holding = |room: &mut Room, text: &str| {
        let submission = Submission::message(author("bob"), text);
        let submission = submission.with_key(text.parse().unwrap());
        match room.handle_input(ms(0), Input::Submit(submission)) {
            Ok(Answer::Held(ticket)) => ticket,
            other => panic!("{other:?}"),
        }
    };
    let (one, two) = (holding(&mut room, "one?"), holding(&mut room, "two?"));
    assert_eq!(holding(&mut room, "one?"), one, "held once");
    let three = holding(&mut room, "three?");
    let asked = run(&mut room, &mut [&mut ann], ms(1000));
    assert_eq!(asked.len(), 3);
    assert!(matches!(&asked[0], Output::Review(ticket, held)
        if *ticket == one && held.body.text() == Some("one?")));
    let review = |ticket, approve| Input::Review { ticket, by: Some(user("mod")), approve };
    assert!(matches!(room.handle_input(ms(1000), review(one, true)), Ok(Answer::Admitted(_))));
    assert_eq!(room.handle_input(ms(1000), review(one, true)), Err(Refusal::UnknownTicket));
    assert_eq!(room.handle_input(ms(1000), review(two, false)), Ok(Answer::Done));
    let outputs = run(&mut room, &mut [&mut ann], ms(2000));
    assert_eq!(outputs.iter().filter(|it| matches!(it, Output::Audit(_))).count(), 2);
    assert_eq!(ann.texts(), ["one?"]);
    // Nobody looked at the third in time.
    run(&mut room, &mut [&mut ann], ms(600_000));
    assert_eq!(room.handle_input(ms(600_000), review(three, true)), Err(Refusal::UnknownTicket));
    assert_eq!(room.poll_timeout(), None);
}

#[test]
fn a_ban_reaches_what_is_under_review() {
    let mut room = room_with(Policies::none().with(Questions));
    let held = Submission::message(author("bob"), "may I?");
    let Ok(Answer::Held(ticket)) = room.handle_input(ms(0), Input::Submit(held)) else { panic!() };
    let how = Restriction::Ban;
    act(&mut room, ms(0), Act::Restrict { user: user("bob"), how, lasts: None }).unwrap();
    assert_eq!(
        room.handle_input(ms(0), Input::Review { ticket, by: None, approve: true }),
        Err(Refusal::Banned { retry_after: None })
    );
}

#[test]
fn an_authors_pace_is_theirs_alone() {
    let rate = Rate::new(1, Duration::from_secs(1), 2);
    let mut room = room_with(Policies::none().with(AuthorRate(rate)));
    for name in ["ann", "bob"] {
        for _ in 0..2 {
            say(&mut room, ms(0), name, "x").unwrap();
        }
        assert_eq!(
            say(&mut room, ms(0), name, "x"),
            Err(Refusal::AuthorRate { retry_after: ms(1000) })
        );
    }
}

#[test]
fn reactions_are_totals_once_a_second() {
    let mut room = room();
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let target = say(&mut room, ms(0), "bob", "joke").unwrap().id;
    let react = |by: u64, reaction: &str| Input::React {
        by: author(&by.to_string()),
        target,
        reaction: reaction.parse().unwrap(),
    };
    for by in 0..1000 {
        let reaction = if by % 4 == 0 { "❤" } else { "😂" };
        assert_eq!(room.handle_input(ms(by), react(by, reaction)), Ok(Answer::Counted));
        run(&mut room, &mut [&mut ann], ms(by));
    }
    run(&mut room, &mut [&mut ann], ms(5000));
    let told: Vec<_> = ann
        .entries
        .values()
        .filter_map(|entry| match &entry.body {
            Body::Reactions { counts, .. } => Some(counts.values().sum::<u64>()),
            _ => None,
        })
        .collect();
    assert!(told.len() <= 3 && told.last() == Some(&1000), "{told:?}");
    let unknown = EntryId { epoch: Epoch::new(5), ..target };
    let react = Input::React { by: author("x"), target: unknown, reaction: "❤".parse().unwrap() };
    assert_eq!(room.handle_input(ms(0), react), Err(Refusal::UnknownEntry));
}

#[test]
fn a_poll_counts_each_voter_once_and_its_last_word_is_whole() {
    let mut room = room();
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let poll = |options: &[&str]| {
        let options =
            options.iter().map(|text| PollOption { text: (*text).to_owned(), votes: 0 }).collect();
        Body::Poll(Poll { question: "which?".to_owned(), options, poll: None, closed: false })
    };
    assert_eq!(
        submit(&mut room, ms(0), body(staff(), poll(&["only"]))),
        Err(Refusal::Impossible { field: "options" })
    );
    let id = submit(&mut room, ms(0), body(staff(), poll(&["a", "b"]))).unwrap();
    let vote = |by: u64, option| Input::Vote { by: author(&by.to_string()), poll: id, option };
    for by in 0..100 {
        room.handle_input(ms(by * 20), vote(by, usize::from(by % 5 == 0))).unwrap();
        run(&mut room, &mut [&mut ann], ms(by * 20));
    }
    assert_eq!(room.handle_input(ms(2000), vote(7, 1)), Err(Refusal::Voted));
    assert_eq!(
        room.handle_input(ms(2000), vote(500, 2)),
        Err(Refusal::Impossible { field: "option" })
    );
    act(&mut room, ms(2000), Act::ClosePoll { poll: id }).unwrap();
    assert_eq!(room.handle_input(ms(2000), vote(600, 0)), Err(Refusal::PollClosed));
    run(&mut room, &mut [&mut ann], ms(5000));
    let standings: Vec<_> = ann
        .entries
        .values()
        .filter_map(|entry| match &entry.body {
            Body::Poll(poll) if poll.poll == Some(id) => Some(poll),
            _ => None,
        })
        .collect();
    let last = standings.last().unwrap();
    assert!(last.closed && standings.len() <= 4);
    assert_eq!(last.options.iter().map(|it| it.votes).collect::<Vec<_>>(), [80, 20]);
}

#[test]
fn staff_are_never_sampled() {
    let mut room = room_with(Policies::none());
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let mut words = Vec::new();
    for step in 0..3000 {
        say(&mut room, ms(step), "bob", "flood").unwrap();
        if step % 100 == 0 {
            words.push(submit(&mut room, ms(step), Submission::message(staff(), "word")).unwrap());
        }
        run(&mut room, &mut [&mut ann], ms(step));
    }
    run(&mut room, &mut [&mut ann], ms(5000));
    assert!(words.iter().all(|id| ann.entries.contains_key(&id.offset.number())));
    assert!(ann.missing() > 2000);
}
