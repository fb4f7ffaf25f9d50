//! Who comes back gets everything that is still kept, or is told what is not.

mod client;

use airloom_chat::moderation::Policies;
use airloom_chat::{Anchor, Config, Cursor, Epoch, History, Input, Limits, Offset, Room};
use airloom_chat::{Rooms, Submission, Take};
use client::{Client, author, ms, run, say};
use proptest::prelude::*;

fn room(config: Config) -> Room {
    Room::new(ms(0), config, Policies::none(), Epoch::new(0xe), Anchor::default())
}

fn all_shown() -> Config {
    Config { display: None, presence: None, ..Config::default() }
}

fn cursor(epoch: u64, offset: u64) -> Cursor {
    Cursor { epoch: Epoch::new(epoch), offset: Offset::new(offset) }
}

/// centrifugo#165, #510.
#[test]
fn history_of_five_and_seven_missed_is_a_gap_of_two_and_five() {
    let history = History { entries: 5, ..History::default() };
    let mut room = room(Config { history, ..all_shown() });
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    say(&mut room, ms(0), "bob", "before").unwrap();
    run(&mut room, &mut [&mut ann], ms(500));
    for number in 0..7 {
        say(&mut room, ms(1000), "bob", &number.to_string()).unwrap();
    }
    run(&mut room, &mut [], ms(2000));
    ann.reconnect(ms(3000), room.feed_mut());
    assert_eq!(ann.gaps, [2..=3]);
    assert_eq!(ann.texts(), ["before", "2", "3", "4", "5", "6"]);
}

/// mercure#178: a join with a last id during continuous publishing loses nothing and gets nothing
/// twice, wherever between two ticks it falls. The client of these tests insists on both.
#[test]
fn a_join_during_continuous_publishing_loses_nothing() {
    for phase in 0..100 {
        let mut room = room(all_shown());
        let mut clients = Vec::new();
        for step in 0..200 {
            let now = ms(step * 7);
            let receipt = say(&mut room, now, "bob", &step.to_string()).unwrap();
            if step == phase {
                clients.push(Client::join(now, room.feed_mut(), Some(cursor(0xe, step / 2))));
                // A cursor of what no batch has told yet.
                clients.push(Client::join(now, room.feed_mut(), Some(receipt.cursor)));
                clients.push(Client::join(now, room.feed_mut(), None));
            }
            run(&mut room, &mut clients.iter_mut().collect::<Vec<_>>(), now);
        }
        run(&mut room, &mut clients.iter_mut().collect::<Vec<_>>(), ms(5000));
        let firsts = [phase / 2 + 1, phase + 2];
        for (client, first) in clients.iter().zip(firsts) {
            assert_eq!(client.offsets(), (first..=200).collect::<Vec<_>>());
        }
        let fresh = clients[2].offsets();
        assert_eq!(fresh, (fresh[0]..=200).collect::<Vec<_>>());
        for client in &clients {
            assert!(client.gaps.is_empty() && client.busiest_second() <= 10);
        }
    }
}

/// centrifugo#446: between the state that a request answered with and the subscription that
/// begins from its cursor, nothing falls through.
#[test]
fn nothing_is_lost_between_the_state_and_the_subscription() {
    let mut room = room(all_shown());
    say(&mut room, ms(0), "bob", "one").unwrap();
    run(&mut room, &mut [], ms(0));
    let state = room.feed().head();
    say(&mut room, ms(10), "bob", "two").unwrap();
    run(&mut room, &mut [], ms(100));
    say(&mut room, ms(110), "bob", "three").unwrap();
    let mut ann = Client::join(ms(120), room.feed_mut(), Some(state));
    say(&mut room, ms(130), "bob", "four").unwrap();
    run(&mut room, &mut [&mut ann], ms(1000));
    assert_eq!(ann.texts(), ["two", "three", "four"]);
}

