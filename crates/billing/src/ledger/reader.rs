use super::codec::Cursor;
use super::frame::{self, Chain, Found, SEGMENT};
use super::record::{EventRecord, Record};
use super::replay::segment_name;
use super::{Head, Ledger, Storage};
use crate::{
    Credit, Currency, Damage, DamageKind, Delta, Entry, Error, Event, Input, Money, Name, WallTime,
};

/// Goes through the inputs a ledger keeps, in the order it accepted them: for raw exports and
/// for forwarding to another ledger.
///
/// A reader holds no borrow of the ledger and can wait at its end for more to come.
#[derive(Debug)]
pub struct Reader {
    /// The first record of the group to read next.
    next: u64,
    /// Records before this one are passed over.
    wanted: u64,
    segment: u64,
    offset: u64,
    chain: Chain,
    ready: std::collections::VecDeque<Kept>,
    bytes: Vec<u8>,
    /// Where `bytes` begin in the segment.
    start: u64,
}

/// An input as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The number of its record.
    pub record: u64,
    /// When the ledger received it.
    pub received: WallTime,
    /// The input.
    pub input: Input,
}

impl Kept {
    /// What it says was used, for a raw export: an event as it is; of a delta each entry, as an
    /// event of its producer (`source`) whose `id` is `EPOCH-SEQUENCE-PLACE`; of anything else
    /// nothing.
    ///
    /// Recorded in an empty ledger these give the same figures, and recorded twice they still do.
    pub fn events(self) -> Vec<Event> {
        match self.input {
            Input::Event(event) => vec![event],
            Input::Delta(Delta { producer, epoch, sequence, entries }) => {
                let numbered = entries.into_iter().enumerate();
                let event = numbered.filter_map(|(place, entry)| {
                    Some(Event {
                        tenant: entry.tenant,
                        source: producer.clone(),
                        id: Name::new(&format!("{epoch}-{sequence}-{place}")).ok()?,
                        meter: entry.meter,
                        time: entry.time,
                        quantity: entry.quantity,
                        dimensions: entry.dimensions,
                        unique: None,
                    })
                });
                event.collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Reader {
    pub(super) fn new(wanted: u64) -> Self {
        let ready = std::collections::VecDeque::new();
        let (chain, bytes) = ([0; 32], Vec::new());
        Self { next: 0, wanted, segment: 0, offset: 0, chain, ready, bytes, start: 0 }
    }

    /// The number of the record up to which everything has been read.
    pub fn position(&self) -> u64 {
        match self.ready.front() {
            Some(kept) => kept.record - 1,
            None => self.next.max(self.wanted).saturating_sub(1),
        }
    }

    /// The next input, or `None` at the end of what is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] where the log cannot be read; [`Error::Corrupt`] where it is damaged,
    /// or, of kind [`DamageKind::Missing`], compacted away past the reader.
    pub fn next<S: Storage>(&mut self, ledger: &Ledger<S>) -> Result<Option<Kept>, Error> {
        while self.ready.is_empty() {
            if self.next > ledger.state.record || !self.group(ledger)? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front())
    }

    /// Reads one more group, whatever it holds; `false` at the end.
    pub(super) fn step<S: Storage>(&mut self, ledger: &Ledger<S>) -> Result<bool, Error> {
        self.ready.clear();
        if self.next > ledger.state.record {
            return Ok(false);
        }
        self.group(ledger)
    }

    /// The number of the last record of the groups read.
    pub(super) fn after(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The chain after the groups read.
    pub(super) fn head(&self) -> Head {
        Head { record: self.after(), chain: self.chain }
    }

    fn group<S: Storage>(&mut self, ledger: &Ledger<S>) -> Result<bool, Error> {
        if self.next == 0 && !self.seek(ledger)? {
            return Ok(false);
        }
        let damage = Damage {
            segment: self.segment,
            offset: self.offset,
            record: self.next - 1,
            kind: DamageKind::Missing,
        };
        let name = segment_name(self.segment);
        let durable = ledger.segments.iter().find(|segment| segment.first == self.segment);
        let Some(durable) = durable else { return Err(damage.into()) };
        if self.offset >= durable.len {
            // Every durable record before `next` is read, and there are more: the next segment.
            (self.segment, self.offset) = (self.next, SEGMENT as u64);
            self.start = u64::MAX;
            return Ok(ledger.segments.iter().any(|segment| segment.first == self.segment));
        }
        if self.start > self.offset || self.offset >= self.start + self.bytes.len() as u64 {
            self.bytes = ledger.storage.read(&name, self.offset)?;
            self.start = self.offset;
            // What a failed write left behind the durable groups will be other bytes soon.
            self.bytes.truncate((durable.len - self.offset) as usize);
        }
        let within = (self.offset - self.start) as usize;
        match frame::read_group(&self.bytes, within, self.next, &self.chain) {
            Found::Group(group) => {
                let mut cursor = Cursor(group.payload);
                for record in group.first..group.first + u64::from(group.count) {
                    let found = Record::decode(&mut cursor);
                    let found = found.ok_or(Damage { kind: DamageKind::Record, ..damage })?;
                    if record >= self.wanted
                        && let Some(input) = input(ledger, &found)
                    {
                        self.ready.push_back(Kept { record, received: group.at, input });
                    }
                }
                self.chain = group.chain;
                self.next = group.first + u64::from(group.count);
                self.offset = self.start + group.end() as u64;
                Ok(true)
            }
            Found::Damaged(kind) => Err(Damage { kind, ..damage }.into()),
            Found::End | Found::Torn => Err(damage.into()),
        }
    }

    /// Finds the segment with the wanted record; `false` where there is none yet.
    fn seek<S: Storage>(&mut self, ledger: &Ledger<S>) -> Result<bool, Error> {
        let place = ledger.segments.partition_point(|segment| segment.first <= self.wanted.max(1));
        let Some(segment) = place.checked_sub(1).and_then(|place| ledger.segments.get(place))
        else {
            return match ledger.segments.first() {
                None => Ok(false),
                Some(segment) => Err(Damage {
                    segment: segment.first,
                    offset: 0,
                    record: self.wanted.saturating_sub(1),
                    kind: DamageKind::Missing,
                }
                .into()),
            };
        };
        self.bytes = ledger.storage.read(&segment_name(segment.first), 0)?;
        self.bytes.truncate(segment.len as usize);
        self.start = 0;
        (self.segment, self.next, self.offset) = (segment.first, segment.first, SEGMENT as u64);
        self.chain = frame::chain_before(&self.bytes);
        Ok(true)
    }
}

/// What was handed in for `record`, where it was something handed in.
fn input<S: Storage>(ledger: &Ledger<S>, record: &Record<'_>) -> Option<Input> {
    let state = &ledger.state;
    let name = |number| state.names.value(number).cloned();
    Some(match *record {
        Record::Event(EventRecord {
            tenant,
            meter,
            dimensions,
            time,
            quantity,
            source,
            id,
            unique,
            ..
        }) => Input::Event(Event {
            tenant: name(tenant)?,
            source: Name::new(source).ok()?,
            id: Name::new(id).ok()?,
            meter: name(meter)?,
            time: WallTime::from_unix_millis(time),
            quantity,
            dimensions: state.dimensions.value(dimensions)?.clone(),
            unique: unique.and_then(|text| Name::new(text).ok()),
        }),
        Record::Delta { producer, epoch, sequence, entries } => {
            let entries = entries.iter().map(|entry| {
                Some(Entry {
                    tenant: name(entry.tenant)?,
                    meter: name(entry.meter)?,
                    dimensions: state.dimensions.value(entry.dimensions)?.clone(),
                    time: WallTime::from_unix_millis(entry.time),
                    quantity: entry.quantity,
                })
            });
            let entries = entries.collect::<Option<_>>()?;
            Input::Delta(Delta { producer: name(producer)?, epoch, sequence, entries })
        }
        Record::Credit(credit) => Input::Credit(Credit {
            tenant: name(credit.tenant)?,
            source: Name::new(credit.source).ok()?,
            id: Name::new(credit.id).ok()?,
            amount: Money::new(
                credit.amount,
                Currency::new(std::str::from_utf8(&credit.currency).ok()?).ok()?,
            ),
        }),
        Record::Release { held, .. } => Input::Release(held),
        _ => return None,
    })
}
