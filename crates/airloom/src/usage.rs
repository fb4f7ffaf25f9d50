//! Metering: what streams and rooms use, counted where it happens, kept in a ledger on disk.
//!
//! Counting costs a few nanoseconds: it adds to a counter in memory. [`Usage::serve`] takes what
//! was counted to the ledger, every
//! [`flush`](airloom_billing::Config::flush). What that leaves uncounted when the process
//! is killed is what was counted since the last time, and nothing else.

mod apply;
mod bearer;
mod carrier;
mod config;
mod deliver;
mod downloads;
mod forward;
mod keeper;
mod meters;
#[cfg(feature = "record")]
mod recordings;
mod requests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airloom_billing::ledger::{Directory, Ledger, Query};
use airloom_billing::{Catalogue, Counter, Dimensions, Error, Name, Recorder, WallTime};

use apply::Queue;
pub use carrier::{Carrier, Http, Letter};
pub use config::Config;
use keeper::Keeper;
pub(crate) use meters::StreamMeters;

/// The meters of one service, and the ledger under them; cloning gives another handle.
///
/// ```no_run
/// use airloom::usage::{Config, Usage};
/// use airloom::Origin;
///
/// # async fn example() -> Result<(), airloom::billing::Error> {
/// let usage = Usage::open(&Config::new("./data/usage"))?;
/// let origin = Origin::builder().usage(usage.clone()).build();
/// // Beside the listeners: takes what is counted to the ledger until the end.
/// tokio::spawn(async move { usage.serve(std::future::pending()).await });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Usage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    #[cfg(feature = "record")]
    node: Name,
    tenant: Name,
    recorder: Recorder,
    keeper: Mutex<Keeper>,
    queue: Queue,
    flush: Duration,
    #[cfg(feature = "record")]
    late: Duration,
    rooms: Mutex<HashMap<(&'static str, String), Counter>>,
}

/// Rooms whose counters are kept at hand; those of further ones are looked up each time.
const ROOMS: usize = 10_000;

/// The least time between two flushes.
const SOONEST: Duration = Duration::from_millis(10);

/// What one meter counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The meter.
    pub meter: Name,
    /// How much, in its unit.
    pub quantity: u128,
}

