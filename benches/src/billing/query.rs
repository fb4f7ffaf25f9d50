use std::time::Duration;

use airloom_billing::ledger::{Ledger, Query};
use airloom_billing::{
    Catalogue, Config, Delta, Dimensions, Entry, Input, Limits, Outcome, WallTime,
};
use cpu_time::ThreadTime;

use super::discard::Discard;
use super::events::{mix, name, now};
use crate::Failure;
use crate::measure::median;

const TENANTS: u64 = 10_000;
const HOURS: u64 = 30 * 24;
const QUARTER: Duration = Duration::from_mins(15);

pub(super) fn run(rounds: usize) -> Result<(), Failure> {
    let config = Config {
        late: Duration::from_hours(40 * 24),
        remember: Duration::from_hours(60 * 24),
        limits: Limits { entries: TENANTS as usize, ..Limits::default() },
        ..Config::default()
    };
    let (mut ledger, _) = Ledger::open(Discard, Catalogue::live(), config)?;
    let first = WallTime::from_unix_seconds(now().unix_millis() / 1000 / 3600 * 3600)
        .saturating_sub(Duration::from_hours(HOURS));
    let tenants: Vec<_> = (0..TENANTS).map(|tenant| name(&format!("tenant-{tenant}"))).collect();
    let (meter, set) = (name("egress_bytes"), Dimensions::new([("stream", "main")])?);
    for window in 0..HOURS * 4 {
        let time = first.saturating_add(QUARTER * window as u32);
        let entries = tenants.iter().map(|tenant| Entry {
            tenant: tenant.clone(),
            meter: meter.clone(),
            dimensions: set.clone(),
            time,
            quantity: window,
        });
        let (producer, entries) = (name("node-1"), entries.collect());
        let delta = Delta { producer, epoch: 1, sequence: window + 1, entries };
        let outcomes = ledger.apply(now(), &[Input::Delta(delta)])?;
        if !matches!(outcomes[..], [Outcome::Applied { quarantined: 0, .. }]) {
            return Err("a window was not counted".into());
        }
    }
    const QUERIES: u64 = 200;
    let mut costs = Vec::new();
    for round in 0..=rounds as u64 {
        let start = ThreadTime::now();
        for query in 0..QUERIES {
            let tenant = &tenants[(mix(round * QUERIES + query) % TENANTS) as usize];
            let query = Query::new(tenant.clone(), first, now()).meter(meter.clone());
            let usage = ledger.usage(&query.step(Duration::from_hours(1)));
            if usage.len() as u64 != HOURS {
                return Err("hours are missing".into());
            }
        }
        if round > 0 {
            costs.push(start.elapsed().as_secs_f64() * 1e3 / QUERIES as f64);
        }
    }
    println!("### Usage of a month\n");
    println!(
        "One tenant among {TENANTS}, {HOURS} hourly figures from windows of a quarter of an hour, \
         all of them filled for every tenant. CPU time of the thread, median of {rounds} rounds of \
         {QUERIES} tenants picked at random; asked are 5 ms.\n"
    );
    println!("| ms a query |\n|---:|\n| {:.3} |\n", median(costs));
    Ok(())
}
