//! Who may moderate whom.

mod client;

use airloom_chat::moderation::{Policies, ReviewAll};
use airloom_chat::{
    Act, Anchor, Answer, Author, Body, Config, EntryId, Epoch, Input, Output, Refusal, Restriction,
    Roles, Room, Submission,
};
use client::{author, ms, say, user};

fn room() -> Room {
    Room::new(ms(0), Config::default(), Policies::default(), Epoch::new(1), Anchor::default())
}

fn moderator() -> Author {
    author("mod").with_roles(Roles::MODERATOR)
}

fn owner() -> Author {
    author("owner").with_roles(Roles::BROADCASTER)
}

fn submit(room: &mut Room, author: &Author, text: &str) -> Result<EntryId, Refusal> {
    let submission = Submission::message(author.clone(), text);
    match room.handle_input(ms(0), Input::Submit(submission))? {
        Answer::Admitted(receipt) => Ok(receipt.id),
        other => panic!("{other:?}"),
    }
}

fn ban(room: &mut Room, by: &Author, whom: &str) -> Result<Answer, Refusal> {
    let act = Act::Restrict { user: user(whom), how: Restriction::Ban, lasts: None };
    room.handle_input(ms(0), Input::Moderate { by: by.clone(), act })
}

#[test]
fn a_moderator_cannot_ban_the_broadcaster_nor_another_moderator() {
    let mut room = room();
    let other = author("mod2").with_roles(Roles::MODERATOR);
    submit(&mut room, &owner(), "welcome").unwrap();
    submit(&mut room, &other, "hello").unwrap();
    assert_eq!(ban(&mut room, &moderator(), "owner"), Err(Refusal::NotAllowed));
    assert_eq!(ban(&mut room, &moderator(), "mod2"), Err(Refusal::NotAllowed));
    assert_eq!(ban(&mut room, &moderator(), "mod"), Err(Refusal::NotAllowed));
    assert_eq!(ban(&mut room, &owner(), "mod2"), Ok(Answer::Done));
    assert_eq!(submit(&mut room, &other, "x"), Err(Refusal::Banned { retry_after: None }));
}

/// The room has not seen the broadcaster yet: the ban is taken, and binds a viewer of that name,
/// not the broadcaster.
#[test]
fn a_ban_from_below_binds_nobody_even_where_the_room_did_not_know() {
    let mut room = room();
    assert_eq!(ban(&mut room, &moderator(), "owner"), Ok(Answer::Done));
    assert!(say(&mut room, ms(0), "owner", "as a viewer").is_err());
    assert!(submit(&mut room, &owner(), "as the broadcaster").is_ok());
}

#[test]
fn what_the_broadcaster_decided_stands_against_moderators() {
    let mut room = room();
    ban(&mut room, &owner(), "bob").unwrap();
    let acts = [
        Act::Pardon { user: user("bob") },
        Act::Restrict { user: user("bob"), how: Restriction::Timeout, lasts: Some(ms(1)) },
    ];
    for act in acts {
        let by = moderator();
        let answer = room.handle_input(ms(0), Input::Moderate { by, act });
        assert_eq!(answer, Err(Refusal::NotAllowed));
    }
    assert!(say(&mut room, ms(10), "bob", "x").is_err());
    let pardon = Input::Moderate { by: owner(), act: Act::Pardon { user: user("bob") } };
    assert_eq!(room.handle_input(ms(10), pardon), Ok(Answer::Done));
    assert!(say(&mut room, ms(10), "bob", "x").is_ok());
}

#[test]
fn moderators_delete_what_viewers_and_moderators_say_but_not_the_broadcaster() {
    let mut room = room();
    let word = submit(&mut room, &owner(), "mine").unwrap();
    let peer = submit(&mut room, &author("mod2").with_roles(Roles::MODERATOR), "theirs").unwrap();
    let mut delete = |by: Author, target| {
        let submission = Submission { author: by, key: None, body: Body::Delete { target } };
        room.handle_input(ms(0), Input::Submit(submission))
    };
    assert_eq!(delete(moderator(), word), Err(Refusal::NotAllowed));
    assert!(delete(moderator(), peer).is_ok());
    assert!(delete(owner(), word).is_ok());
}

#[test]
fn where_everything_is_reviewed_nothing_unseen_appears() {
    let policies = Policies::default().with(ReviewAll);
    let mut room = Room::new(ms(0), Config::default(), policies, Epoch::new(1), Anchor::default());
    let submission = Submission::message(author("ann"), "hello");
    let Answer::Held(ticket) = room.handle_input(ms(0), Input::Submit(submission)).unwrap() else {
        panic!("it is held");
    };
    assert_eq!(room.feed().head().offset.number(), 0);
    let reviews = std::iter::from_fn(|| room.poll_output());
    assert_eq!(reviews.filter(|output| matches!(output, Output::Review(..))).count(), 1);
    let review = Input::Review { ticket, by: None, approve: true };
    assert!(matches!(room.handle_input(ms(0), review), Ok(Answer::Admitted(_))));
    // The staff is believed.
    submit(&mut room, &moderator(), "as it is").unwrap();
}
