//! What a ledger does about writes that fail, disks that are full, and bytes that change.

mod support;

use airloom_billing::ledger::{Ledger, Memory, inspect};
use airloom_billing::{Catalogue, Config, DamageKind, Error, Input, Limits, Outcome, Storage};
use proptest::prelude::*;
use support::{Faulty, delta, event, inputs, name, now, open, total};

fn small() -> Config {
    Config { limits: Limits { segment: 2_000, ..Limits::default() }, ..Config::default() }
}

/// A ledger of several segments, with the length of each blob.
fn several() -> (Memory, u64) {
    let (mut ledger, _) = Ledger::open(Memory::new(), Catalogue::live(), small()).expect("open");
    for id in 0..40 {
        let events = (0..3).map(|n| event("t", "s", &format!("{id}-{n}"), 1));
        ledger.apply(now(), &inputs(events)).expect("applied");
    }
    let record = ledger.head().record;
    (ledger.into_storage(), record)
}

fn reopen(storage: Memory) -> Result<(Ledger<Memory>, airloom_billing::ledger::Report), Error> {
    Ledger::open(storage, Catalogue::live(), small())
}

#[test]
fn every_flipped_bit_is_found_and_none_is_skipped() {
    let (storage, _) = several();
    let blobs = storage.list().expect("blobs");
    assert!(blobs.len() > 3);
    let mut seed = 1u64;
    for (blob, len) in blobs {
        for _ in 0..60 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (byte, bit) = ((seed >> 33) % len, (seed >> 20) % 8);
            let mut damaged = storage.clone();
            damaged.bytes_mut(&blob).expect("a blob")[byte as usize] ^= 1 << bit;
            let before = damaged.clone();
            let Err(Error::Corrupt(damage)) = inspect(&damaged) else {
                panic!("{blob} byte {byte} bit {bit} went unseen");
            };
            assert_eq!(blob, format!("{:020}.log", damage.segment));
            assert!(damage.offset <= byte, "{damage}: found behind byte {byte}");
            assert!(matches!(reopen(damaged), Err(Error::Corrupt(found)) if found == damage));
            assert_eq!(inspect(&before), Err(Error::Corrupt(damage)), "left as it was");
        }
    }
}

#[test]
fn a_torn_end_is_cut_off_and_reported_and_what_was_answered_stays() {
    let (storage, record) = several();
    let (blob, len) = storage.list().expect("blobs").pop().expect("the last");
    for cut in 1..len {
        let mut torn = storage.clone();
        torn.bytes_mut(&blob).expect("a blob").truncate((len - cut) as usize);
        let (ledger, report) = reopen(torn).expect("a torn end is no damage");
        assert!(report.head.record <= record);
        let whole = report.torn.is_none();
        let counted = total(&ledger, "t", "egress_bytes");
        assert_eq!(counted % 3, 0, "groups are whole or gone: cut {cut}");
        assert_eq!(ledger.verify(&[]).expect("whole").torn, None);
        if let Some(torn) = report.torn {
            assert!(torn.bytes > 0 && torn.offset + torn.bytes == len - cut, "{torn:?}");
        } else {
            assert!(whole);
        }
    }
}

#[test]
fn a_missing_segment_is_located() {
    let (storage, _) = several();
    let blobs = storage.list().expect("blobs");
    for (place, (blob, _)) in blobs.iter().enumerate() {
        let mut missing = storage.clone();
        missing.remove(blob).expect("removed");
        if place + 1 == blobs.len() {
            // Nothing in the log says there was more; a head noted elsewhere does.
            continue;
        }
        let Err(Error::Corrupt(damage)) = inspect(&missing) else { panic!("{blob} is missed") };
        assert_eq!(damage.kind, DamageKind::Missing);
    }
}

