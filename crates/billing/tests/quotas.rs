//! Limits are decided in memory, agree with the ledger, and are reported once.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use airloom_billing::ledger::{Ledger, Memory};
use airloom_billing::outbox::{Answer, Endpoint, Outbox};
use airloom_billing::quota::{Decision, Quotas};
use airloom_billing::webhook::Secret;
use airloom_billing::{Account, Config, Dimensions, Input, Outcome, Recorder, WallTime, Zone};
use support::{event, inputs, memory, name, now, open, time};

fn account() -> Account {
    Account::monthly(name("t"), Zone::new("Europe/Berlin").expect("a zone"))
}

#[test]
fn a_hard_limit_is_reached_and_never_passed() {
    let mut quotas = Quotas::new();
    let gate = quotas.limit(account(), name("egress_bytes"), Some(50), Some(100), now());
    assert_eq!(gate.admit(50), Decision::Admitted);
    assert_eq!(gate.admit(1), Decision::OverSoft);
    assert_eq!(gate.admit(50), Decision::Refused);
    assert_eq!(gate.admit(49), Decision::OverSoft);
    assert_eq!(gate.admit(1), Decision::Refused);
    assert_eq!(gate.admit(u64::MAX), Decision::Refused);
    assert_eq!(gate.used(), 100);
}

#[test]
fn what_is_admitted_moves_to_the_ledger_and_counts_once() {
    let (mut ledger, mut quotas) = (memory(), Quotas::new());
    let gate = quotas.limit(account(), name("egress_bytes"), None, Some(1_000), now());
    let recorder = Recorder::new(name("node"), 1, now(), &Config::default());
    let counter = recorder.counter(name("t"), name("egress_bytes"), Dimensions::default());
    let counter = counter.expect("a counter");
    for _ in 0..6 {
        assert_eq!(gate.admit(100), Decision::Admitted);
        counter.add(100);
    }
    recorder.handle_timeout(now());
    let deltas = [Input::Delta(recorder.poll_output().expect("a delta"))];
    let outcomes = ledger.apply(now(), &deltas).expect("applied");
    assert!(quotas.applied(now(), &ledger, &deltas, &outcomes).is_empty());
    assert_eq!(gate.used(), 600);
    // What another node used comes by way of the ledger.
    let other = inputs([event("t", "node-2", "1", 350)]);
    ledger.apply(now(), &other).expect("applied");
    quotas.refresh(now(), &ledger);
    assert_eq!(gate.used(), 950);
    assert_eq!(gate.admit(51), Decision::Refused);
    assert_eq!(gate.admit(50), Decision::Admitted);
    // A new period begins at the tenant's midnight.
    quotas.refresh(time("2026-03-31T21:59:59Z"), &ledger);
    assert_eq!(gate.used(), 1_000);
    quotas.refresh(time("2026-03-31T22:00:00Z"), &ledger);
    assert_eq!(gate.used(), 50);
}

