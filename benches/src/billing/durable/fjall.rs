use std::collections::HashSet;
use std::path::Path;

use airloom_billing::Event;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Store, content, key, sums};
use crate::Failure;

pub(super) struct Fjall {
    database: Database,
    events: Keyspace,
    sums: Keyspace,
}

impl Fjall {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let _ = std::fs::remove_dir_all(path);
        let database = Database::builder(path).open()?;
        let events = database.keyspace("events", KeyspaceCreateOptions::default)?;
        let sums = database.keyspace("sums", KeyspaceCreateOptions::default)?;
        Ok(Self { database, events, sums })
    }
}

impl Store for Fjall {
    fn name(&self) -> String {
        "fjall 3.1, PersistMode::SyncData".into()
    }

    fn take(&mut self, group: &[Event]) -> Result<u64, Failure> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let (mut fresh, mut within) = (Vec::new(), HashSet::new());
        for event in group {
            let (key, content) = (key(event), content(event));
            match self.events.get(&key)? {
                Some(known) if *known != content => return Err("a conflict".into()),
                Some(_) => {}
                None if within.insert(key.clone()) => {
                    batch.insert(&self.events, key, content);
                    fresh.push(event);
                }
                None => {}
            }
        }
        for (key, sum) in sums(fresh.iter().copied()) {
            let before = match self.sums.get(&key)? {
                Some(bytes) => u64::from_le_bytes(bytes[..].try_into()?),
                None => 0,
            };
            batch.insert(&self.sums, key, (before + sum).to_le_bytes());
        }
        batch.commit()?;
        Ok(fresh.len() as u64)
    }
}
