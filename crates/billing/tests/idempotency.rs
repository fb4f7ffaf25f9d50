//! Each thing counts once, whatever producers, networks and names do.

mod support;

use airloom_billing::ledger::Memory;
use airloom_billing::{
    Config, Credit, Currency, Dimensions, Event, Input, Limits, Money, Outcome, Reason, Recorder,
    Refusal,
};
use proptest::prelude::*;
use support::{delta, event, inputs, insist, memory, name, now, open, time, total};

/// openmeter#5118, openmeter#4902: the key was remembered, the write failed, and the retry was
/// called a duplicate.
#[test]
fn a_failure_between_deduplication_and_write_counts_once_on_retry() {
    for fuse in 0..4 {
        for partial in [0, 1, 60, 200] {
            let mut storage = support::Faulty::default();
            (storage.fuse, storage.failures, storage.partial) = (Some(fuse), 2, partial);
            let (mut ledger, _) = open(storage);
            let one = inputs([event("t", "s", "1", 5)]);
            let first = insist(&mut ledger, now(), &one);
            assert!(matches!(first[..], [Outcome::Counted { .. }]));
            assert_eq!(insist(&mut ledger, now(), &one), [Outcome::Duplicate]);
            insist(&mut ledger, now(), &[Input::Delta(delta("p", 1, 1, 7))]);
            assert_eq!(total(&ledger, "t", "egress_bytes"), 12);
            ledger.verify(&[]).expect("whole");
        }
    }
}

/// openmeter#126: one id, two tenants.
#[test]
fn the_same_id_in_two_tenants_counts_twice() {
    let mut ledger = memory();
    let batch = inputs([event("a", "s", "1", 1), event("b", "s", "1", 1), event("a", "r", "1", 1)]);
    let outcomes = ledger.apply(now(), &batch).expect("applied");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted { .. })));
    assert_eq!(total(&ledger, "a", "egress_bytes"), 2);
    assert_eq!(total(&ledger, "b", "egress_bytes"), 1);
}

/// mozilla/fxa#21129: `(a, b:c)` and `(a:b, c)` are two things.
#[test]
fn separators_in_keys_do_not_collide() {
    let mut ledger = memory();
    let batch = inputs([
        event("a", "b:c", "d", 1),
        event("a:b", "c", "d", 1),
        event("a", "b", "c:d", 1),
        event("a", "b|c", "d", 1),
        event("a|b", "c", "d", 1),
    ]);
    let outcomes = ledger.apply(now(), &batch).expect("applied");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted { .. })));
}

/// lago-api#3049, flexprice#612: a batch that comes again is answered item by item.
#[test]
fn a_repeated_batch_is_answered_item_by_item() {
    let mut ledger = memory();
    let batch = inputs([event("t", "s", "1", 1), event("t", "s", "2", 2)]);
    ledger.apply(now(), &batch).expect("applied");
    let mut again = batch.clone();
    again.push(Input::Event(event("t", "s", "3", 3)));
    again.push(Input::Event(event("t", "s", "3", 3)));
    again.push(Input::Event(event("t", "s", "1", 9)));
    again.push(Input::Event(event("t", "s", "3", 9)));
    let outcomes = ledger.apply(now(), &again).expect("applied");
    assert!(matches!(
        outcomes[..],
        [
            Outcome::Duplicate,
            Outcome::Duplicate,
            Outcome::Counted { .. },
            Outcome::Duplicate,
            Outcome::Conflict,
            Outcome::Conflict,
        ]
    ));
    assert_eq!(total(&ledger, "t", "egress_bytes"), 6);
}

#[test]
fn any_other_content_under_one_key_is_a_conflict() {
    let original = event("t", "s", "1", 1);
    let changes: [fn(&mut Event); 5] = [
        |event| event.quantity = 2,
        |event| event.meter = name("ingest_bytes"),
        |event| event.time = time("2026-03-10T11:59:59.999Z"),
        |event| event.unique = Some(name("u")),
        |event| event.dimensions = Dimensions::new([("room", "x")]).expect("a set"),
    ];
    let mut ledger = memory();
    ledger.apply(now(), &inputs([original.clone()])).expect("applied");
    for change in changes {
        let mut other = original.clone();
        change(&mut other);
        assert_eq!(ledger.apply(now(), &inputs([other])), Ok(vec![Outcome::Conflict]));
    }
}

