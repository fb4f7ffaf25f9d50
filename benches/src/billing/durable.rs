mod airloom;
mod fjall;
mod redb;
mod sqlite;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use airloom_billing::Event;
use cpu_time::ProcessTime;

use super::events::{Events, mix};
use crate::Failure;
use crate::measure::median;

/// Events that become durable together.
const GROUP: u64 = 1_000;
/// Groups of one round.
const GROUPS: u64 = 20;
/// One event in so many was there before.
const REPEATS: u64 = 20;

/// A store that takes in events, each once, durable when it answers.
pub(super) trait Store {
    /// Its name and version, and how it is asked to sync.
    fn name(&self) -> String;

    /// Takes in a group; says how many were new.
    fn take(&mut self, group: &[Event]) -> Result<u64, Failure>;
}

/// What identifies an event, for stores that keep keys as they are: each field behind its length.
pub(super) fn key(event: &Event) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    for field in [&event.tenant, &event.source, &event.id] {
        key.push(field.as_str().len() as u8);
        key.extend_from_slice(field.as_str().as_bytes());
    }
    key
}

/// The rest of an event, as it is kept.
pub(super) fn content(event: &Event) -> Vec<u8> {
    let mut content = Vec::with_capacity(64);
    content.extend_from_slice(&event.time.unix_millis().to_le_bytes());
    content.extend_from_slice(&event.quantity.to_le_bytes());
    content.push(event.meter.as_str().len() as u8);
    content.extend_from_slice(event.meter.as_str().as_bytes());
    for (key, value) in event.dimensions.iter() {
        for field in [key, value] {
            content.push(field.as_str().len() as u8);
            content.extend_from_slice(field.as_str().as_bytes());
        }
    }
    content
}

/// What a group adds to the figures: by tenant, meter, stream and quarter of an hour.
pub(super) fn sums<'a>(fresh: impl Iterator<Item = &'a Event>) -> BTreeMap<Vec<u8>, u64> {
    let mut sums = BTreeMap::new();
    for event in fresh {
        let stream = event.dimensions.value("stream").map_or("", |name| name.as_str());
        let mut key = Vec::with_capacity(48);
        for field in [event.tenant.as_str(), event.meter.as_str(), stream] {
            key.push(field.len() as u8);
            key.extend_from_slice(field.as_bytes());
        }
        key.extend_from_slice(&(event.time.unix_millis() / 900_000).to_be_bytes());
        *sums.entry(key).or_default() += event.quantity;
    }
    sums
}

pub(super) fn run(place: &Path, rounds: usize) -> Result<(), Failure> {
    let events = Events::new();
    let mut stores: Vec<Box<dyn Store>> = vec![
        Box::new(airloom::Airloom::open(&place.join("airloom"))?),
        Box::new(redb::Redb::open(&place.join("redb"))?),
        Box::new(fjall::Fjall::open(&place.join("fjall"))?),
        Box::new(sqlite::Sqlite::open(&place.join("sqlite"))?),
    ];
    let mut walls = vec![Vec::new(); stores.len()];
    let mut cpus = vec![Vec::new(); stores.len()];
    // The first round warms up.
    for round in 0..=rounds as u64 {
        let start = round * GROUPS * GROUP;
        let numbers = |group: u64| {
            let first = start + group * GROUP;
            (first..first + GROUP).map(|number| match number % REPEATS {
                0 if number > 0 => mix(number) % number,
                _ => number,
            })
        };
        let groups: Vec<Vec<Event>> = (0..GROUPS)
            .map(|group| numbers(group).map(|number| events.event(number)).collect())
            .collect();
        let mut taken = None;
        for turn in 0..stores.len() {
            let index = (turn + round as usize) % stores.len();
            let (wall, cpu) = (Instant::now(), ProcessTime::now());
            let mut fresh = 0;
            for group in &groups {
                fresh += stores[index].take(group)?;
            }
            let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
            if *taken.get_or_insert(fresh) != fresh {
                return Err("stores disagree about what is new".into());
            }
            if round > 0 {
                walls[index].push((GROUPS * GROUP) as f64 / wall.as_secs_f64());
                cpus[index].push(cpu.as_secs_f64() * 1e6 / (GROUPS * GROUP) as f64);
            }
        }
    }
    println!("### Durable events with idempotency check\n");
    println!(
        "Groups of {GROUP} events, one in {REPEATS} of them a repeat, each answered once it is \
         synced: the key looked up and kept, the event kept, the figures of its quarter of an hour \
         added up, in one transaction a group. {GROUPS} groups a round and store, in turns, on one \
         disk, median of {rounds} rounds; all find the same repeats. CPU is that of the process, \
         its own threads included.\n"
    );
    println!("| store | events a second | CPU us an event |\n|---|---:|---:|");
    for (store, (wall, cpu)) in stores.iter().zip(walls.into_iter().zip(cpus)) {
        println!("| {} | {:.0} | {:.2} |", store.name(), median(wall), median(cpu));
    }
    println!();
    Ok(())
}
