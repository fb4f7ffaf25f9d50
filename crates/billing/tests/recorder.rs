//! The hot path: nothing is lost in it, counted twice, or put into a window it does not belong to.

mod support;

use std::time::Duration;

use airloom_billing::{Config, Counter, Dimensions, Error, Input, Limits, Recorder, WallTime};
use support::{memory, name, now, time, total};

fn counter(recorder: &Recorder, room: &str) -> Result<Counter, Error> {
    let room = Dimensions::new([("room", room)]).expect("a set");
    recorder.counter(name("t"), name("egress_bytes"), room)
}

fn drained(recorder: &Recorder) -> Vec<(WallTime, u64)> {
    let mut all = Vec::new();
    while let Some(delta) = recorder.poll_output() {
        all.extend(delta.entries.iter().map(|entry| (entry.time, entry.quantity)));
        recorder.acknowledge(delta.sequence);
    }
    all
}

#[test]
fn threads_lose_nothing_while_the_counters_are_emptied() {
    let recorder = Recorder::new(name("p"), 1, now(), &Config::default());
    let mut ledger = memory();
    let threads = 20;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let counter = counter(&recorder, "a").expect("a counter");
                scope.spawn(move || (0..20_000).for_each(|_| counter.add(3)))
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            recorder.handle_timeout(now());
            while let Some(delta) = recorder.poll_output() {
                let sequence = delta.sequence;
                ledger.apply(now(), &[Input::Delta(delta)]).expect("applied");
                recorder.acknowledge(sequence);
            }
        }
    });
    recorder.handle_timeout(now());
    while let Some(delta) = recorder.poll_output() {
        ledger.apply(now(), &[Input::Delta(delta)]).expect("applied");
    }
    assert_eq!(total(&ledger, "t", "egress_bytes"), threads * 20_000 * 3);
}

#[test]
fn usage_belongs_to_the_window_it_was_counted_in() {
    let recorder =
        Recorder::new(name("p"), 1, time("2026-03-10T12:14:59.500Z"), &Config::default());
    let counter = counter(&recorder, "a").expect("a counter");
    counter.add(1);
    // A second later would be in the next window; the timer asks for the end of this one.
    let end = time("2026-03-10T12:15:00Z");
    assert_eq!(recorder.poll_timeout(), end);
    recorder.handle_timeout(end);
    counter.add(2);
    assert_eq!(recorder.poll_timeout(), end.saturating_add(Duration::from_secs(1)));
    recorder.handle_timeout(end.saturating_add(Duration::from_secs(1)));
    assert_eq!(drained(&recorder), [(time("2026-03-10T12:00:00Z"), 1), (end, 2)]);
}

#[test]
fn a_ledger_that_is_away_costs_no_memory_and_no_usage() {
    let limits = Limits { in_flight: 2, entries: 1, pending: 3, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let recorder = Recorder::new(name("p"), 1, now(), &config);
    let counter = counter(&recorder, "a").expect("a counter");
    let mut at = now();
    let mut sent = Vec::new();
    for _ in 0..1_000 {
        counter.add(1);
        at = at.saturating_add(config.window);
        recorder.handle_timeout(at);
        // However full it is, it never asks to be called in the past.
        assert!(recorder.poll_timeout() > at);
        sent.extend(recorder.poll_output());
    }
    assert_eq!(sent.len(), 2, "no more than may be unanswered");
    recorder.rewind();
    assert_eq!(recorder.poll_output().as_ref(), sent.first());
    assert_eq!(recorder.poll_output().as_ref(), sent.get(1));
    for delta in sent.iter().rev() {
        recorder.acknowledge(delta.sequence);
    }
    let mut rest: Vec<_> =
        sent.iter().map(|delta| (delta.entries[0].time, delta.entries[0].quantity)).collect();
    rest.extend(drained(&recorder));
    recorder.handle_timeout(at);
    rest.extend(drained(&recorder));
    assert_eq!(rest.iter().map(|(_, quantity)| quantity).sum::<u64>(), 1_000);
}

#[test]
fn counters_nobody_holds_make_room_after_they_are_emptied() {
    let limits = Limits { series: 2, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let recorder = Recorder::new(name("p"), 1, now(), &config);
    let (a, b) = (counter(&recorder, "a").expect("a"), counter(&recorder, "b").expect("b"));
    assert!(matches!(counter(&recorder, "c"), Err(Error::Limit { what: "series", .. })));
    let plain = recorder.counter(name("t"), name("egress_bytes"), Dimensions::default());
    drop(plain.expect("always room without dimensions"));
    counter(&recorder, "a").expect("the same again").add(1);
    a.add(2);
    drop(a);
    b.add(4);
    recorder.handle_timeout(now());
    let c = counter(&recorder, "c").expect("room after a is gone");
    c.add(8);
    let a = counter(&recorder, "a");
    assert!(a.is_err(), "b and c are held");
    recorder.handle_timeout(now());
    let mut quantities: Vec<_> = drained(&recorder).iter().map(|(_, quantity)| *quantity).collect();
    quantities.sort_unstable();
    assert_eq!(quantities, [3, 4, 8]);
}