#[test]
fn deltas_apply_in_order_and_once() {
    let mut ledger = memory();
    let script = [
        (delta("p", 1, 2, 9), Outcome::Gap { expected: 1 }),
        (delta("p", 1, 0, 9), Outcome::Refused(Refusal::Sequence)),
        (delta("p", 1, 1, 1), Outcome::Applied { record: 6, counted: 1, quarantined: 0 }),
        (delta("p", 1, 1, 1), Outcome::Duplicate),
        (delta("p", 2, 1, 1), Outcome::Applied { record: 7, counted: 1, quarantined: 0 }),
        // What a node sent before it died may arrive by another way after it is back.
        (delta("p", 1, 2, 1), Outcome::Applied { record: 8, counted: 1, quarantined: 0 }),
        (delta("q", 1, 1, 1), Outcome::Applied { record: 10, counted: 1, quarantined: 0 }),
    ];
    for (delta, wanted) in script {
        assert_eq!(ledger.apply(now(), &[Input::Delta(delta)]), Ok(vec![wanted]));
    }
    assert_eq!(total(&ledger, "t", "egress_bytes"), 4);
    assert_eq!(ledger.high_water_mark(&name("p"), 1), Some(2));
    for epoch in 3..20 {
        ledger.apply(now(), &[Input::Delta(delta("p", epoch, 1, 1))]).expect("applied");
    }
    let old = ledger.apply(now(), &[Input::Delta(delta("p", 1, 3, 1))]);
    assert_eq!(old, Ok(vec![Outcome::Refused(Refusal::Epoch)]));
}

/// The seed's chat server billed one post at every node that held the room, and lost usage whose
/// report failed: counting is where a post is admitted, and its report is kept until answered.
#[test]
fn two_nodes_with_one_room_bill_a_post_once() {
    let (mut ledger, config) = (memory(), Config::default());
    let nodes = ["node-1", "node-2"].map(|node| Recorder::new(name(node), 1, now(), &config));
    let counters = nodes.each_ref().map(|node| {
        let room = Dimensions::new([("room", "main")]).expect("a set");
        node.counter(name("t"), name("chat_requests"), room).expect("a counter")
    });
    // Three posts are admitted at the first node, four at the second; all reach both.
    counters[0].add(3);
    counters[1].add(4);
    for node in &nodes {
        node.handle_timeout(node.poll_timeout());
        let lost = node.poll_output().expect("a delta");
        // The report does not arrive, or its answer does not.
        node.rewind();
        let sent = node.poll_output().expect("the same delta");
        assert_eq!(lost, sent);
        for _ in 0..2 {
            ledger.apply(now(), &[Input::Delta(sent.clone())]).expect("applied");
        }
        node.acknowledge(sent.sequence);
        assert_eq!(node.poll_output(), None);
    }
    assert_eq!(total(&ledger, "t", "chat_requests"), 7);
}

#[test]
fn late_and_early_usage_waits_for_a_decision() {
    let mut ledger = memory();
    let mut late = event("t", "s", "late", 1);
    late.time = time("2026-03-02T00:00:00Z");
    let mut early = event("t", "s", "early", 2);
    early.time = time("2026-03-10T12:06:00Z");
    let mut unknown = event("t", "s", "unknown", 4);
    unknown.meter = name("frames_blurred");
    let mut expired = event("t", "s", "expired", 8);
    expired.time = time("2026-02-20T00:00:00Z");
    let outcomes =
        ledger.apply(now(), &inputs([late.clone(), early, unknown, expired])).expect("applied");
    let reasons: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Quarantined { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [Some(Reason::Late), Some(Reason::Early), Some(Reason::Meter), None]);
    assert_eq!(outcomes[3], Outcome::Refused(Refusal::Expired));
    assert_eq!(ledger.apply(now(), &inputs([late])), Ok(vec![Outcome::Duplicate]));
    let totals = ledger.totals();
    assert_eq!((totals.accepted, totals.counted, totals.quarantined), (3, 0, 3));

    let held: Vec<_> = ledger.quarantine().map(|item| item.held).collect();
    let release: Vec<_> = held.iter().map(|&held| Input::Release(held)).collect();
    let outcomes = ledger.apply(now(), &release).expect("applied");
    assert!(matches!(outcomes[0], Outcome::Counted { .. }));
    assert!(matches!(outcomes[1], Outcome::Counted { .. }));
    assert_eq!(outcomes[2], Outcome::Refused(Refusal::Held), "the meter is still unknown");
    let meter =
        airloom_billing::Meter::new("frames_blurred", "frame", airloom_billing::Aggregation::Sum);
    ledger.declare(meter.expect("a meter")).expect("declared");
    let twice = [Input::Release(held[2]), Input::Release(held[2])];
    let outcomes = ledger.apply(now(), &twice).expect("applied");
    assert!(matches!(outcomes[..], [Outcome::Counted { .. }, Outcome::Refused(Refusal::Held)]));
    assert_eq!(total(&ledger, "t", "egress_bytes"), 3);
    assert_eq!(total(&ledger, "t", "frames_blurred"), 4);
    let totals = ledger.totals();
    assert_eq!((totals.accepted, totals.counted, totals.quarantined), (3, 3, 0));
}

