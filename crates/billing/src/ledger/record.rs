//! The records of the log. Names, dimension sets and meters are written once and then referred
//! to by number, in the order they were written.

use super::code::{aggregation_code, aggregation_from, reason_code, reason_from};
use super::codec::{Cursor, put_number, put_signed, put_text, put_words};
use super::lists::{Entries, Pairs};
use crate::{Aggregation, Held, Reason};

/// One record, borrowing its texts from the group it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// The width of the windows, in milliseconds; the first record of every ledger.
    Window { width: u64 },
    /// A name; its number is how many came before.
    Name { text: &'a str },
    /// A dimension set of names; its number is how many came before, plus one.
    Dimensions { pairs: Pairs<'a> },
    /// What a meter means, before its first use.
    Meter { name: u32, unit: &'a str, aggregation: Aggregation },
    /// One usage event.
    Event(EventRecord<'a>),
    /// What a producer counted.
    Delta { producer: u32, epoch: u64, sequence: u64, entries: Entries<'a> },
    /// A quarantined item is counted after all, with these dimensions.
    Release { held: Held, dimensions: u32 },
    /// Prepaid or granted money.
    Credit(CreditRecord<'a>),
    /// Idempotency keys of events before this day are forgotten.
    Horizon { day: u16 },
    /// A base holds everything up to and including `record`.
    Base { record: u64, digest: [u8; 32] },
    /// A period was closed.
    Statement { tenant: u32, from: i64, to: i64, used: i64, text: &'a str },
    /// Something to tell a tenant, once.
    Notice { tenant: u32, key: [u64; 2], at: i64, kind: &'a str, id: &'a str, body: &'a str },
    /// A notice arrived, or was given up.
    Settled { notice: u64 },
    /// Everything up to and including `record` has reached the ledger called `target`.
    Forwarded { target: u32, record: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventRecord<'a> {
    pub(super) tenant: u32,
    pub(super) meter: u32,
    pub(super) dimensions: u32,
    pub(super) key: [u64; 2],
    pub(super) content: u64,
    pub(super) time: i64,
    pub(super) quantity: u64,
    pub(super) source: &'a str,
    pub(super) id: &'a str,
    pub(super) unique: Option<&'a str>,
    pub(super) reason: Option<Reason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CreditRecord<'a> {
    pub(super) tenant: u32,
    pub(super) key: [u64; 2],
    pub(super) content: u64,
    pub(super) amount: i64,
    pub(super) currency: [u8; 3],
    pub(super) source: &'a str,
    pub(super) id: &'a str,
}

const WINDOW: u8 = 1;
const NAME: u8 = 2;
const DIMENSIONS: u8 = 3;
const METER: u8 = 4;
const EVENT: u8 = 5;
const DELTA: u8 = 6;
const RELEASE: u8 = 7;
const CREDIT: u8 = 8;
const HORIZON: u8 = 9;
const BASE: u8 = 10;
const STATEMENT: u8 = 11;
const NOTICE: u8 = 12;
const SETTLED: u8 = 13;
const FORWARDED: u8 = 14;

fn put_held(out: &mut Vec<u8>, held: Held) {
    put_number(out, held.record);
    put_number(out, u64::from(held.entry));
}

impl<'a> Record<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Window { width } => {
                out.push(WINDOW);
                put_number(out, width);
            }
            Self::Name { text } => {
                out.push(NAME);
                put_text(out, text);
            }
            Self::Dimensions { pairs } => {
                out.push(DIMENSIONS);
                pairs.put(out);
            }
            Self::Meter { name, unit, aggregation } => {
                out.push(METER);
                put_number(out, u64::from(name));
                put_text(out, unit);
                out.push(aggregation_code(aggregation));
            }
            Self::Event(event) => {
                out.push(EVENT);
                out.push(reason_code(event.reason));
                for number in [event.tenant, event.meter, event.dimensions] {
                    put_number(out, u64::from(number));
                }
                put_words(out, &event.key);
                put_number(out, event.content);
                put_signed(out, event.time);
                put_number(out, event.quantity);
                put_text(out, event.source);
                put_text(out, event.id);
                // A name is never empty, so an empty text stands for none.
                put_text(out, event.unique.unwrap_or_default());
            }
            Self::Delta { producer, epoch, sequence, entries } => {
                out.push(DELTA);
                put_number(out, u64::from(producer));
                put_number(out, epoch);
                put_number(out, sequence);
                entries.put(out);
            }
            Self::Release { held, dimensions } => {
                out.push(RELEASE);
                put_held(out, held);
                put_number(out, u64::from(dimensions));
            }
            Self::Credit(credit) => {
                out.push(CREDIT);
                put_number(out, u64::from(credit.tenant));
                put_words(out, &credit.key);
                put_number(out, credit.content);
                put_signed(out, credit.amount);
                out.extend_from_slice(&credit.currency);
                put_text(out, credit.source);
                put_text(out, credit.id);
            }
            Self::Horizon { day } => {
                out.push(HORIZON);
                put_number(out, u64::from(day));
            }
            Self::Base { record, digest } => {
                out.push(BASE);
                put_number(out, record);
                out.extend_from_slice(&digest);
            }
            Self::Statement { tenant, from, to, used, text } => {
                out.push(STATEMENT);
                put_number(out, u64::from(tenant));
                put_signed(out, from);
                put_signed(out, to);
                put_signed(out, used);
                put_text(out, text);
            }
            Self::Notice { tenant, key, at, kind, id, body } => {
                out.push(NOTICE);
                put_number(out, u64::from(tenant));
                put_words(out, &key);
                put_signed(out, at);
                put_text(out, kind);
                put_text(out, id);
                put_text(out, body);
            }
            Self::Settled { notice } => {
                out.push(SETTLED);
                put_number(out, notice);
            }
            Self::Forwarded { target, record } => {
                out.push(FORWARDED);
                put_number(out, u64::from(target));
                put_number(out, record);
            }
        }
    }

    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(match cursor.byte()? {
            WINDOW => Self::Window { width: cursor.number()? },
            NAME => Self::Name { text: cursor.text()? },
            DIMENSIONS => Self::Dimensions { pairs: Pairs::read(cursor)? },
            METER => Self::Meter {
                name: cursor.small()?,
                unit: cursor.text()?,
                aggregation: aggregation_from(cursor.byte()?)?,
            },
            EVENT => Self::Event(EventRecord {
                reason: reason_from(cursor.byte()?).ok()?,
                tenant: cursor.small()?,
                meter: cursor.small()?,
                dimensions: cursor.small()?,
                key: [cursor.word()?, cursor.word()?],
                content: cursor.number()?,
                time: cursor.signed()?,
                quantity: cursor.number()?,
                source: cursor.text()?,
                id: cursor.text()?,
                unique: Some(cursor.text()?).filter(|text| !text.is_empty()),
            }),
            DELTA => Self::Delta {
                producer: cursor.small()?,
                epoch: cursor.number()?,
                sequence: cursor.number()?,
                entries: Entries::read(cursor)?,
            },
            RELEASE => {
                let held = Held { record: cursor.number()?, entry: cursor.small()? };
                Self::Release { held, dimensions: cursor.small()? }
            }
            CREDIT => Self::Credit(CreditRecord {
                tenant: cursor.small()?,
                key: [cursor.word()?, cursor.word()?],
                content: cursor.number()?,
                amount: cursor.signed()?,
                currency: cursor.array()?,
                source: cursor.text()?,
                id: cursor.text()?,
            }),
            HORIZON => Self::Horizon { day: cursor.number()?.try_into().ok()? },
            BASE => Self::Base { record: cursor.number()?, digest: cursor.array()? },
            STATEMENT => Self::Statement {
                tenant: cursor.small()?,
                from: cursor.signed()?,
                to: cursor.signed()?,
                used: cursor.signed()?,
                text: cursor.text()?,
            },
            NOTICE => Self::Notice {
                tenant: cursor.small()?,
                key: [cursor.word()?, cursor.word()?],
                at: cursor.signed()?,
                kind: cursor.text()?,
                id: cursor.text()?,
                body: cursor.text()?,
            },
            SETTLED => Self::Settled { notice: cursor.number()? },
            FORWARDED => Self::Forwarded { target: cursor.small()?, record: cursor.number()? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lists::EntryRecord;
    use super::*;

    fn round(record: Record<'_>) {
        let mut out = Vec::new();
        record.encode(&mut out);
        let mut cursor = Cursor(&out);
        assert_eq!(Record::decode(&mut cursor), Some(record));
        assert!(cursor.is_empty());
        for cut in 0..out.len() {
            assert_eq!(Record::decode(&mut Cursor(&out[..cut])), None, "cut at {cut}");
        }
    }

    #[test]
    fn every_record_comes_back_and_none_from_a_part_of_it() {
        let mut bytes = Vec::new();
        for reason in [None, Some(Reason::Late), Some(Reason::Cardinality)] {
            EntryRecord { tenant: 1, meter: 2, dimensions: 300, time: -5, quantity: 9, reason }
                .encode(&mut bytes);
        }
        let entries = Entries::new(3, &bytes);
        assert_eq!(entries.iter().count(), 3);
        round(Record::Delta { producer: 1, epoch: u64::MAX, sequence: 2, entries });
        round(Record::Window { width: 900_000 });
        round(Record::Name { text: "näme" });
        round(Record::Dimensions { pairs: Pairs::new(2, &[1, 2, 3, 4]) });
        round(Record::Meter { name: 4, unit: "ms", aggregation: Aggregation::Unique });
        let event = EventRecord {
            tenant: 1,
            meter: 2,
            dimensions: 0,
            key: [u64::MAX, 1],
            content: 77,
            time: i64::MIN,
            quantity: u64::MAX,
            source: "s",
            id: "i",
            unique: Some("u"),
            reason: Some(Reason::Early),
        };
        round(Record::Event(event));
        round(Record::Event(EventRecord { unique: None, reason: None, ..event }));
        round(Record::Release { held: Held { record: 9, entry: 1 }, dimensions: 7 });
        round(Record::Credit(CreditRecord {
            tenant: 1,
            key: [3, 4],
            content: 5,
            amount: -6,
            currency: *b"USD",
            source: "s",
            id: "i",
        }));
        round(Record::Horizon { day: u16::MAX });
        round(Record::Base { record: 8, digest: [7; 32] });
        round(Record::Statement { tenant: 1, from: -1, to: 1, used: 5, text: "{}" });
        round(Record::Notice { tenant: 1, key: [1, 2], at: 3, kind: "k", id: "i", body: "b" });
        round(Record::Settled { notice: 3 });
        round(Record::Forwarded { target: 3, record: 4 });
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes: Vec<u8>) {
            let mut cursor = Cursor(&bytes);
            while let Some(record) = Record::decode(&mut cursor) {
                let mut out = Vec::new();
                record.encode(&mut out);
                prop_assert_eq!(Record::decode(&mut Cursor(&out)), Some(record));
            }
        }
    }
}
