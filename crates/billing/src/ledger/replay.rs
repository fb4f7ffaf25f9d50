//! Reading a ledger back: which blobs there are, whether they are whole, and what they say.

use super::base;
use super::codec::Cursor;
use super::frame::{self, Chain, Found, Group, SEGMENT};
use super::record::Record;
use super::state::State;
use super::{Storage, Torn};
use crate::{Damage, DamageKind, Error, WallTime};

/// A segment of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first record.
    pub(super) first: u64,
    /// Bytes that hold whole groups.
    pub(super) len: u64,
    /// When its last group was received.
    pub(super) last_at: WallTime,
    /// Where its last group starts; 0 where the header was written with it.
    pub(super) last_write: u64,
}

pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

pub(super) fn base_name(record: u64) -> String {
    format!("{record:020}.base")
}

/// What a storage holds, read without changing anything.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) state: State,
    pub(super) chain: Chain,
    pub(super) segments: Vec<Segment>,
    pub(super) groups: u64,
    /// The base it starts from.
    pub(super) base: Option<u64>,
    /// Bases that nothing vouches for: left by a failure before the log mentioned them.
    pub(super) strays: Vec<u64>,
    /// A base the log vouches for and that is not as it was written; the log made up for it.
    pub(super) broken: Option<u64>,
    pub(super) torn: Option<Torn>,
}

/// The numbers in the names of segments and of bases, in order.
fn numbers(storage: &impl Storage) -> Result<(Vec<u64>, Vec<u64>), Error> {
    let (mut segments, mut bases) = (Vec::new(), Vec::new());
    for (name, _) in storage.list()? {
        let number =
            |suffix| name.strip_suffix(suffix).and_then(|number| number.parse::<u64>().ok());
        segments.extend(number(".log"));
        bases.extend(number(".base"));
    }
    segments.sort_unstable();
    bases.sort_unstable();
    Ok((segments, bases))
}

/// The records of the bases there are, in order.
pub(super) fn bases(storage: &impl Storage) -> Result<Vec<u64>, Error> {
    numbers(storage).map(|(_, bases)| bases)
}

/// Reads the ledger from its newest base if `from_base`, else from as far back as it goes.
pub(super) fn replay(storage: &impl Storage, from_base: bool) -> Result<Replay, Error> {
    let (segments, bases) = numbers(storage)?;
    let mut replay = Replay {
        state: State::default(),
        chain: [0; 32],
        segments: Vec::new(),
        groups: 0,
        base: None,
        strays: Vec::new(),
        broken: None,
        torn: None,
    };
    let whole = segments.first().is_none_or(|&first| first == 1);
    for &record in bases.iter().rev() {
        if !segments.contains(&(record + 1)) {
            replay.strays.push(record);
        } else if replay.base.is_none() && (from_base || !whole) {
            match vouched(storage, record)? {
                Vouched::Base(state, chain) => {
                    (replay.state, replay.chain, replay.base) = (*state, chain, Some(record));
                }
                Vouched::Stray => replay.strays.push(record),
                Vouched::Broken => replay.broken = Some(record),
            }
        }
    }
    if replay.base.is_none() && !whole {
        let segment = segments.first().copied().unwrap_or(1);
        let kind = match replay.broken {
            Some(_) => DamageKind::Base,
            None => DamageKind::Missing,
        };
        return Err(Damage { segment, offset: 0, record: 0, kind }.into());
    }
    let last = segments.last().copied();
    replay.kept(storage, &segments)?;
    for first in segments {
        if first > replay.base.unwrap_or(0) {
            replay.segment(storage, first, Some(first) == last)?;
        }
    }
    replay.state.index.settle();
    // A base is written once everything before it is durable.
    if let Some(&newest) = bases.last()
        && replay.state.record < newest
    {
        return Err(replay.missing(newest).into());
    }
    Ok(replay)
}

enum Vouched {
    Base(Box<State>, Chain),
    Stray,
    Broken,
}

/// Reads a base and the record after it that repeats its digest.
fn vouched(storage: &impl Storage, record: u64) -> Result<Vouched, Error> {
    let bytes = storage.read(&segment_name(record + 1), 0)?;
    let base = base::decode(&storage.read(&base_name(record), 0)?);
    let chain = frame::chain_before(&bytes);
    let group = match frame::read_group(&bytes, SEGMENT, record + 1, &chain) {
        Found::Group(group) => group,
        Found::Damaged(kind) => {
            let segment = record + 1;
            return Err(Damage { segment, offset: SEGMENT as u64, record, kind }.into());
        }
        Found::End | Found::Torn => return Ok(Vouched::Stray),
    };
    let said = match Record::decode(&mut Cursor(group.payload)) {
        Some(Record::Base { record: said, digest }) if said == record => digest,
        _ => return Ok(Vouched::Stray),
    };
    match base {
        Some((state, at, digest)) if digest == said && at == chain && state.record == record => {
            Ok(Vouched::Base(Box::new(state), chain))
        }
        _ => Ok(Vouched::Broken),
    }
}

impl Replay {
    fn missing(&self, segment: u64) -> Damage {
        Damage { segment, offset: 0, record: self.state.record, kind: DamageKind::Missing }
    }

