use std::path::Path;

use airloom_billing::ledger::{Directory, Ledger};
use airloom_billing::{Catalogue, Config, Event, Input, Outcome};

use super::Store;
use crate::Failure;
use crate::billing::events::now;

/// The ledger, which keeps a hash chain over all of it besides.
pub(super) struct Airloom(Ledger<Directory>);

impl Airloom {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let _ = std::fs::remove_dir_all(path);
        let directory = Directory::open(path)?;
        Ok(Self(Ledger::open(directory, Catalogue::live(), Config::default())?.0))
    }
}

impl Store for Airloom {
    fn name(&self) -> String {
        "airloom-billing, fdatasync".into()
    }

    fn take(&mut self, group: &[Event]) -> Result<u64, Failure> {
        // Making inputs of events is the caller's work, as it would be for a batch that arrives.
        let inputs: Vec<_> = group.iter().cloned().map(Input::Event).collect();
        let outcomes = self.0.apply(now(), &inputs)?;
        let fresh = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Counted { .. }));
        Ok(fresh.count() as u64)
    }
}