#[test]
fn a_dimension_that_is_different_every_time_cannot_fill_memory() {
    let limits = Limits { series: 3, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let catalogue = airloom_billing::Catalogue::live();
    let (mut ledger, _) =
        airloom_billing::ledger::Ledger::open(Memory::new(), catalogue, config).expect("open");
    let batch = (0..10).map(|session| {
        let mut one = event("t", "s", &session.to_string(), 1);
        let session = session.to_string();
        one.dimensions = Dimensions::new([("session", session.as_str())]).expect("a set");
        one
    });
    let outcomes = ledger.apply(now(), &inputs(batch)).expect("applied");
    let crowded = |outcome: &&Outcome| {
        matches!(outcome, Outcome::Quarantined { reason: Reason::Cardinality, .. })
    };
    assert_eq!(outcomes.iter().filter(crowded).count(), 7);
    assert_eq!(total(&ledger, "t", "egress_bytes"), 3);
    // What has no dimensions always has room.
    ledger.apply(now(), &inputs([event("t", "s", "plain", 1)])).expect("applied");
    assert_eq!(total(&ledger, "t", "egress_bytes"), 4);
    // Released, the rest counts without what was too much, now and after a restart.
    let release: Vec<_> = ledger.quarantine().map(|item| Input::Release(item.held)).collect();
    let outcomes = ledger.apply(now(), &release).expect("applied");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted { .. })));
    for _ in 0..2 {
        assert_eq!(total(&ledger, "t", "egress_bytes"), 11);
        let totals = ledger.totals();
        assert_eq!((totals.accepted, totals.counted, totals.quarantined), (11, 11, 0));
        ledger = open(ledger.into_storage()).0;
    }
}

#[test]
fn forgetting_a_key_never_lets_a_repeat_through() {
    let mut ledger = memory();
    let one = inputs([event("t", "s", "1", 5)]);
    ledger.apply(now(), &one).expect("applied");
    let mut at = now();
    for _ in 0..40 {
        at = at.saturating_add(std::time::Duration::from_hours(24));
        ledger.forget(at).expect("forgotten");
        let outcome = ledger.apply(at, &one).expect("applied");
        assert!(matches!(outcome[..], [Outcome::Duplicate | Outcome::Refused(Refusal::Expired)]));
        // A clock that steps back does not bring the old days back.
        let outcome = ledger.apply(now(), &one).expect("applied");
        assert!(matches!(outcome[..], [Outcome::Duplicate | Outcome::Refused(Refusal::Expired)]));
    }
    assert_eq!(total(&ledger, "t", "egress_bytes"), 5);
}

/// lago-api#4273 and others: credit that is not there was taken, or given, as a negative number.
#[test]
fn credit_is_never_negative() {
    let mut ledger = memory();
    let credit = |id: &str, minor, currency| {
        let amount = Money::new(minor, currency);
        Input::Credit(Credit { tenant: name("t"), source: name("s"), id: name(id), amount })
    };
    let outcomes = ledger.apply(
        now(),
        &[
            credit("1", -5, Currency::USD),
            credit("1", 0, Currency::USD),
            credit("1", 500, Currency::USD),
            credit("1", 500, Currency::USD),
            credit("1", 501, Currency::USD),
            credit("2", 500, Currency::EUR),
            credit("3", i64::MAX, Currency::USD),
        ],
    );
    let outcomes = outcomes.expect("applied");
    let amount = Outcome::Refused(Refusal::Amount);
    assert!(matches!(outcomes[2], Outcome::Counted { .. }));
    assert_eq!(outcomes[3], Outcome::Duplicate);
    assert_eq!(outcomes[4], Outcome::Conflict);
    for place in [0, 1, 5, 6] {
        assert_eq!(outcomes[place], amount, "{place}");
    }
    assert_eq!(ledger.balance(&name("t")), Some(Money::new(500, Currency::USD)));
}

proptest! {
    /// Shards, recorders and their flushes merge to the same sum in any order.
    #[test]
    fn merging_in_any_order_gives_the_same_sum(
        adds in prop::collection::vec((0usize..3, 0u64..1000, any::<bool>()), 1..60),
        order in prop::collection::vec(any::<prop::sample::Index>(), 200),
    ) {
        let (mut ledger, config) = (memory(), Config::default());
        let nodes: Vec<_> = (0..3)
            .map(|node| Recorder::new(name(&format!("n{node}")), 1, now(), &config))
            .collect();
        let counters: Vec<_> = nodes
            .iter()
            .map(|node| node.counter(name("t"), name("egress_bytes"), Dimensions::default()))
            .collect::<Result<_, _>>()
            .expect("counters");
        let mut sum = 0u128;
        for (node, quantity, flush) in adds {
            counters[node].add(quantity);
            sum += u128::from(quantity);
            if flush {
                nodes[node].handle_timeout(now());
            }
        }
        let mut deltas = Vec::new();
        for node in &nodes {
            node.handle_timeout(now());
            while let Some(delta) = node.poll_output() {
                deltas.push(Input::Delta(delta));
            }
        }
        for index in &order {
            if !deltas.is_empty() {
                ledger.apply(now(), &[index.get(&deltas).clone()]).expect("applied");
            }
        }
        ledger.apply(now(), &deltas).expect("applied");
        prop_assert_eq!(total(&ledger, "t", "egress_bytes"), sum);
    }
}
