use std::collections::{HashMap, HashSet};
use std::time::Duration;

use airloom_billing::{Dimensions, Error, Event, Input, Name, Outcome, Reason, WallTime};
use tokio::time::Instant;
use tracing::warn;

use super::{Usage, wall_time};
use crate::record::{Recorder, Recording};

/// How often what lies on the disk is weighed.
const WEIGH: Duration = Duration::from_secs(10);
/// Byte-milliseconds of a byte-hour.
const HOUR: u128 = 60 * 60 * 1000;

/// What is known of the recordings there are.
#[derive(Debug, Default)]
struct Stock {
    /// Those that are counted.
    counted: HashSet<String>,
    /// Those that lay there when they were last weighed, and when that was.
    lay: HashMap<String, u64>,
    since: Option<Instant>,
    /// Byte-milliseconds of each stream that are no whole byte-hour yet.
    rests: HashMap<String, u128>,
}

impl Usage {
    /// Meters what `recorder` keeps, by stream, until `shutdown` completes: `recordings`, one for
    /// each that is completed, and `storage_byte_hours`, what the completed ones take on the disk.
    ///
    /// A recording counts once, however often the process is killed between its end and the count;
    /// one that ended longer ago than [`late`](airloom_billing::Config::late) is taken to be counted.
    /// Storage is weighed every ten seconds, and counts for what lay there both at the beginning and
    /// at the end of them: none while nothing runs here, and none of a recording on air.
    pub async fn recordings(&self, recorder: &Recorder, shutdown: impl Future<Output = ()>) {
        let mut ready = recorder.ready();
        let mut stock = Stock::default();
        let mut stopping = false;
        tokio::pin!(shutdown);
        loop {
            let there = recorder.recordings();
            stock.weigh(self, &there);
            if let Err(error) = stock.count(self, &there).await {
                warn!("usage: recordings are not counted yet: {error}");
            }
            if stopping {
                return;
            }
            tokio::select! {
                () = &mut shutdown => stopping = true,
                // Whether one is told of or several were missed: all are looked at.
                _ = ready.recv() => {}
                () = tokio::time::sleep(WEIGH) => {}
            }
        }
    }
}

impl Stock {
    fn weigh(&mut self, usage: &Usage, there: &[Recording]) {
        let now = Instant::now();
        let since = self.since.replace(now).unwrap_or(now);
        let millis = now.saturating_duration_since(since).as_millis();
        for recording in there {
            let Some(bytes) = self.lay.get(&recording.id) else { continue };
            let rest = self.rests.entry(recording.name.to_string()).or_default();
            *rest = rest.saturating_add(u128::from(*bytes) * millis);
        }
        self.lay = there.iter().map(|one| (one.id.clone(), one.bytes)).collect();
        let streams: HashSet<_> = there.iter().map(|one| one.name.as_str()).collect();
        self.rests.retain(|stream, rest| {
            if *rest >= HOUR
                && let Some(counter) = usage.by("storage_byte_hours", "stream", stream)
            {
                counter.add(u64::try_from(*rest / HOUR).unwrap_or(u64::MAX));
                *rest %= HOUR;
            }
            // Of a stream that nothing is left of, a last part of a byte-hour is nobody's.
            streams.contains(stream.as_str())
        });
    }

    async fn count(&mut self, usage: &Usage, there: &[Recording]) -> Result<(), Error> {
        self.counted.retain(|id| self.lay.contains_key(id));
        let now = wall_time();
        let oldest = now.saturating_sub(usage.0.late);
        let (mut ids, mut inputs) = (Vec::new(), Vec::new());
        for recording in there {
            if self.counted.contains(&recording.id) {
                continue;
            }
            let ended = ended(recording).min(now);
            if ended < oldest {
                self.counted.insert(recording.id.clone());
            } else {
                inputs.push(Input::Event(event(usage, recording, ended)?));
                ids.push(recording.id.clone());
            }
        }
        if inputs.is_empty() {
            return Ok(());
        }
        let mut released = Vec::new();
        for (id, outcome) in ids.into_iter().zip(usage.apply(inputs).await?) {
            match outcome {
                // A stream sent faster than it plays seems to end later than it does, and at
                // another time whenever one asks: the first answer holds.
                Outcome::Counted { .. } | Outcome::Duplicate | Outcome::Conflict => {}
                // One stream too many to be told apart: counted without its name.
                Outcome::Quarantined { held, reason: Reason::Cardinality } => {
                    released.push(Input::Release(held));
                }
                outcome => warn!("usage: recording {id} is not counted: {outcome:?}"),
            }
            self.counted.insert(id);
        }
        usage.apply(released).await.map(drop)
    }
}

fn ended(recording: &Recording) -> WallTime {
    let started = WallTime::UNIX_EPOCH.saturating_add(recording.started_at.since_unix());
    started.saturating_add(recording.duration)
}

fn event(usage: &Usage, recording: &Recording, time: WallTime) -> Result<Event, Error> {
    Ok(Event {
        tenant: usage.tenant().clone(),
        source: usage.0.node.clone(),
        id: Name::new(&format!("recording/{}", recording.id))?,
        meter: Name::new("recordings")?,
        time,
        quantity: 1,
        dimensions: Dimensions::new([("stream", recording.name.as_str())]).unwrap_or_default(),
        unique: None,
    })
}
