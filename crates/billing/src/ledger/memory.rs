use std::collections::BTreeMap;

use super::Storage;
use crate::{Fault, FaultKind};

/// A [`Storage`] in memory: for tests, and for services that forget usage with their process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    blobs: BTreeMap<String, Blob>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Blob {
    bytes: Vec<u8>,
    /// Bytes that a sync has made safe.
    synced: usize,
}

impl Memory {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a power failure leaves: of the bytes of each blob that were not synced, `keep` says
    /// how many survive (it is given their number).
    pub fn power_failure(&mut self, mut keep: impl FnMut(usize) -> usize) {
        self.blobs.retain(|_, blob| {
            let unsynced = blob.bytes.len() - blob.synced;
            blob.bytes.truncate(blob.synced + keep(unsynced).min(unsynced));
            blob.synced = blob.bytes.len();
            !blob.bytes.is_empty()
        });
    }

    /// The bytes of a blob, to look at or to damage.
    pub fn bytes_mut(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.blobs.get_mut(name).map(|blob| &mut blob.bytes)
    }

    fn blob(&mut self, operation: &'static str, name: &str) -> Result<&mut Blob, Fault> {
        self.blobs.get_mut(name).ok_or(missing(operation))
    }
}

fn missing(operation: &'static str) -> Fault {
    Fault { operation, kind: FaultKind::Missing, os: None }
}

impl Storage for Memory {
    fn list(&self) -> Result<Vec<(String, u64)>, Fault> {
        Ok(self.blobs.iter().map(|(name, blob)| (name.clone(), blob.bytes.len() as u64)).collect())
    }

    fn read(&self, name: &str, offset: u64) -> Result<Vec<u8>, Fault> {
        let blob = self.blobs.get(name).ok_or(missing("read"))?;
        Ok(blob.bytes.get(offset as usize..).unwrap_or_default().to_vec())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.blobs.entry(name.to_owned()).or_default().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn rewrite(&mut self, name: &str, _offset: u64, _bytes: &[u8]) -> Result<(), Fault> {
        self.blob("rewrite", name).map(drop)
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), Fault> {
        let blob = self.blob("truncate", name)?;
        blob.bytes.truncate(len as usize);
        blob.synced = blob.synced.min(blob.bytes.len());
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), Fault> {
        let blob = self.blob("sync", name)?;
        blob.synced = blob.bytes.len();
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Fault> {
        self.blobs.remove(name).map(drop).ok_or(missing("remove"))
    }
}
