use std::time::Duration;

use airloom_billing::ledger::{Directory, Ledger, Quarantined};
use airloom_billing::{Error, Input, Outcome, Reason, Recorder, WallTime};
use tracing::{info, warn};

/// How often the ledger is asked to forget.
const FORGET: Duration = Duration::from_hours(1);

/// The ledger, and what is to be done with it by and by.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) ledger: Ledger<Directory>,
    keep: Duration,
    forgot: Option<WallTime>,
    /// The failure that was told last; told once, not every second.
    failing: Option<Error>,
}

impl Keeper {
    pub(super) fn new(ledger: Ledger<Directory>, keep: Duration) -> Self {
        Self { ledger, keep, forgot: None, failing: None }
    }

    /// Takes what `recorder` counted to the ledger.
    pub(super) fn flush(&mut self, recorder: &Recorder, now: WallTime) -> Result<(), Error> {
        recorder.handle_timeout(now);
        loop {
            let mut sequences = Vec::new();
            let mut inputs = Vec::new();
            while let Some(delta) = recorder.poll_output() {
                sequences.push(delta.sequence);
                inputs.push(Input::Delta(delta));
            }
            if inputs.is_empty() {
                return Ok(());
            }
            let applied = self.apply(now, &inputs);
            if applied.is_err() {
                recorder.rewind();
            }
            let mut held = 0;
            for (sequence, outcome) in sequences.into_iter().zip(applied?) {
                match outcome {
                    Outcome::Applied { quarantined, .. } => held += quarantined,
                    Outcome::Duplicate => {}
                    outcome => {
                        // A ledger that is full may have room later: nothing is given up.
                        recorder.rewind();
                        warn!("usage: not taken by the ledger: {outcome:?}");
                        return Ok(());
                    }
                }
                recorder.acknowledge(sequence);
            }
            if held > 0 {
                self.release(now)?;
            }
        }
    }

    /// Counts streams and rooms past the limit on different ones without their names; says what
    /// else is held back.
    fn release(&mut self, now: WallTime) -> Result<(), Error> {
        let crowded = |item: &Quarantined| item.reason == Reason::Cardinality;
        let items = self.ledger.quarantine().filter(crowded);
        let released: Vec<_> = items.map(|item| Input::Release(item.held)).collect();
        self.apply(now, &released)?;
        let left = self.ledger.totals().quarantined;
        if left > 0 {
            warn!("usage: {left} items are quarantined, which somebody has to release");
        }
        Ok(())
    }

    pub(super) fn apply(&mut self, now: WallTime, inputs: &[Input]) -> Result<Vec<Outcome>, Error> {
        self.ledger.recover()?;
        self.ledger.apply(now, inputs)
    }

    /// Says that the ledger fails, and that it no longer does.
    pub(super) fn report(&mut self, failure: Option<Error>) {
        match (&self.failing, &failure) {
            (before, Some(error)) if before.as_ref() != Some(error) => {
                warn!("usage: {error}; it is counted in memory until that passes");
            }
            (Some(_), None) => info!("usage: the ledger takes what was counted again"),
            _ => {}
        }
        self.failing = failure;
    }

    /// Drops what is past its time, now and then.
    pub(super) fn forget(&mut self, now: WallTime) {
        if self.failing.is_some()
            || self.forgot.is_some_and(|last| now.saturating_since(last) < FORGET)
        {
            return;
        }
        self.forgot = Some(now);
        let before = now.saturating_sub(self.keep);
        let forgotten = self.ledger.forget(now).and_then(|()| self.ledger.compact(now, before));
        match forgotten {
            Ok(0) => {}
            Ok(segments) => info!("usage: {segments} old segments of the log dropped"),
            Err(error) => warn!("usage: the log cannot be shortened: {error}"),
        }
    }
}
