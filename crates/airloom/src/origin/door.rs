use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use airloom_playlist::WallTime;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::{StreamName, wall_time};
use crate::access::{Admission, Arrival, Denied, Gate, Pass, Visit};

/// Viewers whose decisions are remembered at once, some 200 bytes each; of further ones every
/// request is asked for.
const MOST: usize = 100_000;
/// How long a gate may take to decide.
const PATIENCE: Duration = Duration::from_secs(10);
/// The silence after which a viewer is gone, and asked for anew.
const IDLE: Duration = Duration::from_mins(1);
/// How long a refusal holds.
const REFUSED: Duration = Duration::from_secs(2);

/// A [`Gate`], and what it has said of viewers over HTTP.
#[derive(Debug)]
pub(super) struct Door {
    gate: Arc<dyn Gate>,
    tally: Arc<Tally>,
    opened: Instant,
    hashers: (RandomState, RandomState),
    known: Mutex<Known>,
}

/// What a gate was asked and said, since the origin was made.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connect: Outcomes,
    pub(super) publish: Outcomes,
    pub(super) play: Outcomes,
}

/// How often what was said to one question.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    pub(super) allowed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) unavailable: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    viewers: HashMap<(u64, u64), Arc<Viewer>>,
    swept: bool,
}

/// One viewer: what was decided, once it is.
#[derive(Debug)]
struct Viewer {
    decision: OnceCell<Decision>,
    /// Milliseconds after the door was opened at which something was last asked for.
    seen: AtomicU64,
}

#[derive(Debug)]
struct Decision {
    pass: Result<Pass, Denied>,
    until: Option<Instant>,
}

/// What tells viewers over HTTP apart, and all that a gate may decide by.
#[derive(Debug, Clone, Copy, Hash)]
pub(super) struct Shown<'a> {
    pub(super) stream: &'a str,
    pub(super) address: Option<IpAddr>,
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) query: &'a str,
}

impl Door {
    pub(super) fn new(gate: Arc<dyn Gate>, tally: Arc<Tally>) -> Arc<Self> {
        let hashers = (RandomState::new(), RandomState::new());
        let (opened, known) = (Instant::now(), Mutex::default());
        Arc::new(Self { gate, tally, opened, hashers, known })
    }

    pub(super) async fn connect(&self, arrival: &Arrival) -> Result<Pass, Denied> {
        self.tally.connect.note(within(self.gate.connect(arrival)).await)
    }

    pub(super) async fn publish(&self, visit: &Visit) -> Result<Pass, Denied> {
        self.tally.publish.note(within(self.gate.publish(visit)).await)
    }

    pub(super) async fn play(&self, visit: &Visit) -> Result<Pass, Denied> {
        self.tally.play.note(within(self.gate.play(visit)).await)
    }

    /// Lets a request in by what was said to the viewer's first, or asks; answers which stream it
    /// is for, if not the one that was asked for.
    pub(super) async fn admit(
        self: &Arc<Self>,
        shown: Shown<'_>,
        visit: impl FnOnce() -> Visit,
    ) -> Result<Option<StreamName>, Denied> {
        let viewer = self.viewer((self.hashers.0.hash_one(shown), self.hashers.1.hash_one(shown)));
        let decision = match viewer.decision.get() {
            Some(decision) => decision,
            // Others who come meanwhile wait for this answer, and one of them asks where this
            // request is given up.
            None => viewer.decision.get_or_init(|| self.decide(visit())).await,
        };
        decision.pass.as_ref().map(|pass| pass.stream().cloned()).map_err(|denied| *denied)
    }

    async fn decide(&self, visit: Visit) -> Decision {
        let pass = self.play(&visit).await;
        let until = match &pass {
            Ok(pass) => pass.expires().map(|until| Instant::now() + since(until, wall_time())),
            Err(denied) => {
                debug!(stream = %visit.stream, peer = ?visit.peer, %denied, "viewer refused");
                Some(Instant::now() + REFUSED)
            }
        };
        Decision { pass, until }
    }

    fn viewer(self: &Arc<Self>, name: (u64, u64)) -> Arc<Viewer> {
        let now = Instant::now();
        let mut known = self.lock();
        if let Some(viewer) = known.viewers.get(&name)
            && !viewer.is_over(now, self.opened)
        {
            viewer.seen.store(self.since_opened(now), Ordering::Relaxed);
            return Arc::clone(viewer);
        }
        let seen = AtomicU64::new(self.since_opened(now));
        let viewer = Arc::new(Viewer { decision: OnceCell::new(), seen });
        let full = known.viewers.len() >= MOST && !known.viewers.contains_key(&name);
        let before = if full { None } else { known.viewers.insert(name, Arc::clone(&viewer)) };
        if !std::mem::replace(&mut known.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
        drop(known);
        // What is said to those who leave is said without the lock.
        drop(before);
        viewer
    }

    fn since_opened(&self, now: Instant) -> u64 {
        now.duration_since(self.opened).as_millis() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets who has left; whether anybody is left.
    fn forget(&self, now: Instant) -> bool {
        let mut known = self.lock();
        let gone = known.viewers.extract_if(|_, viewer| viewer.is_over(now, self.opened));
        let gone: Vec<_> = gone.collect();
        known.swept = !known.viewers.is_empty();
        let swept = known.swept;
        drop(known);
        drop(gone);
        swept
    }
}

impl Viewer {
    fn is_over(&self, now: Instant, opened: Instant) -> bool {
        let seen = opened + Duration::from_millis(self.seen.load(Ordering::Relaxed));
        let until = self.decision.get().and_then(|decision| decision.until);
        now.duration_since(seen) >= IDLE || until.is_some_and(|until| now >= until)
    }
}

impl Outcomes {
    fn note(&self, answer: Result<Pass, Denied>) -> Result<Pass, Denied> {
        let outcome = match answer {
            Ok(_) => &self.allowed,
            Err(Denied::Unavailable) => &self.unavailable,
            Err(_) => &self.refused,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        answer
    }
}

async fn within(admission: Admission<'_>) -> Result<Pass, Denied> {
    timeout(PATIENCE, admission).await.unwrap_or_else(|_| {
        warn!("the gate did not decide within {} s", PATIENCE.as_secs());
        Err(Denied::Unavailable)
    })
}

fn since(later: WallTime, now: WallTime) -> Duration {
    // What holds for longer than a year is asked for anew after one.
    let year = Duration::from_hours(24 * 365);
    later.since_unix().saturating_sub(now.since_unix()).min(year)
}

/// Forgets viewers as they leave, for as long as there are any.
async fn sweep(door: Weak<Door>) {
    loop {
        sleep(IDLE / 4).await;
        let Some(door) = door.upgrade() else { return };
        if !door.forget(Instant::now()) {
            return;
        }
    }
}
