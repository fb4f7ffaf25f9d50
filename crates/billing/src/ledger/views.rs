use super::query::{Query, Usage};
use super::reader::Reader;
use super::report::Head;
use super::state::Totals;
use super::{Ledger, Storage};
use crate::{Catalogue, Config, Dimensions, Held, Money, Name, Notice, Reason, WallTime};

/// A quarantined item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Where it lies.
    pub held: Held,
    /// Why it is not counted.
    pub reason: Reason,
    /// Whose it is.
    pub tenant: Name,
    /// Of which meter.
    pub meter: Name,
    /// With which dimensions.
    pub dimensions: Dimensions,
    /// Of which time.
    pub time: WallTime,
    /// How much.
    pub quantity: u64,
}

/// A notice that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number, for [`Input::Settled`](crate::Input::Settled).
    pub number: u64,
    /// The notice.
    pub notice: Notice,
}

/// Looking into it.
impl<S: Storage> Ledger<S> {
    /// Usage by tenant, meter, window and dimension.
    pub fn usage(&self, query: &Query) -> Vec<Usage> {
        query.run(&self.state)
    }

    /// What was accepted, counted and quarantined so far.
    pub fn totals(&self) -> Totals {
        self.state.totals
    }

    /// Every quarantined item, oldest first.
    pub fn quarantine(&self) -> impl Iterator<Item = Quarantined> {
        self.state.quarantine.iter().filter_map(|(&held, item)| {
            let (tenant, meter, dimensions) = item.series;
            Some(Quarantined {
                held,
                reason: item.reason,
                tenant: self.state.names.value(tenant)?.clone(),
                meter: self.state.names.value(meter)?.clone(),
                dimensions: self.state.dimensions.value(dimensions)?.clone(),
                time: WallTime::from_unix_millis(item.used.time),
                quantity: item.used.quantity,
            })
        })
    }

    /// Every notice that is not settled, oldest first.
    pub fn notices(&self) -> impl Iterator<Item = Queued> {
        self.state.notices.iter().filter_map(|(&number, waiting)| {
            let notice = Notice {
                tenant: self.state.names.value(waiting.tenant)?.clone(),
                kind: waiting.kind.clone(),
                id: waiting.id.clone(),
                body: waiting.body.to_string(),
            };
            Some(Queued { number, notice })
        })
    }

    /// The record up to which everything has reached the ledger called `target`; `None` where
    /// nothing was ever to be shipped there.
    pub fn forwarded(&self, target: &Name) -> Option<u64> {
        let number = self.state.names.number(target)?;
        self.state.forwarded.get(&number).copied()
    }

    /// Every tenant the ledger knows, in the order they came.
    pub fn tenants(&self) -> impl Iterator<Item = &Name> {
        self.state.tenants.keys().filter_map(|&number| self.state.names.value(number))
    }

    /// The highest sequence applied of a producer's epoch; a producer that starts anew asks for
    /// nothing, one that reconnects continues after it.
    pub fn high_water_mark(&self, producer: &Name, epoch: u64) -> Option<u64> {
        let number = self.state.names.number(producer)?;
        self.state.producers.get(&number)?.get(&epoch).copied()
    }

    /// The highest epoch of a producer that the ledger remembers: one that starts anew takes a
    /// greater one, whatever its clock says.
    pub fn epoch(&self, producer: &Name) -> Option<u64> {
        let number = self.state.names.number(producer)?;
        self.state.producers.get(&number)?.keys().next_back().copied()
    }

    /// What credit a tenant has left; `None` for one that never had any.
    pub fn balance(&self, tenant: &Name) -> Option<Money> {
        let number = self.state.names.number(tenant)?;
        let tenant = self.state.tenants.get(&number)?;
        Some(Money::new(tenant.balance, tenant.currency?))
    }

    /// Where the ledger stands.
    pub fn head(&self) -> Head {
        Head { record: self.state.record, chain: self.chain }
    }

    /// The first record that the log still has: what came before was compacted.
    pub fn oldest(&self) -> u64 {
        self.segments.first().map_or(self.state.record + 1, |segment| segment.first)
    }

    /// A reader of every input from `record` on, where the log still has it.
    pub fn reader(&self, record: u64) -> Reader {
        Reader::new(record)
    }

    /// The meters it counts.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