impl Usage {
    /// Opens the ledger in [`Config::directory`], or begins one there. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// As [`Ledger::open`] and [`Directory::open`]; [`Error::Name`] for a node or tenant that is
    /// no name.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let (node, tenant) = (Name::new(&config.node)?, Name::new(&config.tenant)?);
        let directory = Directory::open(&config.directory)?;
        let billing = config.billing.clone();
        let (ledger, report) = Ledger::open(directory, Catalogue::live(), billing)?;
        if let Some(torn) = report.torn {
            tracing::warn!(bytes = torn.bytes, "usage: an interrupted write was cut off");
        }
        let now = wall_time();
        // Later than any life before, even where the clock was set back in between.
        let epoch = ledger.epoch(&node).map_or(0, |last| last.saturating_add(1));
        let epoch = epoch.max(now.unix_millis().unsigned_abs());
        Ok(Self(Arc::new(Shared {
            #[cfg(feature = "record")]
            node: node.clone(),
            tenant,
            recorder: Recorder::new(node, epoch, now, &config.billing),
            keeper: Mutex::new(Keeper::new(ledger, config.keep)),
            queue: Queue::new(),
            flush: config.billing.flush,
            #[cfg(feature = "record")]
            late: config.billing.late,
            rooms: Mutex::default(),
        })))
    }

    /// Whose usage it is.
    pub fn tenant(&self) -> &Name {
        &self.0.tenant
    }

    /// Counts a request to a chat room that was admitted (`chat_requests`, by room).
    ///
    /// To be called once, at the node that admits it.
    pub fn chat_request(&self, room: &str) {
        self.room("chat_requests", room, 1);
    }

    /// Counts messages delivered to readers of a chat room (`messages_delivered`, by room).
    pub fn messages_delivered(&self, room: &str, messages: u64) {
        self.room("messages_delivered", room, messages);
    }

    /// A counter of one of the ledger's meters, to be kept where the work is admitted: for what
    /// nothing here counts. Of the meters of [`Catalogue::live`] that are sums, this is
    /// `transcoded_ms` (with the dimension `rendition`): what is transcoded, is so elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Recorder::counter`]; [`Error::Name`] for a meter that is no name.
    pub fn counter(&self, meter: &str, dimensions: Dimensions) -> Result<Counter, Error> {
        self.0.recorder.counter(self.0.tenant.clone(), Name::new(meter)?, dimensions)
    }

    pub(crate) fn stream(&self, stream: &str) -> StreamMeters {
        StreamMeters::new(self, stream)
    }

    /// As [`counter`](Self::counter), told apart by one dimension; where there are too many of it,
    /// or it cannot be a name, what it counts goes to the meter without it.
    fn by(&self, meter: &str, dimension: &str, value: &str) -> Option<Counter> {
        let apart = Dimensions::new([(dimension, value)]).unwrap_or_default();
        self.counter(meter, apart).or_else(|_| self.counter(meter, Dimensions::default())).ok()
    }

    fn room(&self, meter: &'static str, room: &str, quantity: u64) {
        let mut rooms = self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (meter, room.to_owned());
        if let Some(counter) = rooms.get(&key) {
            return counter.add(quantity);
        }
        let Some(counter) = self.by(meter, "room", room) else { return };
        counter.add(quantity);
        if rooms.len() >= ROOMS {
            // A counter that nobody holds any more is drained and gone.
            rooms.clear();
        }
        rooms.insert(key, counter);
    }

    /// What every meter counted from `from` until `to`, whole windows
    /// ([`airloom_billing::Config::window`]) of which any part lies in that time. Blocks while the
    /// ledger writes.
    pub fn figures(&self, from: WallTime, to: WallTime) -> Vec<Figure> {
        let keeper = self.keeper();
        let window = keeper.ledger.config().window;
        let query = Query::new(self.0.tenant.clone(), from.floor(window), to);
        let usage = keeper.ledger.usage(&query).into_iter();
        usage.map(|usage| Figure { meter: usage.meter, quantity: usage.quantity }).collect()
    }

    /// Gives the ledger to `work`: for queries of its own, statements and credit. Blocks while
    /// another works with it; counting goes on meanwhile.
    pub fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger<Directory>) -> T) -> T {
        work(&mut self.keeper().ledger)
    }

    /// Takes what was counted so far to the ledger; durable when this returns. Blocks while it
    /// writes.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`]: nothing is lost, and the next flush takes it along.
    pub fn flush(&self) -> Result<(), Error> {
        self.keeper().flush(&self.0.recorder, wall_time())
    }

    /// Flushes at the interval of the configuration until `shutdown` completes, and once more then; forgets what
    /// the ledger need no longer keep.
    pub async fn serve(&self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut stopping = false;
        while !stopping {
            // A clock that was set back must not put it off.
            let wait = self.0.recorder.poll_timeout().saturating_since(wall_time());
            let wait = wait.clamp(SOONEST, self.0.flush.max(SOONEST));
            tokio::select! {
                () = &mut shutdown => stopping = true,
                () = tokio::time::sleep(wait) => {}
            }
            self.work(move |usage| usage.tend(stopping)).await;
        }
    }

    /// Runs `work` where it may block; where nothing else can be had, here.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let usage = self.clone();
        tokio::task::spawn_blocking(move || work(&usage)).await.ok()
    }

    fn tend(&self, last: bool) {
        let now = wall_time();
        let mut keeper = self.keeper();
        let flushed = keeper.flush(&self.0.recorder, now);
        keeper.report(flushed.err());
        if !last {
            keeper.forget(now);
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall_time() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime::UNIX_EPOCH.saturating_add(since)
}
