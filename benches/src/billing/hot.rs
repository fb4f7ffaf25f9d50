use std::hint::black_box;
use std::time::Instant;

use airloom_billing::{Config, Counter, Dimensions, Recorder};

use super::events::{name, now};
use crate::measure::median;

/// Records of one thread in one round.
const RECORDS: u64 = 20_000_000;

fn counter(recorder: &Recorder, stream: usize) -> Counter {
    let stream = format!("stream-{stream}");
    let set = Dimensions::new([("stream", stream.as_str())]).expect("a set");
    recorder.counter(name("t"), name("egress_bytes"), set).expect("a counter")
}

/// Nanoseconds of wall time a record, where each thread does the same number of them.
fn round(threads: usize, one: bool) -> f64 {
    let recorder = Recorder::new(name("node"), 1, now(), &Config::default());
    let counters: Vec<_> =
        (0..threads).map(|thread| counter(&recorder, if one { 0 } else { thread })).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for counter in &counters {
            scope.spawn(move || {
                for record in 0..RECORDS {
                    black_box(counter).add(black_box(record & 1023));
                }
            });
        }
    });
    let elapsed = start.elapsed();
    recorder.handle_timeout(now());
    let sum: u64 = (0..RECORDS).map(|record| record & 1023).sum();
    let mut counted = 0;
    while let Some(delta) = recorder.poll_output() {
        counted += delta.entries.iter().map(|entry| entry.quantity).sum::<u64>();
        recorder.acknowledge(delta.sequence);
    }
    assert_eq!(counted, sum * threads as u64, "every record is counted");
    elapsed.as_secs_f64() * 1e9 / RECORDS as f64
}

pub(super) fn run(rounds: usize) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("### Recording on the hot path\n");
    println!(
        "Wall time of {RECORDS} records a thread, all threads at once, median of {rounds} rounds; \
         asked is under 10 ns on one thread, and that more threads do not make it more. The sum of \
         what was drained is checked.\n"
    );
    println!("| threads | counter | ns a record | records a second, all threads |\n|---:|---|---:|---:|");
    let mut plans = vec![(1, true)];
    if cores > 1 {
        plans.extend([(cores, true), (cores, false)]);
    }
    plans.push((cores * 4, true));
    for (threads, one) in plans {
        let nanos = median((0..rounds).map(|_| round(threads, one)).collect());
        let rate = threads as f64 * 1e9 / nanos;
        let which = if one { "one for all" } else { "one each" };
        println!("| {threads} | {which} | {nanos:.2} | {rate:.0} |");
    }
    println!();
}
