use std::time::Duration;

use crate::Error;

/// How a ledger and the recorders before it behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The width of the windows usage is kept in: whole seconds that divide 15 minutes.
    ///
    /// Default 15 minutes: every zone in use is a multiple of that away from UTC, so a period of
    /// any tenant is a whole number of windows. Narrower windows cost memory: 32 bytes a window
    /// and series.
    pub window: Duration,
    /// How far back usage may lie and still be counted at once; further back it is quarantined.
    ///
    /// Default 7 days: a producer that was cut off over a weekend catches up by itself.
    pub late: Duration,
    /// How far ahead of the ledger's clock usage may lie; further ahead it is quarantined.
    ///
    /// Default 5 minutes: more than clocks that are kept at all drift apart.
    pub skew: Duration,
    /// How far back idempotency keys are remembered, by the event's own time, in whole days.
    ///
    /// Default 14 days, and never less than a day over `late`. An event from before is refused as
    /// [`Refusal::Expired`](crate::Refusal::Expired), so that forgetting a key cannot let a
    /// repeat through; the key itself may be used for other usage then. Costs 28 to 57 bytes of
    /// memory a key.
    pub remember: Duration,
    /// How long a [`Recorder`](crate::Recorder) counts before it hands out a delta: what a
    /// power failure may lose.
    ///
    /// Default 1 second. For a loss window of zero, record [`Event`](crate::Event)s instead and
    /// admit the work once the ledger answered.
    pub flush: Duration,
    /// How long after its end a period stays open for usage that is still on its way.
    ///
    /// Default 1 day. Usage that comes later is an adjustment in the next statement.
    pub grace: Duration,
    /// What may be held in memory or on disk at once.
    pub limits: Limits,
}

/// The widest window: the least common offset of the world's time zones.
const QUARTER: u128 = 15 * 60 * 1000;

impl Config {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let window = self.window.as_millis();
        let whole = self.window.subsec_nanos() == 0 && window > 0;
        if !whole || !QUARTER.is_multiple_of(window) {
            return Err(Error::Config { field: "window" });
        }
        if self.remember < self.late.saturating_add(Duration::from_hours(24)) {
            return Err(Error::Config { field: "remember" });
        }
        if !(1..=1 << 30).contains(&self.limits.group) {
            return Err(Error::Config { field: "group" });
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(15),
            late: Duration::from_hours(7 * 24),
            skew: Duration::from_mins(5),
            remember: Duration::from_hours(14 * 24),
            flush: Duration::from_secs(1),
            grace: Duration::from_hours(24),
            limits: Limits::default(),
        }
    }
}

/// What may be held at once; each breach is refused or quarantined by name, never dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Tenants. Default 1,000,000; about 100 bytes each.
    pub tenants: usize,
    /// Different dimension sets of one tenant and meter.
    ///
    /// Default 10,000; about 200 bytes each beside their windows. Usage of a set beyond it, the
    /// empty one excepted, is quarantined, so that a client that puts a session id into a dimension cannot fill memory.
    pub series: usize,
    /// Different values of a unique meter in one window and series.
    ///
    /// Default 1,000,000; 8 bytes each. Beyond it usage is quarantined.
    pub uniques: usize,
    /// Entries in one delta. Default 10,000; about 100 bytes each while it is in hand.
    pub entries: usize,
    /// Deltas a recorder has handed out that are not acknowledged.
    ///
    /// Default 8. When the ledger is away, usage keeps adding up in the counters instead.
    pub in_flight: usize,
    /// Entries a recorder keeps that are in no delta yet.
    ///
    /// Default 100,000, 10 MB. Beyond it usage stays in the counters and goes to the window the
    /// recorder last drained in: coarser, never lost.
    pub pending: usize,
    /// Producers and lives of producers the ledger keeps high-water marks of.
    ///
    /// Default 100,000 producers, 80 bytes each; a producer's marks are kept for its latest
    /// 16 epochs.
    pub producers: usize,
    /// Quarantined items, and notices that are not settled.
    ///
    /// Default 1,000,000; about 100 bytes each. Beyond it usage is refused.
    pub quarantine: usize,
    /// Bytes of records in one group, and so the most that one failure can cost to send again.
    ///
    /// 1 byte to 1 GiB, passed by one input at most. Default 16 MiB; held in memory while the
    /// group is written.
    pub group: usize,
    /// Bytes after which a new segment is begun. Default 64 MiB; read whole on recovery.
    pub segment: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tenants: 1_000_000,
            series: 10_000,
            uniques: 1_000_000,
            entries: 10_000,
            in_flight: 8,
            pending: 100_000,
            producers: 100_000,
            quarantine: 1_000_000,
            group: 16 << 20,
            segment: 64 << 20,
        }
    }
}