#[test]
fn a_head_noted_elsewhere_proves_that_nothing_is_gone() {
    let (storage, _) = several();
    let head = reopen(storage.clone()).expect("whole").0.head();
    let (blob, _) = storage.list().expect("blobs").pop().expect("the last");
    let mut shorter = storage.clone();
    shorter.remove(&blob).expect("removed");
    let (mut ledger, _) = reopen(shorter).expect("nothing to see from the inside");
    assert!(matches!(
        ledger.verify(&[head]),
        Err(Error::Corrupt(damage)) if damage.kind == DamageKind::Missing
    ));
    // Nor does it help to write on.
    while ledger.head().record < head.record {
        let id = format!("forged-{}", ledger.head().record);
        ledger.apply(now(), &inputs([event("t", "s", &id, 9)])).expect("applied");
    }
    assert!(matches!(ledger.verify(&[head]), Err(Error::Corrupt(_))));
    let (ledger, _) = reopen(storage).expect("whole");
    ledger.verify(&[head]).expect("the true one");
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room_and_costs_nothing() {
    let (mut ledger, _) = open(Faulty::default());
    ledger.apply(now(), &inputs([event("t", "s", "0", 1)])).expect("applied");
    let mut storage = ledger.into_storage();
    (storage.fuse, storage.failures, storage.partial) = (Some(2), 50, 30);
    let (mut ledger, _) = open(storage);
    let batch = inputs([event("t", "s", "1", 1)]);
    let mut refused = 0;
    let outcomes = loop {
        match ledger.apply(now(), &batch) {
            Ok(outcomes) => break outcomes,
            Err(Error::Storage(_)) => refused += 1,
            Err(Error::Poisoned) => {
                refused += 1;
                let _ = ledger.recover();
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(total(&ledger, "t", "egress_bytes"), 1, "nothing that is not durable");
    };
    assert!(refused > 10);
    assert!(matches!(outcomes[..], [Outcome::Counted { .. }]));
    ledger.verify(&[]).expect("whole");
}

#[test]
fn compaction_keeps_every_figure_and_refuses_every_repeat() {
    let (storage, _) = several();
    let (mut ledger, _) = reopen(storage).expect("open");
    ledger.apply(now(), &[Input::Delta(delta("p", 1, 1, 5))]).expect("applied");
    let later = now().saturating_add(std::time::Duration::from_hours(1));
    let before = total(&ledger, "t", "egress_bytes");
    let gone = ledger.compact(later, later).expect("compacted");
    assert!(gone > 3);
    assert_eq!(ledger.compact(later, now()), Ok(0));
    for _ in 0..2 {
        assert_eq!(total(&ledger, "t", "egress_bytes"), before);
        let repeat = [Input::Event(event("t", "s", "7-1", 1)), Input::Delta(delta("p", 1, 1, 5))];
        let outcomes = ledger.apply(later, &repeat).expect("applied");
        assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Duplicate]);
        ledger.verify(&[]).expect("whole");
        ledger = reopen(ledger.into_storage()).expect("open").0;
    }
    assert_eq!(ledger.high_water_mark(&name("p"), 1), Some(1));

    // A second one takes the first one's place.
    ledger.apply(later, &inputs([event("t", "s", "new", 1)])).expect("applied");
    let last = later.saturating_add(std::time::Duration::from_hours(1));
    ledger.compact(last, last).expect("compacted");
    let storage = ledger.into_storage();
    let blobs = storage.list().expect("blobs");
    assert_eq!(blobs.len(), 2, "{blobs:?}");

    // The base is part of the proof: a changed bit in it is found.
    let (blob, len) = blobs.into_iter().find(|(blob, _)| blob.contains("base")).expect("a base");
    for byte in (0..len as usize).step_by(97) {
        let mut damaged = storage.clone();
        damaged.bytes_mut(&blob).expect("a base")[byte] ^= 4;
        assert!(matches!(
            inspect(&damaged),
            Err(Error::Corrupt(damage)) if damage.kind == DamageKind::Base
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any write fails at any point, any number of times, the process dies in between, and
    /// unsynced bytes survive in part: what was answered is there once, the rest at most once.
    #[test]
    fn what_was_answered_is_there_once(
        steps in prop::collection::vec((0u32..12, 0u32..6, 0usize..300, any::<bool>(), any::<u8>()), 1..25)
    ) {
        let (mut ledger, _) = Ledger::open(Faulty::default(), Catalogue::live(), small()).expect("open");
        let mut answered = 0u128;
        let mut tried = 0u128;
        let mut pending: Vec<Vec<Input>> = Vec::new();
        for (step, (fuse, failures, partial, crash, keep)) in steps.into_iter().enumerate() {
            let mut storage = ledger.into_storage();
            (storage.fuse, storage.failures, storage.partial) = (Some(fuse), failures, partial);
            if crash {
                storage.memory.power_failure(|unsynced| unsynced * usize::from(keep) / 255);
            }
            ledger = loop {
                let Faulty { memory, fuse, failures, partial } = storage;
                let copy = memory.clone();
                match Ledger::open(Faulty { memory, fuse, failures, partial }, Catalogue::live(), small()) {
                    Ok((ledger, _)) => break ledger,
                    Err(Error::Storage(_)) => {
                        // Opening failed half way; the next try finds what it left.
                        storage = Faulty { memory: copy, ..Faulty::default() };
                    }
                    Err(error) => panic!("{error}"),
                }
            };
            pending.push(inputs((0..4).map(|n| event("t", "s", &format!("{step}-{n}"), 1))));
            tried += 4;
            pending.retain(|batch| {
                let Ok(outcomes) = ledger.apply(now(), batch) else {
                    let _ = ledger.recover();
                    return true;
                };
                let fine = |outcome: &Outcome| {
                    matches!(outcome, Outcome::Counted { .. } | Outcome::Duplicate)
                };
                assert!(outcomes.iter().all(fine));
                answered += 4;
                false
            });
            if keep % 3 == 0 {
                // Fails or not: it changes no figure.
                let later = now().saturating_add(std::time::Duration::from_hours(1));
                let _ = ledger.compact(later, later);
            }
            let counted = total(&ledger, "t", "egress_bytes");
            prop_assert!(answered <= counted && counted <= tried);
        }
        ledger.recover().ok();
        let mut storage = ledger.into_storage();
        storage.fuse = None;
        let (mut ledger, _) = Ledger::open(storage, Catalogue::live(), small()).expect("open");
        for batch in pending {
            ledger.apply(now(), &batch).expect("applied");
        }
        prop_assert_eq!(total(&ledger, "t", "egress_bytes"), tried);
        ledger.verify(&[]).expect("whole");
    }

    /// Whatever bytes a segment holds, reading it ends and says so.
    #[test]
    fn no_bytes_break_the_log_reader(bytes: Vec<u8>, splice in any::<prop::sample::Index>()) {
        let mut garbage = Memory::new();
        if !bytes.is_empty() {
            garbage.append("00000000000000000001.log", &bytes).expect("appended");
        }
        let _ = inspect(&garbage);
        let (mut storage, _) = several();
        let (blob, len) = storage.list().expect("blobs").remove(0);
        let at = splice.index(len as usize);
        storage.bytes_mut(&blob).expect("a blob").splice(at..at, bytes);
        let _ = inspect(&storage);
    }
}
