use super::record::Record;
use super::replay::{base_name, bases, segment_name};
use super::{Ledger, Storage, base, index};
use crate::{Damage, DamageKind, Error, WallTime};

/// Keeping it bounded.
impl<S: Storage> Ledger<S> {
    /// Forgets idempotency keys that are past [`Config::remember`](crate::Config::remember) and frees their memory; to be
    /// called once a day or so.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`].
    pub fn forget(&mut self, now: WallTime) -> Result<(), Error> {
        let day = index::day(now.saturating_sub(self.config.remember));
        if day <= self.state.horizon {
            return self.healthy();
        }
        self.write(now, |group| {
            group.write(Record::Horizon { day });
        })
    }

    /// Writes a base and removes the log before it whose records were all received before
    /// `before`; returns how many segments went.
    ///
    /// Segments with inputs that a [`Forwarder`](crate::forward::Forwarder) of this ledger has
    /// not shipped yet stay. Aggregates, keys, marks, quarantine, balances and statements stay; what goes is the raw
    /// events ([`Ledger::reader`]), and with them the chance to rebuild from them: the base takes
    /// their place, and the log vouches for its digest.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`]; whatever fails, the ledger stays whole.
    pub fn compact(&mut self, now: WallTime, before: WallTime) -> Result<usize, Error> {
        self.healthy()?;
        let shipped = self.state.forwarded.values().copied().min().unwrap_or(u64::MAX);
        let ends = self.segments.iter().skip(1).map(|next| next.first - 1);
        let ends = ends.chain(std::iter::once(self.state.record));
        let old = self.segments.iter().zip(ends);
        let old = old.take_while(|(segment, end)| segment.last_at < before && *end <= shipped);
        let old = old.count();
        if old == 0 {
            return Ok(0);
        }
        let record = self.state.record;
        let name = base_name(record);
        let (bytes, digest) = base::encode(&self.state, &self.chain);
        if bases(&self.storage)?.contains(&record) {
            // Part of one that could not be written before.
            self.storage.remove(&name)?;
        }
        self.storage.append(&name, &bytes)?;
        self.storage.sync(&name)?;
        // What is about to go cannot be had again: see that what takes its place is there.
        if self.storage.read(&name, 0)? != bytes {
            let segment = record + 1;
            return Err(Damage { segment, offset: 0, record, kind: DamageKind::Base }.into());
        }
        self.roll = true;
        self.write(now, |group| {
            group.write(Record::Base { record, digest });
        })?;
        for older in bases(&self.storage)?.into_iter().filter(|&older| older < record) {
            self.storage.remove(&base_name(older))?;
        }
        for _ in 0..old {
            let Some(segment) = self.segments.first() else { break };
            self.storage.remove(&segment_name(segment.first))?;
            self.segments.remove(0);
        }
        Ok(old)
    }
}
