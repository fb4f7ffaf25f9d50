//! How a room speaks to many: rarely, once for all, and the important things always.

mod client;

use std::time::Duration;

use airloom_chat::moderation::Policies;
use airloom_chat::{
    Amount, Anchor, Answer, Body, Config, Display, Epoch, History, Input, Output, Reader, Refusal,
    Roles, Room, Submission, Take,
};
use client::{Client, author, ms, run, say};

fn room(config: Config) -> Room {
    Room::new(ms(0), config, Policies::none(), Epoch::new(0xe), Anchor::default())
}

#[test]
fn a_reader_is_thirty_two_bytes() {
    assert_eq!(size_of::<Reader>(), 32);
}

#[test]
fn the_events_are_those_of_the_contract() {
    let config = Config { presence: None, ..Config::default() };
    let mut room = room(config);
    let mut reader = room.feed_mut().join(ms(0), None, None);
    let receipt = say(&mut room, ms(0), "ann", "hello").unwrap();
    assert_eq!((receipt.id.to_string(), receipt.cursor.to_string()), ("e-1".into(), "e:1".into()));
    room.handle_timeout(ms(0));
    let Some(Output::Batch(batch)) = room.poll_output() else { panic!() };
    let Take::Write(events) = reader.take(&batch) else { panic!() };
    assert_eq!(
        std::str::from_utf8(events).unwrap(),
        "event: batch\n\
         data: {\"entries\":[{\"offset\":1,\"id\":\"e-1\",\"at\":\"1970-01-01T00:00:00.000Z\",\
         \"kind\":\"message\",\"text\":\"hello\",\"user\":\"ann\"}]}\n\
         id: e:1\n\n"
    );
    // Encoded once: everybody gets the same bytes, not equal ones.
    let mut other = room.feed_mut().join(ms(0), None, None);
    assert_eq!(other.cursor().to_string(), "e:0");
    let Take::Own(first) = room.feed_mut().catch_up(ms(10), &mut other) else { panic!() };
    let mut third = room.feed_mut().join(ms(0), None, None);
    let Take::Own(second) = room.feed_mut().catch_up(ms(10), &mut third) else { panic!() };
    assert_eq!(first.as_ptr(), second.as_ptr());
}

#[test]
fn the_first_word_in_a_quiet_room_goes_out_at_once_and_a_batch_takes_a_tenth_of_a_second() {
    let mut room = room(Config { presence: None, ..Config::default() });
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    say(&mut room, ms(1000), "bob", "one").unwrap();
    assert_eq!(room.poll_timeout().map(|due| due <= ms(1000)), Some(true));
    run(&mut room, &mut [&mut ann], ms(1000));
    say(&mut room, ms(1010), "bob", "two").unwrap();
    assert_eq!(room.poll_timeout(), Some(ms(1100)));
    run(&mut room, &mut [&mut ann], ms(5000));
    assert_eq!(ann.times, [ms(1000), ms(1100)]);
    assert_eq!(room.poll_timeout(), None, "nothing to say, nothing to do");
}

#[test]
fn ticks_slow_down_to_two_a_second_for_a_million_readers() {
    let mut room = room(Config { presence: None, ..Config::default() });
    for _ in 0..1_000_000 {
        let _ = room.feed_mut().join(ms(0), None, None);
    }
    say(&mut room, ms(0), "bob", "one").unwrap();
    room.handle_timeout(ms(0));
    say(&mut room, ms(1), "bob", "two").unwrap();
    assert_eq!(room.poll_timeout(), Some(ms(500)));
}

#[test]
fn ticks_slow_down_where_giving_a_batch_out_takes_long_and_recover() {
    let mut room = room(Config { presence: None, ..Config::default() });
    let next = |room: &mut Room, took| {
        room.feed_mut().delivered(ms(took));
        let due = room.poll_timeout().unwrap_or_default();
        say(room, due, "bob", "word").unwrap();
        room.handle_timeout(due);
        say(room, due, "bob", "word").unwrap();
        room.poll_timeout().unwrap().checked_sub(due).unwrap()
    };
    // Half of the time is for others.
    let slow = [0, 40, 120, 120, 240, 4000].map(|took| next(&mut room, took));
    assert_eq!(slow, [100, 100, 240, 240, 480, 500].map(ms));
    // A machine that was held up for a moment is as quick as before.
    let after: Vec<_> = (0..8).map(|_| next(&mut room, 0)).collect();
    assert_eq!(after.last(), Some(&ms(100)));
    assert!(after.is_sorted_by(|one, other| one >= other), "{after:?}");
}

