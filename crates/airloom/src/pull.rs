//! Streams that nobody publishes here, pulled over RTMP from another server when their first viewer
//! comes.
//!
//! [`Origin::set_pulls`](crate::Origin::set_pulls) gives an origin its [`Pulls`]. Who then asks for
//! the playlist or manifest of a stream that is not on air, or plays it over RTMP, waits until its
//! source delivers, however many they are for one pull; the origin's gate is asked first. A pull
//! that is cut off comes back as a publisher does, within
//! [`resume`](crate::origin::Config::resume), and ends [`Config::linger`] after its last viewer has
//! left. Over HTTP a viewer has left when nothing was asked for some 12 s; viewers are told apart by
//! their addresses, so the server must tell them, as [`http::Listener`](crate::http::Listener) does.
//!
//! Where the source does not deliver, everybody who waits is told why ([`Unavailable`]): in a
//! problem document, by a status of RTMP, in [`Pulls::metrics`] and in the log. For
//! [`Config::hold`] the next ones are told the same without asking it again.
//!
//! ```
//! use airloom::Origin;
//! use airloom::pull::{Config, Pulls, Template};
//!
//! # fn example() -> Result<(), airloom::pull::InvalidTemplate> {
//! let origin = Origin::builder().build();
//! let source: Template = "rtmp://source.example/live/{name}".parse()?;
//! origin.set_pulls(Some(Pulls::new(Config::default(), source)));
//! # Ok(())
//! # }
//! ```

mod config;
mod course;
mod metrics;
mod sources;
mod unavailable;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use config::Config;
pub use sources::{InvalidTemplate, Sources, Sourcing, Template};
pub use unavailable::Unavailable;

use crate::Origin;
use crate::origin::StreamName;
use metrics::Totals;

/// Pulls of an origin's streams; cloning gives another handle to the same.
#[derive(Clone)]
pub struct Pulls(Arc<Shared>);

struct Shared {
    config: Config,
    sources: Box<dyn Sources>,
    known: Mutex<HashMap<StreamName, watch::Receiver<Phase>>>,
    totals: Totals,
}

/// How far a pull has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Asking,
    OnAir,
    Failed(Unavailable),
}

impl Pulls {
    /// Pulls from where `sources` say; none yet.
    pub fn new(config: Config, sources: impl Sources) -> Self {
        let (known, totals) = (Mutex::default(), Totals::default());
        Self(Arc::new(Shared { config, sources: Box::new(sources), known, totals }))
    }

    /// Prometheus text (exposition format 0.0.4).
    pub fn metrics(&self) -> String {
        metrics::render(&self.0)
    }

    /// Waits until `stream` is on air in `origin`.
    pub(crate) async fn bring(
        &self,
        origin: &Origin,
        stream: &StreamName,
    ) -> Result<(), Unavailable> {
        let mut phase = self.join(origin, stream)?;
        match phase.wait_for(|phase| *phase != Phase::Asking).await.as_deref() {
            Ok(Phase::Failed(why)) => Err(*why),
            Ok(_) => Ok(()),
            // Its task is gone before it said anything: the runtime is being shut down.
            Err(_) => Err(Unavailable::Gone),
        }
    }

    /// The pull of `stream`, begun if there is none.
    fn join(
        &self,
        origin: &Origin,
        stream: &StreamName,
    ) -> Result<watch::Receiver<Phase>, Unavailable> {
        let mut known = self.0.lock();
        if let Some(phase) = known.get(stream) {
            return Ok(phase.clone());
        }
        if running(&known) >= self.0.config.pulls {
            self.0.totals.failed(Unavailable::Crowded);
            return Err(Unavailable::Crowded);
        }
        let (teller, phase) = watch::channel(Phase::Asking);
        known.insert(stream.clone(), phase.clone());
        drop(known);
        self.0.totals.begun();
        tokio::spawn(course::run(Arc::clone(&self.0), origin.clone(), stream.clone(), teller));
        Ok(phase)
    }
}

impl fmt::Debug for Pulls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulls").field("sources", &self.0.sources).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamName, watch::Receiver<Phase>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, stream: &StreamName) {
        self.lock().remove(stream);
    }

    /// Whether a failure may be held: those that are hold no more places than pulls do.
    fn may_hold(&self) -> bool {
        let known = self.lock();
        known.len() - running(&known) <= self.config.pulls
    }
}

fn running(known: &HashMap<StreamName, watch::Receiver<Phase>>) -> usize {
    known.values().filter(|phase| !matches!(*phase.borrow(), Phase::Failed(_))).count()
}
