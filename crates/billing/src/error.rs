use crate::{Currency, Name, WallTime};

/// Why this crate could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is no [`Name`]: empty, too long, or with a control character.
    #[error("name: not allowed at byte {offset}")]
    Name {
        /// Where the fault lies.
        offset: usize,
    },
    /// `field` is missing or not of the shape its format asks for.
    #[error("{field} at byte {offset}: malformed")]
    Malformed {
        /// The field, named as its format names it.
        field: &'static str,
        /// Where it starts, as far as the format's reader knows.
        offset: usize,
    },
    /// More of something than a limit allows.
    #[error("{what}: more than {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The meter is declared already, with another unit or aggregation.
    #[error("meter {meter} is declared otherwise")]
    MeterDeclared {
        /// The meter.
        meter: Name,
    },
    /// The text is no currency code: three letters A to Z (ISO 4217).
    #[error("currency: three letters A to Z expected")]
    Currency,
    /// Two amounts of different currencies met.
    #[error("{found} where {expected} is expected")]
    CurrencyMismatch {
        /// The currency of the account.
        expected: Currency,
        /// The other one.
        found: Currency,
    },
    /// An amount or a step on the way to it leaves the range of exact arithmetic.
    #[error("{what}: outside the range of exact arithmetic")]
    Overflow {
        /// The amount.
        what: &'static str,
    },
    /// A setting cannot be met, or is not the one the ledger was begun with.
    #[error("config: {field} is out of range")]
    Config {
        /// The setting.
        field: &'static str,
    },
    /// There is no time zone of that name.
    #[error("time zone: not in the IANA database")]
    Zone,
    /// A rate is no plain decimal number within range.
    #[error("rate: a decimal number up to 1000000000 with at most 12 places expected")]
    Rate,
    /// A period cannot be closed yet.
    #[error("period: open until {until}")]
    PeriodOpen {
        /// From when on it can be.
        until: WallTime,
    },
    /// A period does not follow the last one that was closed.
    #[error("period: does not follow the last closed one")]
    PeriodOrder,
    /// A statement is not what was closed.
    #[error("statement: {field} is wrong")]
    Statement {
        /// The member that gives it away.
        field: &'static str,
    },
    /// The storage under the ledger failed; nothing of the group was kept.
    #[error("storage: {0}")]
    Storage(#[from] Fault),
    /// The ledger holds bytes it did not write, or has lost some it did.
    #[error("ledger: {0}")]
    Corrupt(#[from] Damage),
    /// An earlier storage failure could not be undone; [`Ledger::recover`](crate::ledger::Ledger::recover) must succeed first.
    ///
    #[error("ledger: waiting for recovery after a storage failure")]
    Poisoned,
}

/// A failure of the storage under a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {kind}")]
pub struct Fault {
    /// What was being done.
    pub operation: &'static str,
    /// What kind of failure it was.
    pub kind: FaultKind,
    /// The operating system's number for it, where there is one.
    pub os: Option<i32>,
}

/// What kind of storage failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// No space, or over a quota; may pass.
    #[error("no space left")]
    Full,
    /// The file or directory is not there.
    #[error("not found")]
    Missing,
    /// Not allowed.
    #[error("permission denied")]
    Denied,
    /// Another ledger holds the directory.
    #[error("in use by another ledger")]
    Busy,
    /// Anything else.
    #[error("input or output failed")]
    Other,
}

/// Where and how a ledger is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("segment {segment}, byte {offset}, after record {record}: {kind}")]
pub struct Damage {
    /// The segment: the number of its first record.
    pub segment: u64,
    /// The first byte that cannot be trusted.
    pub offset: u64,
    /// The last record known to be whole.
    pub record: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong at a damaged place of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// A segment header does not match its checksum or its place.
    #[error("segment header")]
    SegmentHeader,
    /// A group header does not match its checksum.
    #[error("group header")]
    GroupHeader,
    /// A group's content does not match its checksum.
    #[error("group checksum")]
    Checksum,
    /// A group does not follow from the one before: the hash chain is broken.
    #[error("hash chain")]
    Chain,
    /// A group is whole and its records cannot be read.
    #[error("record")]
    Record,
    /// Records the ledger is known to have held are gone.
    #[error("missing records")]
    Missing,
    /// A base does not match its digest, or the record that vouches for it.
    #[error("base")]
    Base,
}
