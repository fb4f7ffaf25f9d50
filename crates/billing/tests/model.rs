//! Any interleaving of duplicates, reordering, late arrival, restarts and compactions gives the
//! same figures as a model that is too simple to be wrong.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use airloom_billing::ledger::{Ledger, Memory, Query};
use airloom_billing::{
    Catalogue, Config, Delta, Dimensions, Entry, Event, Held, Input, Limits, Outcome, Reason,
    Refusal, WallTime,
};
use proptest::prelude::*;
use support::name;

const METERS: [&str; 5] =
    ["egress_bytes", "peak_viewers", "stored_bytes", "viewers", "not_declared"];

#[derive(Debug, Clone)]
enum Step {
    Event { tenant: u8, source: u8, id: u8, meter: u8, back: i32, quantity: u64, room: u8 },
    Delta { producer: u8, epoch: u64, sequence: u64, back: i32, quantity: u64, meter: u8 },
    Release(prop::sample::Index),
    Wait(u32),
    Restart,
    Compact,
    Forget,
    PowerFailure,
}

fn step() -> impl Strategy<Value = Step> {
    let event = (0u8..2, 0u8..2, 0u8..12, 0u8..5, -20..400i32, 0u64..5, 0u8..3);
    let delta = (0u8..2, 1u64..3, 0u64..5, -20..400i32, 0u64..5, 0u8..5);
    prop_oneof![
        12 => event.prop_map(|(tenant, source, id, meter, back, quantity, room)| Step::Event {
            tenant, source, id, meter, back, quantity, room,
        }),
        6 => delta.prop_map(|(producer, epoch, sequence, back, quantity, meter)| Step::Delta {
            producer, epoch, sequence, back, quantity, meter,
        }),
        2 => any::<prop::sample::Index>().prop_map(Step::Release),
        1 => (0u32..200).prop_map(Step::Wait),
        1 => Just(Step::Restart),
        1 => Just(Step::Compact),
        1 => Just(Step::Forget),
        1 => Just(Step::PowerFailure),
    ]
}

/// One accepted item: tenant, meter, room, time, quantity, unique.
type Item = (u8, u8, u8, WallTime, u64, bool);

#[derive(Default)]
struct Model {
    keys: HashMap<(u8, u8, u8), Event>,
    marks: HashMap<(u8, u64), u64>,
    counted: Vec<Item>,
    held: BTreeMap<Held, Item>,
    accepted: u64,
}

impl Model {
    fn figure(&self, tenant: u8, meter: u8, room: Option<u8>, window: i64) -> u128 {
        let matching = self.counted.iter().filter(|(t, m, r, time, ..)| {
            (*t, *m) == (tenant, meter)
                && room.is_none_or(|room| room == *r)
                && time.unix_millis().div_euclid(900_000) == window
        });
        let items: Vec<_> = matching.collect();
        match meter {
            0 => items.iter().map(|item| u128::from(item.4)).sum(),
            1 => items.iter().map(|item| u128::from(item.4)).max().unwrap_or(0),
            2 => items.iter().map(|item| (item.3, item.4)).max().map_or(0, |last| last.1.into()),
            _ => items.iter().map(|item| item.4).collect::<BTreeSet<_>>().len() as u128,
        }
    }
}

fn config() -> Config {
    Config {
        late: Duration::from_hours(48),
        remember: Duration::from_hours(96),
        skew: Duration::from_hours(1),
        limits: Limits { segment: 1_500, ..Limits::default() },
        ..Config::default()
    }
}

