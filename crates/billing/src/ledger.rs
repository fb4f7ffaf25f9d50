//! The durable ledger: where accepted usage is kept, counted once, and can be proved.

mod storage;

pub use storage::Storage;