/// centrifuge-go#160: an old epoch with an offset that the new one has too is a reset, never
/// "recovered".
#[test]
fn an_old_epoch_with_a_plausible_offset_is_a_reset() {
    let mut room = room(all_shown());
    for number in 0..10 {
        say(&mut room, ms(0), "bob", &number.to_string()).unwrap();
    }
    run(&mut room, &mut [], ms(0));
    let mut ann = Client::join(ms(10), room.feed_mut(), Some(cursor(0xd, 7)));
    assert_eq!((ann.resets, ann.epoch.as_str()), (1, "e"));
    assert_eq!(ann.offsets(), (1..=10).collect::<Vec<_>>(), "everything kept is sent again");
    // Nobody was ever given this one.
    let ben = Client::join(ms(10), room.feed_mut(), Some(cursor(0xe, 11)));
    assert_eq!(ben.resets, 1);
    // This one, yes.
    let cid = Client::join(ms(10), room.feed_mut(), Some(cursor(0xe, 10)));
    assert_eq!((cid.resets, cid.offsets().len()), (0, 0));
    run(&mut room, &mut [&mut ann], ms(2000));
    assert!(ann.busiest_second() <= 10);
}

#[test]
fn a_reset_in_an_empty_room_has_a_cursor_too() {
    let mut room = room(all_shown());
    let mut ann = Client::join(ms(0), room.feed_mut(), Some(cursor(1, 5)));
    assert_eq!((ann.resets, ann.last_id), (1, Some(cursor(0xe, 0))));
    say(&mut room, ms(500), "bob", "one").unwrap();
    ann.reconnect(ms(600), room.feed_mut());
    run(&mut room, &mut [&mut ann], ms(1000));
    assert_eq!((ann.resets, ann.texts()), (1, vec!["one"]));
}

#[test]
fn a_room_that_died_idle_comes_back_in_another_epoch() {
    let anchor = Anchor::default();
    let config = all_shown();
    let idle = config.idle;
    let mut rooms = Rooms::new(config, anchor, Epoch::new(7), 2);
    let id = "lobby".parse().unwrap();
    let said = |text: &str| Input::Submit(Submission::message(author("bob"), text));
    rooms.handle_input(ms(0), &id, said("one")).unwrap();
    assert_eq!((rooms.len(), rooms.poll_timeout()), (1, Some(ms(0))));
    rooms.handle_timeout(ms(0));
    assert!(rooms.poll_output().is_some());
    // Somebody reads: it lives.
    let mut reader = rooms.join(ms(1), &id, None, None).unwrap();
    assert!(matches!(rooms.catch_up(ms(1), &id, &mut reader), Take::Own(_)));
    let cursor = reader.cursor();
    while let Some(due) = rooms.poll_timeout().filter(|due| *due < idle * 2) {
        rooms.handle_timeout(due);
    }
    assert_eq!(rooms.len(), 1);
    rooms.leave(idle * 2, &id, None);
    rooms.handle_timeout(idle * 2);
    assert!(rooms.is_empty());
    // The other one's cursor means nothing here.
    let mut reader = rooms.join(idle * 2, &id, None, Some(cursor)).unwrap();
    let Take::Own(events) = rooms.catch_up(idle * 2, &id, &mut reader) else { panic!() };
    assert!(events.starts_with(b"event: reset\nid: 8:0\ndata: {\"epoch\":\"8\"}\n\n"));
}

#[test]
fn rooms_are_bounded() {
    let mut rooms = Rooms::new(all_shown(), Anchor::default(), Epoch::new(7), 2);
    for name in ["a", "b"] {
        rooms.join(ms(0), &name.parse().unwrap(), None, None).unwrap();
    }
    assert_eq!(
        rooms.join(ms(0), &"c".parse().unwrap(), None, None),
        Err(airloom_chat::Refusal::Full { what: "rooms" })
    );
}

