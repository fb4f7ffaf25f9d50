//! A base: everything a ledger knows at some record, so that the log before it may go.
//!
//! The bytes are the same for the same state, which is also how a rebuilt ledger is compared
//! with a live one. They end with the SHA-256 of what is before; the record after a base in the
//! log repeats that digest, so a base is as hard to forge as the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::aggregate::{Cells, Figure, Use};
use super::code::{aggregation_code, aggregation_from, reason_code, reason_from};
use super::codec::{Cursor, put_number, put_signed, put_text, put_wide, put_words};
use super::frame::Chain;
use super::index::Index;
use super::state::{Closed, Item, State, Tenant, Totals, Waiting};
use crate::event::CONTENT;
use crate::{Aggregation, Currency, Dimensions, Held, Name};

const MAGIC: &[u8; 8] = b"AIRBASE\x01";
const ALL: Range<i64> = i64::MIN..i64::MAX;

/// Writes the state, and the chain after its last record, with the digest at the end.
pub(super) fn encode(state: &State, chain: &Chain) -> (Vec<u8>, [u8; 32]) {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(chain);
    put_number(&mut out, state.record);
    put_signed(&mut out, state.window);
    put_number(&mut out, u64::from(state.horizon));
    for total in [state.totals.accepted, state.totals.counted, state.totals.quarantined] {
        put_number(&mut out, total);
    }
    put_number(&mut out, u64::from(state.names.len()));
    for name in state.names.values() {
        put_text(&mut out, name.as_str());
    }
    put_number(&mut out, u64::from(state.dimensions.len()));
    for set in state.dimensions.values() {
        put_number(&mut out, set.iter().len() as u64);
        for (key, value) in set.iter() {
            put_text(&mut out, key.as_str());
            put_text(&mut out, value.as_str());
        }
    }
    let meters: BTreeMap<_, _> = state.meters.iter().collect();
    put_number(&mut out, meters.len() as u64);
    for (&number, (unit, aggregation)) in meters {
        put_number(&mut out, u64::from(number));
        put_text(&mut out, unit.as_str());
        out.push(aggregation_code(*aggregation));
    }
    let series: BTreeMap<_, _> = state.series.iter().collect();
    put_number(&mut out, series.len() as u64);
    for (&(tenant, meter, dimensions), cells) in series {
        for number in [tenant, meter, dimensions] {
            put_number(&mut out, u64::from(number));
        }
        encode_cells(&mut out, cells);
    }
    put_number(&mut out, state.tenants.len() as u64);
    for (&number, tenant) in &state.tenants {
        put_number(&mut out, u64::from(number));
        encode_tenant(&mut out, tenant);
    }
    put_number(&mut out, state.producers.len() as u64);
    for (&producer, marks) in &state.producers {
        put_number(&mut out, u64::from(producer));
        put_number(&mut out, marks.len() as u64);
        for (&epoch, &sequence) in marks {
            put_number(&mut out, epoch);
            put_number(&mut out, sequence);
        }
    }
    put_number(&mut out, state.quarantine.len() as u64);
    for (held, item) in &state.quarantine {
        put_number(&mut out, held.record);
        put_number(&mut out, u64::from(held.entry));
        for number in [item.series.0, item.series.1, item.series.2] {
            put_number(&mut out, u64::from(number));
        }
        put_signed(&mut out, item.used.time);
        put_number(&mut out, item.used.quantity);
        put_words(&mut out, &[item.used.unique]);
        out.push(reason_code(Some(item.reason)));
    }
    put_number(&mut out, state.notices.len() as u64);
    for (&number, notice) in &state.notices {
        put_number(&mut out, number);
        put_number(&mut out, u64::from(notice.tenant));
        put_signed(&mut out, notice.at);
        put_text(&mut out, notice.kind.as_str());
        put_text(&mut out, notice.id.as_str());
        put_text(&mut out, &notice.body);
    }
    put_number(&mut out, state.forwarded.len() as u64);
    for (&target, &record) in &state.forwarded {
        put_number(&mut out, u64::from(target));
        put_number(&mut out, record);
    }
    put_number(&mut out, state.index.len() as u64);
    for entry in state.index.sorted() {
        put_words(&mut out, &entry);
    }
    let digest: [u8; 32] = Sha256::digest(&out).into();
    out.extend_from_slice(&digest);
    (out, digest)
}

fn encode_cells(out: &mut Vec<u8>, cells: &Cells) {
    let (aggregation, mut count) = match cells {
        Cells::Sum(_) => (Aggregation::Sum, 0),
        Cells::Max(_) => (Aggregation::Max, 0),
        Cells::Last(_) => (Aggregation::Last, 0),
        Cells::Unique(_) => (Aggregation::Unique, 0),
    };
    cells.each(&ALL, |_, _| count += 1);
    out.push(aggregation_code(aggregation));
    put_number(out, count);
    cells.each(&ALL, |window, figure| {
        put_signed(out, window);
        match figure {
            Figure::Sum(sum) => put_wide(out, sum),
            Figure::Max(max) => put_number(out, max),
            Figure::Last((time, quantity)) => {
                put_signed(out, time);
                put_number(out, quantity);
            }
            Figure::Unique(values) => {
                put_number(out, values.len() as u64);
                for &value in values {
                    put_words(out, &[value]);
                }
            }
        }
    });
}

fn encode_tenant(out: &mut Vec<u8>, tenant: &Tenant) {
    put_signed(out, tenant.balance);
    put_text(out, tenant.currency.as_ref().map_or("", Currency::code));
    put_number(out, tenant.meters.len() as u64);
    for (&meter, sets) in &tenant.meters {
        put_number(out, u64::from(meter));
        put_number(out, sets.len() as u64);
        for &set in sets {
            put_number(out, u64::from(set));
        }
    }
    put_number(out, tenant.closed.len() as u64);
    for closed in &tenant.closed {
        put_signed(out, closed.from);
        put_signed(out, closed.to);
        put_text(out, &closed.text);
        out.push(u8::from(closed.changed));
    }
}