    /// Reads the segments before the base: nothing of them is applied, and all of it must hang
    /// together and end where the base begins.
    fn kept(&mut self, storage: &impl Storage, segments: &[u64]) -> Result<(), Error> {
        let Some(base) = self.base else { return Ok(()) };
        let mut known: Option<(u64, Chain)> = None;
        for &first in segments.iter().take_while(|&&first| first <= base) {
            let bytes = storage.read(&segment_name(first), 0)?;
            let (mut next, mut chain) = known.unwrap_or((first, frame::chain_before(&bytes)));
            let mut segment =
                Segment { first, len: 0, last_at: WallTime::UNIX_EPOCH, last_write: 0 };
            let mut found = match frame::read_header(&bytes, next, &chain) {
                Ok(()) => frame::read_group(&bytes, SEGMENT, next, &chain),
                Err(found) => found,
            };
            while let Found::Group(group) = found {
                segment.last_at = group.at;
                segment.last_write = group.offset as u64;
                segment.len = group.end() as u64;
                (next, chain) = (group.first + u64::from(group.count), group.chain);
                self.groups += 1;
                found = frame::read_group(&bytes, group.end(), next, &chain);
            }
            let kind = match found {
                Found::Damaged(kind) => Some(kind),
                Found::Torn => Some(DamageKind::Missing),
                _ => None,
            };
            if let Some(kind) = kind {
                let (offset, record) = (segment.len, next - 1);
                return Err(Damage { segment: first, offset, record, kind }.into());
            }
            known = Some((next, chain));
            self.segments.push(segment);
        }
        if known.is_some_and(|known| known != (base + 1, self.chain)) {
            return Err(self.missing(base).into());
        }
        Ok(())
    }

    fn segment(&mut self, storage: &impl Storage, first: u64, last: bool) -> Result<(), Error> {
        if first != self.state.record + 1 {
            return Err(self.missing(self.state.record + 1).into());
        }
        let bytes = storage.read(&segment_name(first), 0)?;
        let mut segment =
            Segment { first, len: 0, last_at: WallTime::UNIX_EPOCH, last_write: u64::MAX };
        let mut found = match frame::read_header(&bytes, first, &self.chain) {
            Ok(()) => {
                segment.len = SEGMENT as u64;
                self.next(&bytes, SEGMENT)
            }
            Err(found) => found,
        };
        while let Found::Group(group) = found {
            let end = group.end();
            self.group(&group).ok_or(Damage {
                segment: first,
                offset: group.offset as u64,
                record: self.state.record,
                kind: DamageKind::Record,
            })?;
            segment.last_write = if group.offset == SEGMENT { 0 } else { group.offset as u64 };
            segment.last_at = group.at;
            segment.len = end as u64;
            found = self.next(&bytes, end);
        }
        let damage =
            |kind| Damage { segment: first, offset: segment.len, record: self.state.record, kind };
        match found {
            Found::Damaged(kind) => return Err(damage(kind).into()),
            Found::Torn if !last => return Err(damage(DamageKind::Missing).into()),
            // A segment without a group is one that was never begun: its name must be free.
            Found::Torn | Found::End if segment.last_write == u64::MAX => {
                let bytes = bytes.len() as u64;
                self.torn = Some(Torn { segment: first, offset: 0, bytes });
                return Ok(());
            }
            Found::Torn => {
                let bytes = bytes.len() as u64 - segment.len;
                self.torn = Some(Torn { segment: first, offset: segment.len, bytes });
            }
            Found::End | Found::Group(_) => {}
        }
        self.segments.push(segment);
        Ok(())
    }

    fn next<'a>(&self, bytes: &'a [u8], offset: usize) -> Found<'a> {
        frame::read_group(bytes, offset, self.state.record + 1, &self.chain)
    }

    fn group(&mut self, group: &Group<'_>) -> Option<()> {
        apply(&mut self.state, group.payload, group.count)?;
        self.chain = group.chain;
        self.groups += 1;
        Some(())
    }
}

/// Takes the records of a group into `state`; the keys of its index are to be settled after it.
pub(super) fn apply(state: &mut State, payload: &[u8], count: u32) -> Option<()> {
    let mut cursor = Cursor(payload);
    for _ in 0..count {
        state.apply(Record::decode(&mut cursor)?)?;
    }
    cursor.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Memory;

    /// A fuzzer's: a log that did not begin with the width of its windows was opened; compacting it
    /// then left a base that nothing vouched for, and the segments before it were gone.
    #[test]
    fn a_log_begins_with_the_width_of_its_windows() {
        let log = |records: &[Record<'_>]| {
            let mut group = vec![0; frame::GROUP];
            for record in records {
                record.encode(&mut group);
            }
            let at = WallTime::from_unix_seconds(1_773_144_000);
            frame::seal(&mut group, 1, records.len() as u32, at, &[0; 32]);
            let mut storage = Memory::new();
            storage.append(&segment_name(1), &frame::segment_header(1, &[0; 32])).unwrap();
            storage.append(&segment_name(1), &group).unwrap();
            storage
        };
        let (window, horizon) = (Record::Window { width: 900_000 }, Record::Horizon { day: 544 });
        assert_eq!(replay(&log(&[window, horizon]), true).unwrap().state.record, 2);
        let damage =
            Damage { segment: 1, offset: SEGMENT as u64, record: 0, kind: DamageKind::Record };
        assert_eq!(replay(&log(&[horizon]), true).err(), Some(Error::Corrupt(damage)));
    }
}
