use std::time::Duration;

use airloom_billing::ledger::Ledger;
use airloom_billing::{Catalogue, Config, Input, Outcome};
use cpu_time::ThreadTime;

use super::discard::Discard;
use super::events::{Events, mix, now};
use crate::Failure;
use crate::measure::median;

const KEYS: u64 = 10_000_000;
const GROUP: u64 = 1_000;
/// Repeats of one round.
const REPEATS: u64 = 200_000;

/// Resident memory of this process in bytes.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("no VmRSS")?.parse::<u64>()? * 1024)
}

pub(super) fn run(rounds: usize) -> Result<(), Failure> {
    let events = Events::new();
    let (mut ledger, _) = Ledger::open(Discard, Catalogue::live(), Config::default())?;
    let before = resident()?;
    let mut most = 0.0f64;
    for first in (0..KEYS).step_by(GROUP as usize) {
        let numbers = first..(first + GROUP).min(KEYS);
        let inputs: Vec<_> = numbers.map(|number| Input::Event(events.event(number))).collect();
        let outcomes = ledger.apply(now(), &inputs)?;
        if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted { .. })) {
            return Err("a new event was not counted".into());
        }
        if first % 100_000 == 0 && first >= 1_000_000 {
            most = most.max((resident()? - before) as f64 / first as f64);
        }
    }
    let memory = (resident()? - before) as f64 / KEYS as f64;
    let mut costs = Vec::new();
    for round in 0..=rounds as u64 {
        let (mut duplicates, mut cost) = (0, Duration::ZERO);
        for group in 0..REPEATS / GROUP {
            let first = round * REPEATS + group * GROUP;
            // Made just before, as those are that a service has just read.
            let inputs: Vec<_> = (first..first + GROUP)
                .map(|repeat| Input::Event(events.event(mix(repeat) % KEYS)))
                .collect();
            let start = ThreadTime::now();
            let outcomes = ledger.apply(now(), &inputs)?;
            cost += start.elapsed();
            duplicates += outcomes.iter().filter(|one| **one == Outcome::Duplicate).count();
        }
        if duplicates as u64 != REPEATS {
            return Err("a repeat was counted".into());
        }
        if round > 0 {
            costs.push(cost.as_secs_f64() * 1e6 / REPEATS as f64);
        }
    }
    println!("### Duplicate check at 10 million keys\n");
    println!(
        "Repeats of events picked at random from {KEYS}, in groups of {GROUP}, each answered \
         `Duplicate`: hashing key and content included. CPU time of the thread, median of {rounds} \
         rounds of {REPEATS}. Memory is what the process grew by, everything included; asked are \
         0.5 us and 64 bytes.\n"
    );
    println!(
        "| us a check | bytes of memory a key | the most on the way, from a million keys on |\n|---:|---:|---:|"
    );
    println!("| {:.3} | {memory:.1} | {most:.1} |\n", median(costs));
    Ok(())
}