/// Reads what [`encode`] wrote, with its digest; `None` where a byte of it is not what it was.
pub(super) fn decode(bytes: &[u8]) -> Option<(State, Chain, [u8; 32])> {
    let (content, digest) = bytes.split_last_chunk::<32>()?;
    if *digest != <[u8; 32]>::from(Sha256::digest(content)) {
        return None;
    }
    let mut cursor = Cursor(content);
    let cursor = &mut cursor;
    if cursor.bytes(MAGIC.len())? != MAGIC {
        return None;
    }
    let chain = cursor.array()?;
    let mut state =
        State { record: cursor.number()?, window: cursor.signed()?, ..State::default() };
    state.horizon = cursor.number()?.try_into().ok()?;
    state.totals = Totals {
        accepted: cursor.number()?,
        counted: cursor.number()?,
        quarantined: cursor.number()?,
    };
    for _ in 0..cursor.number()? {
        state.names.add(Name::new(cursor.text()?).ok()?)?;
    }
    for place in 0..cursor.number()? {
        let mut pairs = Vec::new();
        for _ in 0..cursor.number()? {
            pairs.push((cursor.text()?, cursor.text()?));
        }
        // The empty set is always there.
        if place > 0 {
            state.dimensions.add(Dimensions::new(pairs).ok()?)?;
        }
    }
    for _ in 0..cursor.number()? {
        let number = cursor.small()?;
        let unit = Name::new(cursor.text()?).ok()?;
        state.meters.insert(number, (unit, aggregation_from(cursor.byte()?)?));
    }
    for _ in 0..cursor.number()? {
        let key = (cursor.small()?, cursor.small()?, cursor.small()?);
        state.series.insert(key, decode_cells(cursor)?);
    }
    for _ in 0..cursor.number()? {
        let number = cursor.small()?;
        state.tenants.insert(number, decode_tenant(cursor)?);
    }
    for _ in 0..cursor.number()? {
        let producer = cursor.small()?;
        let marks = state.producers.entry(producer).or_default();
        for _ in 0..cursor.number()? {
            marks.insert(cursor.number()?, cursor.number()?);
        }
    }
    for _ in 0..cursor.number()? {
        let held = Held { record: cursor.number()?, entry: cursor.small()? };
        let series = (cursor.small()?, cursor.small()?, cursor.small()?);
        let used =
            Use { time: cursor.signed()?, quantity: cursor.number()?, unique: cursor.word()? };
        let reason = reason_from(cursor.byte()?).ok()??;
        state.quarantine.insert(held, Item { series, used, reason });
    }
    for _ in 0..cursor.number()? {
        let number = cursor.number()?;
        let notice = Waiting {
            tenant: cursor.small()?,
            at: cursor.signed()?,
            kind: Name::new(cursor.text()?).ok()?,
            id: Name::new(cursor.text()?).ok()?,
            body: cursor.text()?.into(),
        };
        state.notices.insert(number, notice);
    }
    for _ in 0..cursor.number()? {
        state.forwarded.insert(cursor.small()?, cursor.number()?);
    }
    state.index = decode_index(cursor)?;
    let Totals { accepted, counted, quarantined } = state.totals;
    if state.window <= 0
        || counted.checked_add(quarantined) != Some(accepted)
        || quarantined != state.quarantine.len() as u64
    {
        return None;
    }
    cursor.is_empty().then_some((state, chain, *digest))
}

fn decode_index(cursor: &mut Cursor<'_>) -> Option<Index> {
    let mut index = Index::default();
    for _ in 0..cursor.number()? {
        let (key, word) = ([cursor.word()?, cursor.word()?], cursor.word()?);
        index.insert(key, word & CONTENT, (word >> 48) as u16);
    }
    index.settle();
    Some(index)
}

fn decode_cells(cursor: &mut Cursor<'_>) -> Option<Cells> {
    let mut cells = Cells::new(aggregation_from(cursor.byte()?)?);
    for _ in 0..cursor.number()? {
        let window = cursor.signed()?;
        match &mut cells {
            Cells::Sum(cells) => {
                let sum = cursor.wide()?;
                cells.change(window, |cell| *cell = sum);
            }
            Cells::Max(cells) => {
                let max = cursor.number()?;
                cells.change(window, |cell| *cell = max);
            }
            Cells::Last(cells) => {
                let last = (cursor.signed()?, cursor.number()?);
                cells.change(window, |cell| *cell = last);
            }
            Cells::Unique(cells) => {
                let mut values = BTreeSet::new();
                for _ in 0..cursor.number()? {
                    values.insert(cursor.word()?);
                }
                cells.change(window, |cell| *cell = values);
            }
        }
    }
    Some(cells)
}

fn decode_tenant(cursor: &mut Cursor<'_>) -> Option<Tenant> {
    let balance = cursor.signed()?;
    let currency = match cursor.text()? {
        "" => None,
        code => Some(Currency::new(code).ok()?),
    };
    let mut tenant = Tenant { balance, currency, ..Tenant::default() };
    for _ in 0..cursor.number()? {
        let sets = tenant.meters.entry(cursor.small()?).or_default();
        for _ in 0..cursor.number()? {
            sets.push(cursor.small()?);
        }
    }
    for _ in 0..cursor.number()? {
        tenant.closed.push(Closed {
            from: cursor.signed()?,
            to: cursor.signed()?,
            text: cursor.text()?.into(),
            changed: cursor.byte()? == 1,
        });
    }
    Some(tenant)
}