fn room(room: u8) -> Dimensions {
    match room {
        0 => Dimensions::default(),
        room => Dimensions::new([("room", room.to_string().as_str())]).expect("a set"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_ledger_agrees_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let open = |storage| {
            Ledger::open(storage, Catalogue::live(), config()).expect("whole").0
        };
        let mut ledger: Ledger<Memory> = open(Memory::new());
        let mut model = Model::default();
        let mut now = support::now();
        for step in steps {
            match step {
                Step::Event { tenant, source, id, meter, back, quantity, room: number } => {
                    let time = WallTime::from_unix_millis(
                        // Whole quarters, so that a repeat often is one.
                        (support::now().unix_millis() / 900_000 - i64::from(back)) * 900_000
                    );
                    let event = Event {
                        tenant: name(&format!("t{tenant}")),
                        source: name(&format!("s{source}")),
                        id: name(&id.to_string()),
                        meter: name(METERS[usize::from(meter)]),
                        time,
                        quantity,
                        dimensions: room(number),
                        unique: Some(name(&format!("u{quantity}"))),
                    };
                    let outcome = ledger.apply(now, &[Input::Event(event.clone())]).expect("applied").remove(0);
                    let key = (tenant, source, id);
                    let item = (tenant, meter, number, time, quantity, true);
                    let early = time > now.saturating_add(config().skew);
                    let late = time < now.saturating_sub(config().late);
                    // A key is free for other usage, never for the same, once it is forgotten.
                    let forgotten = |known: Option<&Event>| known.is_none_or(|known| {
                        let age = now.saturating_since(known.time) + Duration::from_hours(24);
                        age >= config().remember
                    });
                    match (model.keys.get(&key), outcome) {
                        (Some(known), Outcome::Duplicate) => prop_assert_eq!(known, &event),
                        (Some(known), Outcome::Conflict) => prop_assert_ne!(known, &event),
                        (_, Outcome::Refused(Refusal::Expired)) => {
                            let age = now.saturating_since(time) + Duration::from_hours(24);
                            prop_assert!(age >= config().remember);
                        }
                        (known, Outcome::Counted { .. }) if forgotten(known) => {
                            prop_assert_ne!(known, Some(&event));
                            prop_assert!(meter != 4 && !early && !late);
                            model.accepted += 1;
                            model.keys.insert(key, event);
                            model.counted.push(item);
                        }
                        (known, Outcome::Quarantined { held, reason }) if forgotten(known) => {
                            prop_assert_ne!(known, Some(&event));
                            let wanted = match meter {
                                4 => Reason::Meter,
                                _ if late => Reason::Late,
                                _ => Reason::Early,
                            };
                            prop_assert_eq!(reason, wanted);
                            prop_assert!(meter == 4 || late || early);
                            model.accepted += 1;
                            model.keys.insert(key, event);
                            model.held.insert(held, item);
                        }
                        (known, outcome) => prop_assert!(false, "{:?} after {:?}", outcome, known),
                    }
                }
                Step::Delta { producer, epoch, sequence, back, quantity, meter } => {
                    let time = WallTime::from_unix_millis(
                        support::now().unix_millis() - i64::from(back) * 900_000
                    );
                    let entry = |tenant: u8| Entry {
                        tenant: name(&format!("t{tenant}")),
                        meter: name(METERS[usize::from(meter)]),
                        dimensions: room(2),
                        time,
                        quantity,
                    };
                    let entries = vec![entry(0), entry(1), entry(0)];
                    let producer_name = name(&format!("p{producer}"));
                    let delta = Delta { producer: producer_name, epoch, sequence, entries };
                    let outcome = ledger.apply(now, &[Input::Delta(delta)]).expect("applied").remove(0);
                    let mark = model.marks.entry((producer, epoch)).or_default();
                    match outcome {
                        Outcome::Duplicate => prop_assert!(sequence > 0 && sequence <= *mark),
                        Outcome::Gap { expected } => {
                            prop_assert_eq!(expected, *mark + 1);
                            prop_assert!(sequence > expected);
                        }
                        Outcome::Refused(Refusal::Sequence) => prop_assert_eq!(sequence, 0),
                        Outcome::Applied { record, counted, quarantined } => {
                            prop_assert_eq!(sequence, *mark + 1);
                            *mark = sequence;
                            model.accepted += 3;
                            let fine = meter == 0
                                && time >= now.saturating_sub(config().late)
                                && time <= now.saturating_add(config().skew);
                            prop_assert_eq!((counted, quarantined), if fine { (3, 0) } else { (0, 3) });
                            for (place, tenant) in [0u8, 1, 0].into_iter().enumerate() {
                                let item = (tenant, meter, 2, time, quantity, false);
                                if fine {
                                    model.counted.push(item);
                                } else {
                                    model.held.insert(Held { record, entry: place as u32 }, item);
                                }
                            }
                        }
                        outcome => prop_assert!(false, "{:?}", outcome),
                    }
                }
                Step::Release(index) => {
                    let held: Vec<_> = model.held.keys().copied().collect();
                    if held.is_empty() {
                        continue;
                    }
                    let held = *index.get(&held);
                    let (_, meter, .., unique) = model.held[&held];
                    let outcome = ledger.apply(now, &[Input::Release(held)]).expect("applied").remove(0);
                    // A delta says how much, not what: there is nothing unique about it.
                    if meter == 4 || (meter == 3 && !unique) {
                        prop_assert_eq!(outcome, Outcome::Refused(Refusal::Held));
                    } else {
                        let counted = matches!(outcome, Outcome::Counted { .. });
                        prop_assert!(counted);
                        let item = model.held.remove(&held).expect("held");
                        model.counted.push(item);
                    }
                }
                Step::Wait(minutes) => {
                    now = now.saturating_add(Duration::from_mins(u64::from(minutes)));
                }
                Step::Restart => ledger = open(ledger.into_storage()),
                Step::Compact => {
                    ledger.compact(now, now).expect("compacted");
                }
                Step::Forget => ledger.forget(now).expect("forgotten"),
                Step::PowerFailure => {
                    let mut storage = ledger.into_storage();
                    storage.power_failure(|_| 0);
                    ledger = open(storage);
                }
            }
            let totals = ledger.totals();
            prop_assert_eq!(totals.accepted, totals.counted + totals.quarantined);
            prop_assert_eq!(totals.accepted, model.accepted);
            prop_assert_eq!(totals.quarantined, model.held.len() as u64);
        }
        ledger.verify(&[]).expect("whole");
        let always = [WallTime::from_unix_seconds(0), WallTime::from_unix_seconds(4_000_000_000)];
        for tenant in 0..2 {
            let query = Query::new(name(&format!("t{tenant}")), always[0], always[1]);
            let mut seen = BTreeSet::new();
            for usage in ledger.usage(&query.clone().step(Duration::from_mins(15)).apart()) {
                let meter = METERS.iter().position(|meter| *meter == usage.meter.as_str());
                let meter = meter.expect("a meter") as u8;
                let number = usage.dimensions.value("room").map_or(0, |room| {
                    room.as_str().parse().expect("a number")
                });
                let window = usage.from.unix_millis() / 900_000;
                let wanted = model.figure(tenant, meter, Some(number), window);
                prop_assert_eq!(usage.quantity, wanted, "{:?}", usage);
                seen.insert((meter, number, window));
            }
            for (t, meter, number, time, ..) in &model.counted {
                let window = time.unix_millis() / 900_000;
                prop_assert!(*t != tenant || seen.contains(&(*meter, *number, window)));
            }
            for usage in ledger.usage(&query.step(Duration::from_mins(15))) {
                let meter = METERS.iter().position(|meter| *meter == usage.meter.as_str());
                let window = usage.from.unix_millis() / 900_000;
                let wanted = model.figure(tenant, meter.expect("a meter") as u8, None, window);
                prop_assert_eq!(usage.quantity, wanted, "{:?}", usage);
            }
        }
    }
}
