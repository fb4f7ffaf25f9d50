use crate::Fault;

/// Where a ledger keeps its bytes: named, append-only blobs.
///
/// The ledger itself does no input or output; what implements this does.
/// [`Directory`](super::Directory) keeps blobs as files, [`Memory`](super::Memory) in memory. Names are made by the
/// ledger: 1 to 32 of `a-z 0-9 . -`.
///
/// What an implementation owes: bytes handed to [`append`](Self::append) may be lost or torn by
/// a failure until [`sync`](Self::sync) has answered `Ok`, and never after. A failed call may
/// have done its work in part.
pub trait Storage {
    /// The name and length in bytes of every blob, in any order.
    ///
    /// # Errors
    ///
    /// A [`Fault`] where the storage cannot be read.
    fn list(&self) -> Result<Vec<(String, u64)>, Fault>;

    /// The content of `name` from byte `offset` to its end; nothing where it ends before.
    ///
    /// # Errors
    ///
    /// A [`Fault`] where the blob is missing or cannot be read.
    fn read(&self, name: &str, offset: u64) -> Result<Vec<u8>, Fault>;

    /// Adds `bytes` at the end of `name`, which comes into being with its first bytes.
    ///
    /// # Errors
    ///
    /// A [`Fault`]; some of the bytes may have been added.
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault>;

    /// Writes `bytes` over the same bytes at `offset`: they are known to be there, and may not
    /// have reached the disk.
    ///
    /// # Errors
    ///
    /// A [`Fault`]; the content is the same either way.
    fn rewrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Fault>;

    /// Cuts `name` to `len` bytes.
    ///
    /// # Errors
    ///
    /// A [`Fault`]; the blob may have been cut.
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), Fault>;

    /// Makes the content and existence of `name` survive a power failure.
    ///
    /// # Errors
    ///
    /// A [`Fault`]; what was added since the last success may or may not survive.
    fn sync(&mut self, name: &str) -> Result<(), Fault>;

    /// Removes `name` and makes that survive a power failure.
    ///
    /// # Errors
    ///
    /// A [`Fault`]; the blob may have been removed.
    fn remove(&mut self, name: &str) -> Result<(), Fault>;
}
