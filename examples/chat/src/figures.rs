//! What the crowd measures, and how it is printed.

#![expect(clippy::cast_precision_loss, reason = "printed with a few digits")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use airloom::chat::Chat;

use super::crowd::Crowd;

/// What a part of the crowd got in a second.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) readers: usize,
    pub(crate) batches: u64,
    pub(crate) entries: u64,
    /// How old the newest message of each batch was when it was read, in microseconds.
    pub(crate) ages: Vec<u64>,
}

impl Figures {
    pub(crate) fn line(mut self) -> String {
        self.ages.sort_unstable();
        let at = |share: usize| {
            let index = (self.ages.len().saturating_sub(1)) * share / 100;
            self.ages.get(index).copied().unwrap_or_default()
        };
        let (readers, batches, entries) = (self.readers, self.batches, self.entries);
        format!("{readers} {batches} {entries} {} {} {}", at(50), at(99), at(100))
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [readers, batches, entries, ..] = numbers[..] else { return None };
        let ages = numbers.get(3..6)?.to_vec();
        Some(Self { readers: readers as usize, batches, entries, ages })
    }
}

/// Prints a line each second: of the ages of several processes the worst.
pub(crate) async fn print(chat: Chat, mut crowd: Crowd) {
    let (mut busy, mut last) = (processor_time(), Instant::now());
    let empty = memory();
    let mut parts = Vec::new();
    parts.resize_with(crowd.parts, Figures::default);
    while let Some((part, figures)) = crowd.told.recv().await {
        if let Some(place) = parts.get_mut(part) {
            let before = std::mem::take(place);
            *place = figures;
            place.batches += before.batches;
            place.entries += before.entries;
        }
        if last.elapsed() < Duration::from_secs(1) {
            continue;
        }
        let sum = |of: fn(&Figures) -> u64| parts.iter().map(of).sum::<u64>();
        let worst = |at: usize| {
            let ages = parts.iter().filter_map(|part| part.ages.get(at));
            *ages.max().unwrap_or(&0) as f64 / 1000.0
        };
        let (now, elapsed) = (processor_time(), last.elapsed().as_secs_f64());
        let (batches, entries) = (sum(|it| it.batches), sum(|it| it.entries));
        let used = now.saturating_sub(busy).as_secs_f64();
        let held = memory().saturating_sub(empty);
        println!(
            "readers {:6} | batches/s {:7.0} | messages delivered/s {:8.0} | age of the newest \
             p50 {:5.1} p99 {:5.1} worst {:5.1} ms | server {:3.0} % CPU, {:.2} us a message \
             delivered | memory {} MB, {} B a reader",
            sum(|it| it.readers as u64),
            batches as f64 / elapsed,
            entries as f64 / elapsed,
            worst(0),
            worst(1),
            worst(2),
            100.0 * used / elapsed,
            if entries > 0 { 1e6 * used / entries as f64 } else { 0.0 },
            memory() >> 20,
            held / chat.readers().max(1),
        );
        (busy, last) = (now, Instant::now());
        for part in &mut parts {
            (part.batches, part.entries) = (0, 0);
        }
    }
}

/// Microseconds since 1970, by the clock that all processes of a machine share.
pub(crate) fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}

/// Resident memory of this process in bytes; none where the system does not say (not Linux).
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

/// Processor time of this process, in steps of 10 ms; none where the system does not say.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * ticks.filter_map(|word| word.parse::<u64>().ok()).sum::<u64>())
}
