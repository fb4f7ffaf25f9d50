use super::base;
use super::replay::replay;
use super::report::{Head, Report};
use super::{Ledger, Storage};
use crate::{Damage, DamageKind, Error};

/// Proving it.
impl<S: Storage> Ledger<S> {
    /// Reads the whole log again and compares what it says with what the ledger holds; checks every
    /// statement, and that each follows from the one before it.
    ///
    /// `anchors` are heads noted earlier; each must lie on the chain as far as the log reaches
    /// back.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first place that is not as it was written, of kind
    /// [`DamageKind::Missing`] where the log is shorter than the ledger or an anchor says;
    /// [`Error::Malformed`] of a statement that cannot be read, [`Error::Statement`] of one that does
    /// not follow from the one before it; [`Error::Storage`].
    pub fn verify(&self, anchors: &[Head]) -> Result<Report, Error> {
        let replay = replay(&self.storage, false)?;
        let report = replay.report();
        if report.head != self.head() {
            let record = report.head.record;
            let segment = self.segments.last().map_or(0, |segment| segment.first);
            let offset = replay.segments.last().map_or(0, |segment| segment.len);
            return Err(Damage { segment, offset, record, kind: DamageKind::Missing }.into());
        }
        let rebuilt = base::encode(&replay.state, &replay.chain);
        if rebuilt.1 != base::encode(&self.state, &self.chain).1 {
            let record = report.head.record;
            return Err(Damage { segment: 0, offset: 0, record, kind: DamageKind::Base }.into());
        }
        for anchor in anchors {
            self.anchored(anchor)?;
        }
        self.linked()?;
        Ok(report)
    }

    fn anchored(&self, anchor: &Head) -> Result<(), Error> {
        let first = self.oldest();
        if anchor.record < first {
            return Ok(());
        }
        let mut reader = self.reader(first);
        while reader.after() < anchor.record {
            if !reader.step(self)? {
                break;
            }
        }
        if reader.head() == *anchor {
            return Ok(());
        }
        let kind =
            if self.state.record < anchor.record { DamageKind::Missing } else { DamageKind::Chain };
        Err(Damage { segment: first, offset: 0, record: reader.after(), kind }.into())
    }

    /// Whether every statement follows from the one before it.
    fn linked(&self) -> Result<(), Error> {
        for tenant in self.tenants() {
            let statements = self.statements(tenant)?;
            for (place, statement) in statements.iter().enumerate() {
                let previous = place.checked_sub(1).and_then(|before| statements.get(before));
                statement.verify(previous)?;
            }
        }
        Ok(())
    }
}

/// Reads a ledger without changing anything: what opening it would find.
///
/// # Errors
///
/// [`Error::Corrupt`] with the first damaged place; [`Error::Storage`].
pub fn inspect(storage: &impl Storage) -> Result<Report, Error> {
    replay(storage, false).map(|replay| replay.report())
}
