//! Shipping usage from one ledger to another, as state without sockets.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ledger::{Ledger, Reader};
use crate::{Error, Input, Name, Storage, WallTime};

/// Ships what a ledger has accepted to another ledger, at least once and in order.
///
/// The other ledger applies each delta and event once by the same marks and keys as this one, so
/// a batch may arrive twice. How far it has come is kept in this ledger, by the target's name:
/// after a restart shipping continues there.
///
/// Drive it by [`poll_output`](Self::poll_output), send the batch, and once the target has
/// applied it [`acknowledge`](Self::acknowledge) it. All outcomes are final but one: a
/// [`Gap`](crate::Outcome::Gap) means that the target has lost what it had acknowledged, which no
/// resending mends. To lose nothing to the target's clock, its [`late`](crate::Config::late) and
/// [`remember`](crate::Config::remember) must be longer than a node may be cut off: what comes
/// later is quarantined, or refused as expired.
#[derive(Debug)]
pub struct Forwarder {
    target: Name,
    reader: Reader,
    batch: usize,
    sent: VecDeque<Batch>,
    /// How many of `sent` were handed out since the last rewind.
    out: usize,
}

/// Batches under way at once.
const IN_FLIGHT: usize = 4;

/// Inputs for another ledger, up to some record of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The record up to which this and the batches before it go.
    pub up_to: u64,
    /// What to apply.
    pub inputs: Vec<Input>,
}

impl Forwarder {
    /// Continues to ship to `target` where it was acknowledged last, or begins with the oldest
    /// record, in batches of at most `batch` inputs.
    ///
    /// From the first time on the ledger knows of the target: compaction leaves what it has not
    /// acknowledged. A ledger that was compacted before has nothing left to begin with, which
    /// [`Forwarder::poll_output`] reports.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`].
    pub fn new<S: Storage>(
        now: WallTime,
        ledger: &mut Ledger<S>,
        target: Name,
        batch: usize,
    ) -> Result<Self, Error> {
        ledger.note_forwarded(now, &target, 0)?;
        let reader = ledger.reader(ledger.forwarded(&target).unwrap_or(0) + 1);
        Ok(Self { target, reader, batch: batch.max(1), sent: VecDeque::new(), out: 0 })
    }

    /// The next batch to send, or `None` when all is sent or too much is unanswered.
    ///
    /// # Errors
    ///
    /// As [`Reader::next`].
    pub fn poll_output<S: Storage>(&mut self, ledger: &Ledger<S>) -> Result<Option<Batch>, Error> {
        if self.out == self.sent.len() && self.sent.len() < IN_FLIGHT {
            let mut inputs = Vec::new();
            while inputs.len() < self.batch
                && let Some(kept) = self.reader.next(ledger)?
            {
                // Where an item is quarantined is each ledger's own affair.
                if !matches!(kept.input, Input::Release(_)) {
                    inputs.push(kept.input);
                }
            }
            if !inputs.is_empty() {
                self.sent.push_back(Batch { up_to: self.reader.position(), inputs });
            }
        }
        let batch = self.sent.get(self.out).cloned();
        self.out += usize::from(batch.is_some());
        Ok(batch)
    }

    /// The target has applied every batch up to `up_to`; notes that in the ledger.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`]; call it again then.
    pub fn acknowledge<S: Storage>(
        &mut self,
        now: WallTime,
        ledger: &mut Ledger<S>,
        up_to: u64,
    ) -> Result<(), Error> {
        ledger.note_forwarded(now, &self.target, up_to)?;
        while self.sent.front().is_some_and(|batch| batch.up_to <= up_to) {
            self.sent.pop_front();
            self.out = self.out.saturating_sub(1);
        }
        Ok(())
    }

    /// Makes every batch that is not acknowledged come out again, in order.
    pub fn rewind(&mut self) {
        self.out = 0;
    }
}