#[test]
fn history_is_bounded_by_bytes_and_age_too() {
    let history = History { entries: 1000, bytes: 5000, age: ms(60_000) };
    let mut room = room(Config { history, ..all_shown() });
    for number in 0..100 {
        say(&mut room, ms(number * 10), "bob", &"x".repeat(400)).unwrap();
        run(&mut room, &mut [], ms(number * 10));
    }
    run(&mut room, &mut [], ms(2000));
    assert!((4000..=5000).contains(&room.feed().history_bytes()), "{:?}", room.feed().head());
    let ann = Client::join(ms(50_000), room.feed_mut(), Some(cursor(0xe, 0)));
    assert_eq!(ann.gaps.len(), 1);
    assert_eq!(ann.offsets().len() as u64, 100 - ann.missing());
    // All of it is too old now.
    let ben = Client::join(ms(62_000), room.feed_mut(), Some(cursor(0xe, 0)));
    assert_eq!((ben.offsets().len(), ben.gaps), (0, vec![1..=100]));
    assert_eq!(room.feed().history_bytes(), 0);
}

#[test]
fn a_long_replay_comes_in_bounded_pieces_while_the_room_goes_on() {
    let limits = Limits { replay: 10_000, ..Limits::default() };
    let mut room = room(Config { limits, ..all_shown() });
    for number in 0..500 {
        say(&mut room, ms(number), "bob", &"y".repeat(100)).unwrap();
    }
    run(&mut room, &mut [], ms(1000));
    let mut ann = Client::join(ms(1000), room.feed_mut(), Some(cursor(0xe, 0)));
    assert!(ann.bytes < 11_000);
    for number in 0..500 {
        say(&mut room, ms(1000 + number * 10), "bob", "live").unwrap();
        run(&mut room, &mut [&mut ann], ms(1000 + number * 10));
    }
    run(&mut room, &mut [&mut ann], ms(20_000));
    assert_eq!(ann.offsets(), (1..=1000).collect::<Vec<_>>());
    assert!(ann.gaps.is_empty() && ann.busiest_second() <= 10);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever happens, in whatever order: a reader has an unbroken run of entries and stated
    /// gaps up to the head, and never more than ten events in a second and four for what it missed.
    #[test]
    fn readers_account_for_every_entry(
        steps in prop::collection::vec((0u8..8, 0u64..60), 1..200),
        entries in 1usize..20,
        replay in 100usize..2000,
    ) {
        let history = History { entries, ..History::default() };
        let limits = Limits { replay, ..Limits::default() };
        let display = Some(airloom_chat::Display { rate: 5, burst: 5 });
        let config = Config { history, limits, display, ..Config::default() };
        let mut room = room(config);
        let mut clients = vec![Client::join_as(ms(0), room.feed_mut(), "bob")];
        let mut now = 0;
        for (what, wait) in steps {
            match what {
                0..=4 => { say(&mut room, ms(now), ["bob", "cid"][usize::from(what) % 2], "text").unwrap(); }
                5 => clients.push(Client::join(ms(now), room.feed_mut(), None)),
                6 => {
                    let index = wait as usize % clients.len();
                    clients[index].reconnect(ms(now), room.feed_mut());
                }
                // A stall: nobody is given anything for a while.
                _ => {
                    now += wait * 20;
                    run(&mut room, &mut [], ms(now));
                }
            }
            now += wait;
            run(&mut room, &mut clients.iter_mut().collect::<Vec<_>>(), ms(now));
        }
        // The last tick wakes those who stalled.
        say(&mut room, ms(now), "cid", "last").unwrap();
        run(&mut room, &mut clients.iter_mut().collect::<Vec<_>>(), ms(now + 60_000));
        let head = room.feed().head().offset.number();
        for client in &clients {
            prop_assert_eq!(client.reader.as_ref().unwrap().cursor().offset.number(), head);
            prop_assert!(client.busiest_second() <= 14, "{:?}", client.times);
            let first = client.entries.keys().copied()
                .chain(client.gaps.iter().map(|gap| *gap.start())).min().unwrap_or(head + 1);
            let missing: u64 = client.missing();
            prop_assert_eq!(client.entries.len() as u64 + missing, head + 1 - first);
        }
    }
}
