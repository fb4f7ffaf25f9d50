//! What stands in a record any number of times.

use super::code::{reason_code, reason_from};
use super::codec::{Cursor, put_number, put_signed};
use crate::Reason;

/// The entries of a delta as they stand in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entries<'a> {
    count: u32,
    bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryRecord {
    pub(super) tenant: u32,
    pub(super) meter: u32,
    pub(super) dimensions: u32,
    pub(super) time: i64,
    pub(super) quantity: u64,
    pub(super) reason: Option<Reason>,
}

/// The pairs of a dimension set, as numbers of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pairs<'a> {
    count: u32,
    bytes: &'a [u8],
}

impl EntryRecord {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(reason_code(self.reason));
        for number in [self.tenant, self.meter, self.dimensions] {
            put_number(out, u64::from(number));
        }
        put_signed(out, self.time);
        put_number(out, self.quantity);
    }

    fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            reason: reason_from(cursor.byte()?).ok()?,
            tenant: cursor.small()?,
            meter: cursor.small()?,
            dimensions: cursor.small()?,
            time: cursor.signed()?,
            quantity: cursor.number()?,
        })
    }
}

impl<'a> Entries<'a> {
    /// Entries encoded by [`EntryRecord::encode`], one after another.
    pub(super) fn new(count: u32, bytes: &'a [u8]) -> Self {
        Self { count, bytes }
    }

    pub(super) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (count, bytes) = list(cursor, |cursor| EntryRecord::decode(cursor).map(drop))?;
        Some(Self { count, bytes })
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        put_number(out, u64::from(self.count));
        out.extend_from_slice(self.bytes);
    }

    pub(super) fn iter(self) -> impl Iterator<Item = EntryRecord> + use<'a> {
        let mut cursor = Cursor(self.bytes);
        (0..self.count).map_while(move |_| EntryRecord::decode(&mut cursor))
    }
}

impl<'a> Pairs<'a> {
    /// Pairs of numbers of names encoded one after another.
    pub(super) fn new(count: u32, bytes: &'a [u8]) -> Self {
        Self { count, bytes }
    }

    pub(super) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (count, bytes) = list(cursor, |cursor| {
            cursor.small()?;
            cursor.small().map(drop)
        })?;
        Some(Self { count, bytes })
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        put_number(out, u64::from(self.count));
        out.extend_from_slice(self.bytes);
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        let mut cursor = Cursor(self.bytes);
        (0..self.count).map_while(move |_| Some((cursor.small()?, cursor.small()?)))
    }
}

/// The bytes `skip` moves a cursor over, after a count.
fn list<'a>(
    cursor: &mut Cursor<'a>,
    mut skip: impl FnMut(&mut Cursor<'a>) -> Option<()>,
) -> Option<(u32, &'a [u8])> {
    let count = cursor.small()?;
    let start = cursor.0;
    for _ in 0..count {
        skip(cursor)?;
    }
    Some((count, start.get(..start.len() - cursor.0.len())?))
}
