use std::path::Path;
use std::time::Instant;

use airloom_billing::ledger::{Directory, Ledger};
use airloom_billing::{Catalogue, Config, Delta, Entry, Input};
use cpu_time::ThreadTime;

use super::events::{Events, name, now};
use crate::Failure;
use crate::measure::median;

const RECORDS: u64 = 1_000_000;
const GROUP: u64 = 1_000;

fn open(path: &Path) -> Result<Ledger<Directory>, Failure> {
    Ok(Ledger::open(Directory::open(path)?, Catalogue::live(), Config::default())?.0)
}

/// Takes `inputs` in, a group at a time; says how many bytes of log that makes.
fn fill(path: &Path, mut inputs: impl Iterator<Item = Input>) -> Result<u64, Failure> {
    let _ = std::fs::remove_dir_all(path);
    let mut ledger = open(path)?;
    loop {
        let group: Vec<_> = inputs.by_ref().take(GROUP as usize).collect();
        if group.is_empty() {
            break;
        }
        ledger.apply(now(), &group)?;
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

pub(super) fn run(place: &Path, rounds: usize) -> Result<(), Failure> {
    println!("### Recovery\n");
    println!(
        "Opening a ledger of {RECORDS} records without a base: checksums and hash chain of the \
         whole log, keys, figures. CPU time of the thread, median of {rounds} openings; asked are \
         0.5 s.\n"
    );
    println!("| records | MB of log | CPU s | wall s |\n|---|---:|---:|---:|");
    let events = Events::new();
    let path = place.join("recovery");
    let all = (0..RECORDS).map(|number| Input::Event(events.event(number)));
    let deltas = (0..RECORDS).map(|number| {
        let event = events.event(number);
        let entry = Entry {
            tenant: event.tenant,
            meter: event.meter,
            dimensions: event.dimensions,
            time: event.time,
            quantity: event.quantity,
        };
        let producer = name("node-1");
        Input::Delta(Delta { producer, epoch: 1, sequence: number + 1, entries: vec![entry] })
    });
    let kinds: [(&str, Box<dyn Iterator<Item = Input>>); 2] =
        [("events", Box::new(all)), ("deltas of one entry", Box::new(deltas))];
    for (kind, inputs) in kinds {
        let bytes = fill(&path, inputs)?;
        let (mut cpus, mut walls) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (cpu, wall) = (ThreadTime::now(), Instant::now());
            let ledger = open(&path)?;
            cpus.push(cpu.elapsed().as_secs_f64());
            walls.push(wall.elapsed().as_secs_f64());
            if ledger.totals().counted != RECORDS {
                return Err("records are missing".into());
            }
        }
        let (cpu, wall) = (median(cpus), median(walls));
        println!("| {kind} | {:.1} | {cpu:.3} | {wall:.3} |", bytes as f64 / 1e6);
    }
    println!();
    Ok(())
}