/// What moves from pending to the ledger is never seen in neither: however threads and flushes
/// interleave, exactly what the limit allows is admitted.
#[test]
fn threads_and_flushes_admit_exactly_the_limit() {
    const HARD: u64 = 20_000;
    let (mut ledger, mut quotas) = (memory(), Quotas::new());
    let gate = quotas.limit(account(), name("egress_bytes"), None, Some(HARD), now());
    let recorder = Recorder::new(name("node"), 1, now(), &Config::default());
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let counter = recorder
                    .counter(name("t"), name("egress_bytes"), Dimensions::default())
                    .expect("a counter");
                let (gate, done) = (gate.clone(), &done);
                scope.spawn(move || {
                    // While usage is on its way it counts twice, and some are refused early.
                    while done.load(Ordering::Relaxed) < HARD {
                        if gate.admit(1) != Decision::Refused {
                            counter.add(1);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            flush(&recorder, &mut ledger, &mut quotas);
        }
    });
    flush(&recorder, &mut ledger, &mut quotas);
    assert_eq!(support::total(&ledger, "t", "egress_bytes"), u128::from(HARD));
    assert_eq!(gate.used(), HARD);
}

fn flush(recorder: &Recorder, ledger: &mut Ledger<Memory>, quotas: &mut Quotas) {
    recorder.handle_timeout(now());
    while let Some(delta) = recorder.poll_output() {
        let sequence = delta.sequence;
        let inputs = [Input::Delta(delta)];
        let outcomes = ledger.apply(now(), &inputs).expect("applied");
        quotas.applied(now(), ledger, &inputs, &outcomes);
        recorder.acknowledge(sequence);
    }
}

/// lago-api#4273, nango#7495: one transition, one webhook, whoever notices it how often.
#[test]
fn each_crossing_is_told_once_over_restarts_and_nodes() {
    let mut ledger = memory();
    let mut kept = 0;
    for round in 0..6u64 {
        let mut nodes = [Quotas::new(), Quotas::new()];
        for quotas in &mut nodes {
            quotas.limit(account(), name("egress_bytes"), Some(150), Some(300), now());
        }
        let usage = inputs([event("t", "s", &round.to_string(), 100)]);
        let outcomes = ledger.apply(now(), &usage).expect("applied");
        for quotas in &mut nodes {
            for _ in 0..2 {
                let crossed = quotas.applied(now(), &ledger, &usage, &outcomes);
                let notices: Vec<_> = crossed.into_iter().map(Input::Notice).collect();
                let outcomes = ledger.apply(now(), &notices).expect("applied");
                let counted = |outcome: &&Outcome| matches!(outcome, Outcome::Counted { .. });
                kept += outcomes.iter().filter(counted).count();
                assert!(quotas.applied(now(), &ledger, &notices, &outcomes).is_empty());
            }
        }
        ledger = open(ledger.into_storage()).0;
    }
    assert_eq!(kept, 2);
    let kinds: Vec<_> = ledger.notices().map(|queued| queued.notice.kind.to_string()).collect();
    assert_eq!(kinds, ["quota.soft", "quota.hard"]);
}

#[test]
fn a_notice_that_the_log_could_mistake_for_a_hole_is_refused() {
    let mut ledger = memory();
    for body in ["\0".repeat(2_000), "{\n}".to_owned()] {
        let notice = airloom_billing::Notice {
            tenant: name("t"),
            kind: name("statement.closed"),
            id: name("1"),
            body,
        };
        let outcomes = ledger.apply(now(), &[Input::Notice(notice)]).expect("applied");
        assert_eq!(outcomes, [Outcome::Refused(airloom_billing::Refusal::Body)]);
    }
}

fn notice(tenant: &str, id: &str) -> Input {
    Input::Notice(airloom_billing::Notice {
        tenant: name(tenant),
        kind: name("statement.closed"),
        id: name(id),
        body: format!("{{\"id\":\"{id}\"}}"),
    })
}

#[test]
fn webhooks_leave_in_order_and_again_until_they_arrive() {
    let mut ledger = memory();
    let all: Vec<_> = [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]
        .map(|(tenant, id)| notice(tenant, id))
        .to_vec();
    let outcomes = ledger.apply(now(), &all).expect("applied");
    assert_eq!(outcomes[3], Outcome::Duplicate);

    let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let mut outbox = Outbox::new();
    for tenant in ["a", "b"] {
        let url = name(&format!("https://{tenant}.example/hook"));
        outbox.endpoint(name(tenant), Endpoint { url, secret: secret.clone() });
    }
    for _ in 0..2 {
        ledger.notices().for_each(|queued| outbox.queue(queued));
    }
    let a1 = outbox.poll_output(now()).expect("the first of a");
    let b1 = outbox.poll_output(now()).expect("the first of b");
    assert_eq!(outbox.poll_output(now()), None, "one at a time a tenant");
    assert_eq!((a1.tenant.as_str(), b1.tenant.as_str()), ("a", "b"));
    assert!(secret.verify(&a1.id, a1.timestamp, a1.body.as_bytes(), &a1.signature));

    // a is down for a while; b is not held up by it.
    assert_eq!(outbox.handle_answer(now(), &b1, Answer::Status(204)), Some(b1.notice));
    let mut at = now();
    let mut waits = Vec::new();
    let mut attempt = a1.clone();
    for answer in [Answer::None, Answer::Status(500), Answer::Status(302)] {
        assert_eq!(outbox.handle_answer(at, &attempt, answer), None);
        assert_eq!(outbox.handle_answer(at, &attempt, Answer::Status(200)), None, "too late");
        let next = outbox.poll_timeout().expect("another attempt");
        assert_eq!(outbox.poll_output(WallTime::from_unix_millis(next.unix_millis() - 1)), None);
        waits.push(next.saturating_since(at).as_secs());
        at = next;
        attempt = outbox.poll_output(at).expect("the same again");
        assert_eq!((&attempt.id, attempt.notice), (&a1.id, a1.notice));
    }
    assert_eq!(waits, [5, 300, 1_800]);

    // The process dies; the ledger still has what is not settled.
    ledger.apply(at, &[Input::Settled(b1.notice)]).expect("applied");
    let (mut ledger, _) = open(ledger.into_storage());
    assert_eq!(ledger.notices().count(), 2);
    let done = outbox.handle_answer(at, &attempt, Answer::Status(200)).expect("done");
    ledger.apply(at, &[Input::Settled(done)]).expect("applied");
    let a2 = outbox.poll_output(at).expect("the second of a");
    assert_eq!(a2.body, "{\"id\":\"2\"}");
    for _ in 0..9 {
        assert_eq!(outbox.handle_answer(at, &a2, Answer::None), None);
        at = outbox.poll_timeout().expect("another attempt");
        outbox.poll_output(at).expect("another attempt");
    }
    let given_up = outbox.handle_answer(at, &a2, Answer::None).expect("given up");
    ledger.apply(at, &[Input::Settled(given_up), Input::Settled(given_up)]).expect("applied");
    assert_eq!(ledger.notices().count(), 0);
    ledger.verify(&[]).expect("whole");
}