/// centrifugo#806: 2,000 messages a second in; at most ten updates a second out, nothing of the
/// priority lanes lost, what is sampled away is stated, and a writer sees its own.
#[test]
fn two_thousand_a_second_is_ten_updates_and_no_priority_entry_is_lost() {
    let mut room = room(Config::default());
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    let mut writer = Client::join_as(ms(0), room.feed_mut(), "writer 7");
    let (mut priority, mut own) = (Vec::new(), Vec::new());
    for step in 0..20_000_u64 {
        // 0.5 ms apart, ten seconds in all.
        let now = Duration::from_micros(step * 500);
        let mut submission = Submission::message(author(&format!("writer {}", step % 100)), "hype");
        match step % 1000 {
            250 => submission.author.roles = Roles::MODERATOR,
            750 => {
                submission.author.roles = Roles::SYSTEM;
                let amount = Amount { minor: 500, currency: "EUR".parse().unwrap() };
                submission.body = Body::Donation { amount, text: String::new() };
            }
            _ => {}
        }
        let answer = room.handle_input(now, Input::Submit(submission)).unwrap();
        let Answer::Admitted(receipt) = answer else { panic!() };
        if step % 500 == 250 {
            priority.push(receipt.id.offset.number());
        } else if step % 100 == 7 {
            own.push(receipt.id.offset.number());
        }
        run(&mut room, &mut [&mut ann, &mut writer], now);
    }
    run(&mut room, &mut [&mut ann, &mut writer], ms(12_000));
    for client in [&ann, &writer] {
        assert!(client.busiest_second() <= 10, "{}", client.busiest_second());
        assert!(priority.iter().all(|offset| client.entries.contains_key(offset)));
        assert_eq!(client.entries.len() as u64 + client.missing(), 20_000);
    }
    assert_eq!(own.len(), 200);
    assert!(own.iter().all(|offset| writer.entries.contains_key(offset)));
    // 200 at once and 20 a second for ten seconds, of which the priority entries take theirs.
    assert!((380..=400).contains(&ann.entries.len()), "{}", ann.entries.len());
}

/// However the sample falls, every writer gets a share of what is shown.
#[test]
fn sampling_is_fair_between_writers() {
    let mut room = room(Config { presence: None, ..Config::default() });
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    for step in 0..120_000_u64 {
        let now = ms(step);
        // In a fixed order, as a load test would.
        say(&mut room, now, &format!("writer {}", step % 10), "x").unwrap();
        run(&mut room, &mut [&mut ann], now);
    }
    let mut shares = [0_u32; 10];
    for offset in ann.offsets() {
        shares[(offset - 1) as usize % 10] += 1;
    }
    // About 260 each; the standard deviation of a tenth is about 30, for runs are shown whole.
    assert!(shares.iter().all(|share| (160..360).contains(share)), "{shares:?}");
}

/// centrifuge#255, pushpin#48022: a reader that stalls under a burst stays, costs nothing while it
/// does, and is told exactly what it missed.
#[test]
fn a_stalled_reader_stays_in_bounded_memory_and_is_told_its_gap() {
    let history = History { entries: 50, ..History::default() };
    let config = Config { history, display: None, presence: None, ..Config::default() };
    let mut room = room(config);
    let mut stalled = Client::join(ms(0), room.feed_mut(), None);
    let mut quick = Client::join(ms(0), room.feed_mut(), None);
    say(&mut room, ms(0), "bob", "0").unwrap();
    run(&mut room, &mut [&mut stalled, &mut quick], ms(0));
    for step in 1..5000 {
        say(&mut room, ms(step), "bob", &step.to_string()).unwrap();
        run(&mut room, &mut [&mut quick], ms(step));
        assert!(room.feed().history_entries() <= 50 + 101);
    }
    run(&mut room, &mut [&mut quick], ms(6000));
    assert_eq!(quick.entries.len(), 5000);
    // Its socket takes bytes again at the next batch.
    say(&mut room, ms(7000), "bob", "last").unwrap();
    run(&mut room, &mut [&mut stalled, &mut quick], ms(8000));
    assert_eq!(stalled.gaps, [2..=4951]);
    assert_eq!(stalled.offsets()[1..], (4952..=5001).collect::<Vec<_>>());
}

/// A reader that was here and fell behind gets what the audience was shown, not the flood.
#[test]
fn who_falls_behind_is_shown_no_more_than_the_others() {
    let display = Some(Display { rate: 10, burst: 10 });
    let mut room = room(Config { display, presence: None, ..Config::default() });
    let mut stalled = Client::join(ms(0), room.feed_mut(), None);
    let mut quick = Client::join(ms(0), room.feed_mut(), None);
    say(&mut room, ms(0), "bob", "0").unwrap();
    run(&mut room, &mut [&mut stalled, &mut quick], ms(0));
    for step in 1..900 {
        say(&mut room, ms(step), "bob", &step.to_string()).unwrap();
        run(&mut room, &mut [&mut quick], ms(step));
    }
    run(&mut room, &mut [&mut quick], ms(1500));
    say(&mut room, ms(2500), "bob", "last").unwrap();
    run(&mut room, &mut [&mut stalled, &mut quick], ms(4000));
    assert_eq!(stalled.offsets(), quick.offsets());
    assert_eq!(stalled.missing(), quick.missing());
    // Whoever comes back with a cursor gets everything.
    let ann = Client::join(ms(4000), room.feed_mut(), Some("e:1".parse().unwrap()));
    assert_eq!(ann.offsets(), (2..=901).collect::<Vec<_>>());
}

