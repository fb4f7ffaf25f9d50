mod block;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Config, Delta, Dimensions, Entry, Error, Name, WallTime};
use block::{Block, LANES};

/// Counts in memory at the cost of nanoseconds and hands out what it counted as deltas.
///
/// The hot path is [`Counter::add`]; everything else is called by whoever drives the recorder:
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says so,
/// then [`poll_output`](Self::poll_output) until it is empty, and
/// [`acknowledge`](Self::acknowledge) once a ledger has answered. What was handed out is kept
/// until then, and handed out again after [`rewind`](Self::rewind).
///
/// What is in here dies with the process: at most [`Config::flush`] of usage when the ledger is
/// within reach. Usage between two drains belongs to the window of the first, so at most one
/// flush interval of it can fall on the wrong side of a window's end; `poll_timeout` asks for a
/// drain at each end, which leaves the timer's own lateness.
///
/// ```
/// use airloom_billing::{Config, Dimensions, Name, Recorder, WallTime};
///
/// let start = WallTime::parse("2026-03-01T00:00:00Z")?;
/// let recorder = Recorder::new(Name::new("node-1")?, 1, start, &Config::default());
/// let egress = recorder.counter(Name::new("acme")?, Name::new("egress_bytes")?, Dimensions::default())?;
/// egress.add(1_500);
/// egress.add(500);
///
/// recorder.handle_timeout(recorder.poll_timeout());
/// let delta = recorder.poll_output().expect("one delta");
/// assert_eq!((delta.sequence, delta.entries[0].quantity), (1, 2_000));
/// recorder.acknowledge(delta.sequence);
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

/// One counter of a [`Recorder`]; cheap to clone, to be kept where the work is admitted.
///
/// Clones and handles of the same tenant, meter and dimensions add to the same figure.
#[derive(Debug, Clone)]
pub struct Counter {
    block: Arc<Block>,
    lane: usize,
    /// Held by every handle, so that the recorder sees when the last one is gone.
    _alive: Arc<()>,
}

