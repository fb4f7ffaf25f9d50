//! What is kept can be read again, and shipped to another ledger.

mod support;

use airloom_billing::forward::{Batch, Forwarder};
use airloom_billing::ledger::{Kept, Ledger, Memory};
use airloom_billing::{Catalogue, Config, Event, Input, Limits, Storage};
use proptest::prelude::*;
use support::{delta, event, inputs, name, now, total};

fn small() -> Ledger<Memory> {
    let limits = Limits { segment: 1_000, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    Ledger::open(Memory::new(), Catalogue::live(), config).expect("open").0
}

fn all<S: Storage>(ledger: &Ledger<S>, from: u64) -> Vec<Kept> {
    let mut reader = ledger.reader(from);
    let mut kept = Vec::new();
    while let Some(one) = reader.next(ledger).expect("whole") {
        kept.push(one);
    }
    kept
}

#[test]
fn the_raw_events_come_out_as_they_went_in() {
    let mut ledger = small();
    let mut wanted = Vec::new();
    let mut reader = ledger.reader(0);
    for id in 0..50u64 {
        let mut one = event("t", "s", &id.to_string(), id);
        one.unique = (id % 3 == 0).then(|| name("u"));
        wanted.push(Input::Event(one));
        wanted.push(Input::Delta(delta("p", 1, id + 1, id)));
        ledger.apply(now(), &wanted[wanted.len() - 2..]).expect("applied");
        // A reader at the end waits for more.
        for place in [2, 1] {
            let kept = reader.next(&ledger).expect("whole").expect("one");
            assert_eq!(kept.input, wanted[wanted.len() - place]);
        }
        assert_eq!(reader.next(&ledger), Ok(None));
    }
    let kept = all(&ledger, 0);
    assert_eq!(kept.iter().map(|kept| kept.input.clone()).collect::<Vec<_>>(), wanted);
    // From anywhere.
    for start in [1, 30, 77] {
        assert_eq!(all(&ledger, kept[start].record), kept[start..]);
    }
}

#[test]
fn what_is_exported_gives_the_same_figures_in_another_ledger() {
    let mut ledger = small();
    for id in 0..20u64 {
        let both = [
            Input::Event(event("t", "s", &id.to_string(), id)),
            Input::Delta(delta("p", 1, id + 1, 1_000)),
        ];
        ledger.apply(now(), &both).expect("applied");
    }
    let exported = || all(&ledger, ledger.oldest()).into_iter().flat_map(Kept::events);
    let lines: Vec<_> = exported().map(|event| event.to_json()).collect();
    let read = lines.iter().map(|line| Event::from_json(line.as_bytes()).expect("an event"));
    let mut other = support::memory();
    for _ in 0..2 {
        other.apply(now(), &inputs(read.clone())).expect("applied");
        assert_eq!(total(&other, "t", "egress_bytes"), total(&ledger, "t", "egress_bytes"));
    }
    assert_eq!(other.totals().accepted, 40);

    // What was compacted is not there to be exported, and that is said before it is missed.
    let later = now().saturating_add(std::time::Duration::from_hours(1));
    assert!(ledger.compact(later, later).expect("compacted") > 0);
    let added = ledger.apply(later, &inputs([event("t", "s", "last", 1)])).expect("applied");
    assert_eq!(added.len(), 1);
    assert!(ledger.reader(1).next(&ledger).is_err());
    let kept = all(&ledger, ledger.oldest());
    assert_eq!(kept.into_iter().flat_map(Kept::events).count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Batches are lost, come twice, and the sender restarts: the central ledger ends with the
    /// same figures, and nothing is compacted away that it has not got.
    #[test]
    fn two_nodes_reach_the_central_ledger_once(
        steps in prop::collection::vec((0usize..2, 0u8..8, 1u64..50), 1..120)
    ) {
        let mut nodes = [small(), small()];
        let mut central = small();
        let target = name("central");
        let way = |node: &mut _| Forwarder::new(now(), node, target.clone(), 3).expect("noted");
        let mut ways: Vec<_> = nodes.iter_mut().map(way).collect();
        let mut sums = 0u128;
        for (step, (node, action, quantity)) in steps.into_iter().enumerate() {
            let way = &mut ways[node];
            let ledger = &mut nodes[node];
            match action {
                0..=2 => {
                    let source = format!("node-{node}");
                    let one = event("t", &source, &step.to_string(), quantity);
                    ledger.apply(now(), &inputs([one])).expect("applied");
                    sums += u128::from(quantity);
                }
                3 => {
                    let next = ledger.high_water_mark(&name(&format!("p{node}")), 1);
                    let next = delta(&format!("p{node}"), 1, next.unwrap_or(0) + 1, quantity);
                    ledger.apply(now(), &[Input::Delta(next)]).expect("applied");
                    sums += u128::from(quantity);
                }
                4 | 5 => {
                    if let Some(batch) = way.poll_output(ledger).expect("whole") {
                        let text = serde_json::to_string(&batch).expect("JSON");
                        let batch: Batch = serde_json::from_str(&text).expect("JSON");
                        central.apply(now(), &batch.inputs).expect("applied");
                        if action == 4 {
                            way.acknowledge(now(), ledger, batch.up_to).expect("noted");
                        }
                    }
                }
                6 => way.rewind(),
                _ => {
                    let later = now().saturating_add(std::time::Duration::from_hours(1));
                    ledger.compact(later, later).expect("compacted");
                    *way = Forwarder::new(later, ledger, target.clone(), 3).expect("noted");
                }
            }
        }
        for (way, ledger) in ways.iter_mut().zip(&mut nodes) {
            way.rewind();
            while let Some(batch) = way.poll_output(ledger).expect("whole") {
                central.apply(now(), &batch.inputs).expect("applied");
                way.acknowledge(now(), ledger, batch.up_to).expect("noted");
            }
            ledger.verify(&[]).expect("whole");
        }
        prop_assert_eq!(total(&central, "t", "egress_bytes"), sums);
    }
}
