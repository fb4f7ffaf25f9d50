use std::path::Path;

use airloom_billing::Event;
use redb::{Database, Durability, ReadableTable, TableDefinition};

use super::{Store, content, key, sums};
use crate::Failure;

/// Keys lead to contents, which are the events; sums to the figures.
const EVENTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("events");
const SUMS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("sums");

pub(super) struct Redb(Database);

impl Redb {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let _ = std::fs::remove_file(path);
        Ok(Self(Database::create(path)?))
    }
}

impl Store for Redb {
    fn name(&self) -> String {
        "redb 4.4, Durability::Immediate".into()
    }

    fn take(&mut self, group: &[Event]) -> Result<u64, Failure> {
        let mut write = self.0.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        let mut fresh = Vec::new();
        {
            let mut events = write.open_table(EVENTS)?;
            for event in group {
                let (key, content) = (key(event), content(event));
                let known = match events.get(key.as_slice())? {
                    Some(known) if known.value() != content => return Err("a conflict".into()),
                    known => known.is_some(),
                };
                if !known {
                    events.insert(key.as_slice(), content.as_slice())?;
                    fresh.push(event);
                }
            }
            let mut figures = write.open_table(SUMS)?;
            for (key, sum) in sums(fresh.iter().copied()) {
                let before = figures.get(key.as_slice())?.map_or(0, |sum| sum.value());
                figures.insert(key.as_slice(), before + sum)?;
            }
        }
        write.commit()?;
        Ok(fresh.len() as u64)
    }
}
