use airloom_billing::{Fault, FaultKind, Storage};

/// A storage that keeps nothing, for figures that are not about it.
#[derive(Debug)]
pub(super) struct Discard;

impl Storage for Discard {
    fn list(&self) -> Result<Vec<(String, u64)>, Fault> {
        Ok(Vec::new())
    }

    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, Fault> {
        Err(Fault { operation: "read", kind: FaultKind::Missing, os: None })
    }

    fn append(&mut self, _: &str, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn rewrite(&mut self, _: &str, _: u64, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn truncate(&mut self, _: &str, _: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn sync(&mut self, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn remove(&mut self, _: &str) -> Result<(), Fault> {
        Ok(())
    }
}