/// redis#1880, nchan#181: 15,000 readers for an hour; growth is bounded by the ring.
#[test]
fn fifteen_thousand_readers_for_an_hour_hold_the_ring_and_nothing_else() {
    let mut room = room(Config::default());
    let mut readers: Vec<_> =
        (0..15_000).map(|_| room.feed_mut().join(ms(0), None, None)).collect();
    let mut delivered = 0_u64;
    let mut most = 0;
    for second in 0..3600 {
        let now = Duration::from_secs(second);
        for message in 0..3 {
            say(&mut room, now, "bob", &message.to_string()).unwrap();
        }
        room.handle_timeout(now);
        while let Some(output) = room.poll_output() {
            let Output::Batch(batch) = output else { panic!() };
            for reader in &mut readers {
                match reader.take(&batch) {
                    Take::Write(_) => delivered += 1,
                    Take::Behind => {
                        let _ = room.feed_mut().catch_up(now, reader);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        most = most.max(room.feed().history_bytes());
    }
    assert!(delivered >= 15_000 * 3590);
    assert!(room.feed().history_entries() <= 1003 && most < 1 << 20);
}

/// centrifuge#335, centrifuge-dart#89: 100,000 joins at once are one statement of constant size a
/// second, and they do not crowd out what is said.
#[test]
fn a_hundred_thousand_joins_are_one_presence_update_a_second() {
    let mut room = room(Config::default());
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    for step in 0..3000 {
        let now = ms(step);
        for joiner in 0..34 {
            let user = client::user(&format!("joiner {step} {joiner}"));
            let _ = room.feed_mut().join(now, Some(&user), None);
            room.handle_input(now, Input::Typing { by: user }).unwrap();
        }
        if step % 50 == 0 {
            say(&mut room, now, "bob", "said meanwhile").unwrap();
        }
        run(&mut room, &mut [&mut ann], now);
    }
    run(&mut room, &mut [&mut ann], ms(4000));
    assert_eq!(ann.presences.last().unwrap(), "{\"readers\":102001,\"typing\":100}");
    assert!(ann.presences.len() <= 5 && ann.presences.iter().all(|said| said.len() < 64));
    assert_eq!(ann.texts().len(), 60);
    assert!(ann.busiest_second() <= 10);
}

#[test]
fn who_comes_into_a_quiet_room_is_told_who_is_here() {
    let mut room = room(Config::default());
    let mut ann = Client::join_as(ms(0), room.feed_mut(), "ann");
    say(&mut room, ms(0), "ann", "anybody?").unwrap();
    run(&mut room, &mut [&mut ann], ms(5000));
    // Busy with the history when the tick says it.
    let mut bob = Client::join_as(ms(5000), room.feed_mut(), "bob");
    run(&mut room, &mut [&mut ann, &mut bob], ms(9000));
    for client in [&ann, &bob] {
        let last = client.presences.last().unwrap();
        assert_eq!(last, "{\"readers\":2,\"typing\":0,\"members\":[\"ann\",\"bob\"]}");
    }
}

#[test]
fn a_driver_that_drains_late_holds_a_few_batches_and_nobody_loses_anything() {
    let mut room = room(Config { display: None, presence: None, ..Config::default() });
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    for step in 0..100 {
        say(&mut room, ms(step * 100), "bob", &step.to_string()).unwrap();
        room.handle_timeout(ms(step * 100));
    }
    let mut batches = 0;
    while let Some(Output::Batch(batch)) = room.poll_output() {
        batches += 1;
        ann.receive(ms(10_000), &batch, room.feed_mut());
    }
    assert_eq!(batches, 16);
    run(&mut room, &mut [&mut ann], ms(20_000));
    assert_eq!(ann.offsets(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn what_nobody_drains_is_refused_in_the_end_ordinary_entries_first() {
    let mut room = room(Config::default());
    let pending = Config::default().limits.pending;
    for step in 0..pending {
        say(&mut room, ms(0), "bob", &step.to_string()).unwrap();
    }
    let busy = Err(Refusal::Busy { queue: "entries" });
    assert_eq!(say(&mut room, ms(0), "bob", "one more"), busy);
    let staff = author("mod").with_roles(Roles::MODERATOR);
    let submission = Submission::message(staff, "calm down");
    assert!(room.handle_input(ms(0), Input::Submit(submission)).is_ok());
    // Whatever waits is told in the end, the moderator's word among it.
    let mut ann = Client::join(ms(0), room.feed_mut(), None);
    run(&mut room, &mut [&mut ann], ms(5000));
    assert!(ann.texts().contains(&"calm down"));
}
