use std::hint::black_box;
use std::time::{Duration, Instant};

use airloom_billing::{Config, Counter, Dimensions, Recorder};
use cpu_time::ThreadTime;

use super::events::{name, now};
use crate::measure::median;

/// Records of one thread in one round.
const RECORDS: u64 = 20_000_000;

fn counter(recorder: &Recorder, stream: usize) -> Counter {
    let stream = format!("stream-{stream}");
    let set = Dimensions::new([("stream", stream.as_str())]).expect("a set");
    recorder.counter(name("t"), name("egress_bytes"), set).expect("a counter")
}

/// Nanoseconds a record, of wall time and of each thread's CPU time, where every thread does the
/// same number of them.
fn round(threads: usize, one: bool) -> (f64, f64) {
    let recorder = Recorder::new(name("node"), 1, now(), &Config::default());
    let counters: Vec<_> =
        (0..threads).map(|thread| counter(&recorder, if one { 0 } else { thread })).collect();
    let start = Instant::now();
    let cpu: Duration = std::thread::scope(|scope| {
        let workers: Vec<_> = counters
            .iter()
            .map(|counter| {
                scope.spawn(move || {
                    let start = ThreadTime::now();
                    for record in 0..RECORDS {
                        black_box(counter).add(black_box(record & 1023));
                    }
                    start.elapsed()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
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
    let records = RECORDS as f64;
    let cpu = cpu.as_secs_f64() * 1e9 / (records * threads as f64);
    (elapsed.as_secs_f64() * 1e9 / records, cpu)
}

pub(super) fn run(rounds: usize) {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("### Recording on the hot path\n");
    println!(
        "{RECORDS} records a thread, all threads at once, median of {rounds} rounds. CPU time is \
         that of one thread, which other work on the machine does not touch: asked is under 10 ns \
         on one thread, and that more threads do not make it more. The sum of what was drained is \
         checked.\n"
    );
    println!(
        "| threads | counter | CPU ns a record | wall ns a record | records a second, all threads |"
    );
    println!("|---:|---|---:|---:|---:|");
    let mut plans = vec![(1, true)];
    if cores > 1 {
        plans.extend([(cores, true), (cores, false)]);
    }
    plans.push((cores * 4, true));
    for (threads, one) in plans {
        let (walls, cpus) = (0..rounds).map(|_| round(threads, one)).unzip();
        let (wall, cpu) = (median(walls), median(cpus));
        let rate = threads as f64 * 1e9 / wall;
        let which = if one { "one for all" } else { "one each" };
        println!("| {threads} | {which} | {cpu:.2} | {wall:.2} | {rate:.0} |");
    }
    println!();
}
