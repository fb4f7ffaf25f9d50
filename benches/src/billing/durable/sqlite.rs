use std::path::Path;

use airloom_billing::Event;
use rusqlite::{Connection, OptionalExtension};

use super::{Store, content, key, sums};
use crate::Failure;

pub(super) struct Sqlite(Connection);

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
             CREATE TABLE events (key BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
             CREATE TABLE sums (key BLOB PRIMARY KEY, sum INTEGER NOT NULL) WITHOUT ROWID;",
        )?;
        Ok(Self(connection))
    }
}

impl Store for Sqlite {
    fn name(&self) -> String {
        format!("rusqlite 0.41 (SQLite {}), WAL, synchronous FULL", rusqlite::version())
    }

    fn take(&mut self, group: &[Event]) -> Result<u64, Failure> {
        let write = self.0.transaction()?;
        let mut fresh = Vec::new();
        {
            let mut find = write.prepare_cached("SELECT content FROM events WHERE key = ?1")?;
            let mut keep = write.prepare_cached("INSERT INTO events VALUES (?1, ?2)")?;
            let mut add = write.prepare_cached(
                "INSERT INTO sums VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET sum = sum + ?2",
            )?;
            for event in group {
                let (key, content) = (key(event), content(event));
                let known: Option<Vec<u8>> = find.query_row([&key], |row| row.get(0)).optional()?;
                match known {
                    Some(known) if known != content => return Err("a conflict".into()),
                    Some(_) => {}
                    None => {
                        keep.execute((&key, &content))?;
                        fresh.push(event);
                    }
                }
            }
            for (key, sum) in sums(fresh.iter().copied()) {
                add.execute((key, sum as i64))?;
            }
        }
        write.commit()?;
        Ok(fresh.len() as u64)
    }
}
