use std::fmt;

use super::replay::Replay;

/// Where a ledger stands: everything up to a record, vouched for by one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last record.
    pub record: u64,
    /// The chain after it.
    pub chain: [u8; 32],
}

/// The rest of a group that an interrupted write left at the end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// The segment: the number of its first record.
    pub segment: u64,
    /// Where the rest begins.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What opening or verifying a ledger found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where the ledger stands.
    pub head: Head,
    /// Groups read.
    pub groups: u64,
    /// Segments there are.
    pub segments: usize,
    /// The record of the base it was read from; `None` where it was read from the beginning.
    pub base: Option<u64>,
    /// A base that is damaged, where the log behind it made up for it.
    pub broken_base: Option<u64>,
    /// What was cut off its end, or would be.
    pub torn: Option<Torn>,
}

impl Replay {
    pub(super) fn report(&self) -> Report {
        Report {
            head: Head { record: self.state.record, chain: self.chain },
            groups: self.groups,
            segments: self.segments.len(),
            base: self.base,
            broken_base: self.broken,
            torn: self.torn,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, groups, segments, .. } = self;
        write!(f, "{} records in {groups} groups, {segments} segments", head.record)?;
        match self.torn {
            Some(torn) => write!(f, ", {torn}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, bytes } = self;
        write!(f, "{bytes} bytes of an interrupted write at byte {offset} of segment {segment}")
    }
}