impl Counter {
    /// Adds `quantity`, in the meter's unit. Never blocks, allocates or fails.
    #[inline]
    pub fn add(&self, quantity: u64) {
        self.block.add(self.lane, quantity);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Series {
    tenant: Name,
    meter: Name,
    dimensions: Dimensions,
}

#[derive(Debug)]
struct Slot {
    block: Arc<Block>,
    lane: usize,
    alive: Arc<()>,
}

#[derive(Debug)]
struct Inner {
    producer: Name,
    epoch: u64,
    sequence: u64,
    flush: Duration,
    window: Duration,
    limits: crate::Limits,
    /// When the counters were last emptied: the window of what they hold belongs to it.
    drained: WallTime,
    /// When to look again, where the counters were left as they are for want of room.
    crowded: Option<WallTime>,
    slots: HashMap<Arc<Series>, Slot>,
    series: HashMap<(Name, Name), usize>,
    free: Vec<(Arc<Block>, usize)>,
    pending: BTreeMap<(WallTime, Arc<Series>), u64>,
    in_flight: VecDeque<Delta>,
    /// How many of `in_flight` were handed out since the last rewind.
    sent: usize,
}

impl Recorder {
    /// A recorder of `producer` in its life `epoch`, which must be greater than any before (the
    /// time of the start in milliseconds will do).
    pub fn new(producer: Name, epoch: u64, now: WallTime, config: &Config) -> Self {
        let inner = Inner {
            producer,
            epoch,
            sequence: 0,
            flush: config.flush,
            window: config.window,
            limits: config.limits.clone(),
            drained: now,
            crowded: None,
            slots: HashMap::new(),
            series: HashMap::new(),
            free: Vec::new(),
            pending: BTreeMap::new(),
            in_flight: VecDeque::new(),
            sent: 0,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// The counter of `tenant`, `meter` and `dimensions`.
    ///
    /// Takes a lock: ask once, where a stream, room or session begins, and keep the handle.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] where the tenant has [`Limits::series`](crate::Limits::series) live
    /// counters of that meter already; without dimensions there is always one. A counter stops being live once its last handle is
    /// dropped and what it counted is drained.
    pub fn counter(
        &self,
        tenant: Name,
        meter: Name,
        dimensions: Dimensions,
    ) -> Result<Counter, Error> {
        self.lock().counter(Series { tenant, meter, dimensions })
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    pub fn poll_timeout(&self) -> WallTime {
        let inner = self.lock();
        if let Some(again) = inner.crowded {
            return again;
        }
        let end = inner.drained.floor(inner.window).saturating_add(inner.window);
        inner.drained.saturating_add(inner.flush).min(end)
    }

    /// Empties the counters; what they held belongs to the window of the previous call.
    pub fn handle_timeout(&self, now: WallTime) {
        self.lock().drain(now);
    }

    /// The next delta to send, or `None` when there is none or too many are unanswered.
    pub fn poll_output(&self) -> Option<Delta> {
        self.lock().output()
    }

    /// Forgets every delta up to `sequence`: a ledger has applied them, now or before.
    pub fn acknowledge(&self, sequence: u64) {
        let mut inner = self.lock();
        while inner.in_flight.front().is_some_and(|delta| delta.sequence <= sequence) {
            inner.in_flight.pop_front();
            inner.sent = inner.sent.saturating_sub(1);
        }
    }

    /// Makes every delta that is not acknowledged come out again, in order: the way to the
    /// ledger broke, or it reported a gap.
    pub fn rewind(&self) {
        self.lock().sent = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done by a panic, for nothing in here panics.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn counter(&mut self, series: Series) -> Result<Counter, Error> {
        if let Some(slot) = self.slots.get(&series) {
            return Ok(slot.handle());
        }
        let family = (series.tenant.clone(), series.meter.clone());
        let live = self.series.entry(family).or_default();
        // Without dimensions there is always room, so that nobody is left with nothing to count by.
        if *live >= self.limits.series && !series.dimensions.is_empty() {
            return Err(Error::Limit { what: "series", limit: self.limits.series as u64 });
        }
        *live += 1;
        let (block, lane) = self.free.pop().unwrap_or_else(|| {
            let block = Arc::new(Block::default());
            self.free.extend((1..LANES).map(|lane| (Arc::clone(&block), lane)));
            (block, 0)
        });
        let slot = Slot { block, lane, alive: Arc::new(()) };
        let handle = slot.handle();
        self.slots.insert(Arc::new(series), slot);
        Ok(handle)
    }

    fn drain(&mut self, now: WallTime) {
        if self.pending.len() + self.slots.len() > self.limits.pending && !self.pending.is_empty() {
            self.crowded = Some(now.saturating_add(self.flush));
            return;
        }
        self.crowded = None;
        let window = self.drained.floor(self.window);
        let Self { slots, series, free, pending, .. } = self;
        slots.retain(|name, slot| {
            // Looked at before the counter is emptied: once no handle is left, nothing can be
            // added after. `get_mut` also makes what the last handle added visible.
            let dropped = Arc::get_mut(&mut slot.alive).is_some();
            let quantity = slot.block.take(slot.lane);
            if quantity != 0 {
                *pending.entry((window, Arc::clone(name))).or_default() += quantity;
            }
            if dropped {
                let family = (name.tenant.clone(), name.meter.clone());
                if let Some(live) = series.get_mut(&family) {
                    *live -= 1;
                    if *live == 0 {
                        series.remove(&family);
                    }
                }
                free.push((Arc::clone(&slot.block), slot.lane));
            }
            !dropped
        });
        self.drained = now;
    }

    fn output(&mut self) -> Option<Delta> {
        if self.sent == self.in_flight.len() && self.in_flight.len() < self.limits.in_flight {
            let mut entries = Vec::new();
            while entries.len() < self.limits.entries
                && let Some(((time, series), quantity)) = self.pending.pop_first()
            {
                let Series { tenant, meter, dimensions } = Series::clone(&series);
                entries.push(Entry { tenant, meter, dimensions, time, quantity });
            }
            if !entries.is_empty() {
                self.sequence += 1;
                self.in_flight.push_back(Delta {
                    producer: self.producer.clone(),
                    epoch: self.epoch,
                    sequence: self.sequence,
                    entries,
                });
            }
        }
        let delta = self.in_flight.get(self.sent)?.clone();
        self.sent += 1;
        Some(delta)
    }
}

impl Slot {
    fn handle(&self) -> Counter {
        Counter { block: Arc::clone(&self.block), lane: self.lane, _alive: Arc::clone(&self.alive) }
    }
}
