//! Runs contenders against each other: round-robin, thread CPU time, medians.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::Failure;

/// What one contender produced in one pass: evidence that it did the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages, samples or segments delivered.
    pub items: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Tally {
    /// Counts one item of so many bytes.
    pub fn add(&mut self, bytes: usize) {
        self.items += 1;
        self.bytes += bytes as u64;
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.bytes += other.bytes;
    }
}

/// What a contender's measured part cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// CPU time of the thread.
    pub cpu: Duration,
    /// Allocations and reallocations; only where they are counted.
    pub allocations: u64,
    /// Bytes asked of the allocator; only where they are counted.
    pub allocated: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.allocations += other.allocations;
        self.allocated += other.allocated;
    }
}

/// Measures the part of a pass that counts.
///
/// There are two, in two programs: one reads the thread's clock over the system's allocator, the
/// other counts allocations, so that counting never slows what is timed.
pub trait Meter {
    /// Runs `body` and says what it cost.
    fn measure(&mut self, body: &mut dyn FnMut()) -> Cost;
}

/// Reads the CPU clock of the thread.
#[derive(Debug)]
pub struct Clock;

impl Meter for Clock {
    fn measure(&mut self, body: &mut dyn FnMut()) -> Cost {
        let start = ThreadTime::now();
        body();
        Cost { cpu: start.elapsed(), ..Cost::default() }
    }
}

/// What one pass gives back: its cost, and its tally or why there is none.
pub type Pass = (Cost, Result<Tally, Failure>);

/// One competitor in one discipline.
pub struct Contender<'a> {
    /// Crate and version, and what of it is used.
    pub name: String,
    /// One pass over the whole input. What is prepared outside `Meter::measure` costs nothing.
    pub pass: Body<'a>,
    /// One pass before all others, not measured, that says how good the result is.
    pub check: Check<'a>,
    /// Whether its allocations can be counted: those of another process cannot.
    pub counted: bool,
}

/// Runs a contender once over everything.
pub type Body<'a> = Box<dyn FnMut(&mut dyn Meter) -> Pass + 'a>;

/// Says in a few words what a contender's output is worth, or why it is worth nothing.
pub type Check<'a> = Box<dyn FnMut() -> Result<String, Failure> + 'a>;

impl<'a> Contender<'a> {
    /// A contender whose whole pass is measured.
    pub fn new(
        name: impl Into<String>,
        mut body: impl FnMut() -> Result<Tally, Failure> + 'a,
    ) -> Self {
        Self::with_setup(name, || (), move |()| body())
    }

    /// A contender that needs its input in a form of its own, made anew before each pass and not
    /// measured; nor is the dropping of what `body` does not consume.
    pub fn with_setup<S: 'a>(
        name: impl Into<String>,
        setup: impl FnMut() -> S + 'a,
        body: impl FnMut(&mut S) -> Result<Tally, Failure> + 'a,
    ) -> Self {
        Self::again_and_again(name, 1, setup, body)
    }

    /// The same, `times` a pass.
    pub fn again_and_again<S: 'a>(
        name: impl Into<String>,
        times: u64,
        mut setup: impl FnMut() -> S + 'a,
        mut body: impl FnMut(&mut S) -> Result<Tally, Failure> + 'a,
    ) -> Self {
        let pass = move |meter: &mut dyn Meter| {
            let (mut whole, mut sum) = (Cost::default(), Tally::default());
            for _ in 0..times {
                let mut state = setup();
                let mut tally = Err(Failure::from("did not run"));
                whole += meter.measure(&mut || tally = body(&mut state));
                match tally {
                    Ok(tally) => sum += tally,
                    Err(failure) => return (whole, Err(failure)),
                }
            }
            (whole, Ok(sum))
        };
        let check = Box::new(|| Ok(String::new()));
        Self { name: name.into(), pass: Box::new(pass), check, counted: true }
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What became of a contender.
#[derive(Debug)]
pub struct Standing {
    pub name: String,
    /// What its check found.
    pub note: String,
    /// One cost a round, in the order of the rounds; empty where it failed.
    pub costs: Vec<Cost>,
    /// What every pass delivered.
    pub tally: Tally,
    /// Why there are no figures.
    pub failure: Option<String>,
}

impl Standing {
    /// The median CPU time of a pass, in seconds.
    pub fn seconds(&self) -> f64 {
        median(self.costs.iter().map(|cost| cost.cpu.as_secs_f64()).collect())
    }

    /// The median over the rounds of what `reference` took, divided by what this took in the same
    /// round: how many times as fast as the reference.
    pub fn speed_beside(&self, reference: &Self) -> f64 {
        let rounds = self.costs.iter().zip(&reference.costs);
        median(rounds.map(|(own, other)| other.cpu.as_secs_f64() / own.cpu.as_secs_f64()).collect())
    }

    /// What a pass asked of the allocator.
    pub fn allocations(&self) -> Option<(u64, u64)> {
        let cost = self.costs.last()?;
        Some((cost.allocations, cost.allocated))
    }
}

/// Runs every contender once a round, `rounds` times after one round that only warms up, starting
/// each round with another one, so that whatever else the machine does falls on all alike.
///
/// A contender that fails or panics is out, and its standing says why. So is one whose passes
/// do not all deliver the same.
pub fn compete(
    contenders: &mut [Contender<'_>],
    rounds: usize,
    meter: &mut dyn Meter,
) -> Vec<Standing> {
    let mut standings: Vec<Standing> = contenders
        .iter_mut()
        .map(|contender| {
            let (note, failure) = match guarded(|| (contender.check)()) {
                Ok(note) => (note, None),
                Err(failure) => (String::new(), Some(failure)),
            };
            let name = contender.name.clone();
            Standing { name, note, costs: Vec::new(), tally: Tally::default(), failure }
        })
        .collect();
    for round in 0..=rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            let standing = &mut standings[index];
            if standing.failure.is_some() {
                continue;
            }
            let pass = &mut contenders[index].pass;
            let result = guarded(|| {
                let (cost, tally) = pass(meter);
                tally.map(|tally| (cost, tally))
            });
            match result {
                Err(failure) => standing.failure = Some(failure),
                Ok((_, tally)) if round == 0 => standing.tally = tally,
                Ok((_, tally)) if tally != standing.tally => {
                    standing.failure = Some(format!(
                        "delivered {} items and {} bytes in one pass, {} and {} in another",
                        standing.tally.items, standing.tally.bytes, tally.items, tally.bytes
                    ));
                }
                Ok((cost, _)) => standing.costs.push(cost),
            }
            if standing.failure.is_some() {
                standing.costs.clear();
            }
        }
    }
    standings
}

/// Turns a panic into a failure.
fn guarded<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, String> {
    // The state of a contender that panicked is never used again.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result.map_err(|failure| failure.to_string()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("for no stated reason");
            Err(format!("panicked: {text}"))
        }
    }
}

/// The middle value; of an even number, the lower one of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
