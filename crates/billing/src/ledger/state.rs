use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::aggregate::{Cells, Use};
use super::hash::ByNumber;
use super::index::{Index, day};
use super::record::{CreditRecord, EventRecord, Record};
use crate::event::Fields;
use crate::{Aggregation, Currency, Dimensions, Held, Meter, Name, Reason, WallTime};

/// How many lives of one producer have a high-water mark.
pub(super) const EPOCHS: usize = 16;

/// Everything a ledger knows, made of the records of its log and nothing else.
///
/// [`State::apply`] is the only way in, for records just written and for records read back, so
/// that a ledger rebuilt from its log is the ledger.
#[derive(Debug)]
pub(super) struct State {
    /// The number of the last record applied.
    pub(super) record: u64,
    /// Milliseconds; 0 before the first record.
    pub(super) window: i64,
    pub(super) names: Table<Name>,
    pub(super) dimensions: Table<Dimensions>,
    pub(super) meters: ByNumber<u32, (Name, Aggregation)>,
    pub(super) series: ByNumber<SeriesKey, Cells>,
    pub(super) tenants: BTreeMap<u32, Tenant>,
    pub(super) index: Index,
    pub(super) producers: BTreeMap<u32, BTreeMap<u64, u64>>,
    pub(super) quarantine: BTreeMap<Held, Item>,
    pub(super) totals: Totals,
    /// Keys of events before this day are forgotten.
    pub(super) horizon: u16,
    pub(super) notices: BTreeMap<u64, Waiting>,
    pub(super) forwarded: BTreeMap<u32, u64>,
}

/// Tenant, meter and dimension set.
pub(super) type SeriesKey = (u32, u32, u32);

/// Values that are written once and then go by number.
#[derive(Debug)]
pub(super) struct Table<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

/// What a ledger has taken in, in items: an event is one, each entry of a delta is one.
///
/// `accepted` is `counted + quarantined`, always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Items accepted.
    pub accepted: u64,
    /// Items counted, at once or by release.
    pub counted: u64,
    /// Items held back at present.
    pub quarantined: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, counted, quarantined } = self;
        write!(f, "accepted {accepted} = counted {counted} + quarantined {quarantined}")
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tenant {
    /// The dimension sets of each meter.
    pub(super) meters: BTreeMap<u32, Vec<u32>>,
    /// What credit is left, in minor units of `currency`; never negative.
    pub(super) balance: i64,
    pub(super) currency: Option<Currency>,
    /// Closed periods, in order.
    pub(super) closed: Vec<Closed>,
}

/// A period that was closed, with its statement as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) text: Arc<str>,
    /// Usage was counted in it after the tenant's latest statement.
    pub(super) changed: bool,
}

/// A quarantined item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) series: SeriesKey,
    pub(super) used: Use,
    pub(super) reason: Reason,
}

/// A notice that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) tenant: u32,
    pub(super) at: i64,
    pub(super) kind: Name,
    pub(super) id: Name,
    pub(super) body: Arc<str>,
}

impl PartialEq for Use {
    fn eq(&self, other: &Self) -> bool {
        (self.time, self.quantity, self.unique) == (other.time, other.quantity, other.unique)
    }
}

impl Eq for Use {}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn new() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }

    pub(super) fn len(&self) -> u32 {
        self.values.len() as u32
    }

    pub(super) fn number(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    pub(super) fn value(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    pub(super) fn values(&self) -> &[T] {
        &self.values
    }

    /// Adds a value that is not there yet.
    pub(super) fn add(&mut self, value: T) -> Option<()> {
        let number = u32::try_from(self.values.len()).ok()?;
        let known = self.numbers.insert(value.clone(), number);
        self.values.push(value);
        known.is_none().then_some(())
    }
}

/// What a unique meter keeps of a value: 64 bits of its hash.
pub(super) fn unique_hash(unique: Option<&str>) -> u64 {
    unique.map_or(0, |text| Fields::new("unique").text(text).finish()[0])
}

impl Default for State {
    fn default() -> Self {
        let mut dimensions = Table::new();
        // The empty set is number 0 and never written.
        let _ = dimensions.add(Dimensions::default());
        Self {
            record: 0,
            window: 0,
            names: Table::new(),
            dimensions,
            meters: ByNumber::default(),
            series: ByNumber::default(),
            tenants: BTreeMap::new(),
            index: Index::default(),
            producers: BTreeMap::new(),
            quarantine: BTreeMap::new(),
            totals: Totals::default(),
            horizon: 0,
            notices: BTreeMap::new(),
            forwarded: BTreeMap::new(),
        }
    }
}

impl State {
    /// Whether usage was counted by another meaning of a meter.
    pub(super) fn contradicts(&self, meter: &Meter) -> bool {
        let known = self.names.number(meter.name()).and_then(|number| self.meters.get(&number));
        known.is_some_and(|(unit, aggregation)| {
            (unit, *aggregation) != (meter.unit(), meter.aggregation())
        })
    }

    /// Takes in the next record; `None` where it refers to something that is not there.
    pub(super) fn apply(&mut self, record: Record<'_>) -> Option<()> {
        // Every log begins with it. Where it were missing, the next group would say it before what
        // it is written for, and a base would not be found behind it.
        if self.window == 0 && !matches!(record, Record::Window { .. }) {
            return None;
        }
        self.record += 1;
        match record {
            Record::Window { width } => {
                self.window = i64::try_from(width).ok().filter(|&width| width > 0)?;
            }
            Record::Name { text } => self.names.add(Name::new(text).ok()?)?,
            Record::Dimensions { pairs } => {
                let mut texts = Vec::new();
                for (key, value) in pairs.iter() {
                    let (key, value) = (self.names.value(key)?, self.names.value(value)?);
                    texts.push((key.as_str(), value.as_str()));
                }
                let set = Dimensions::new(texts).ok()?;
                self.dimensions.add(set)?;
            }
            Record::Meter { name, unit, aggregation } => {
                self.names.value(name)?;
                self.meters.insert(name, (Name::new(unit).ok()?, aggregation));
            }
            Record::Event(event) => self.event(event)?,
            Record::Delta { producer, epoch, sequence, entries } => {
                self.names.value(producer)?;
                for (place, entry) in (0u32..).zip(entries.iter()) {
                    let series = (entry.tenant, entry.meter, entry.dimensions);
                    let used = Use { time: entry.time, quantity: entry.quantity, unique: 0 };
                    let held = Held { record: self.record, entry: place };
                    self.accept(held, series, used, entry.reason)?;
                }
                let marks = self.producers.entry(producer).or_default();
                marks.insert(epoch, sequence);
                while marks.len() > EPOCHS {
                    marks.pop_first();
                }
            }
            Record::Release { held, dimensions } => {
                let item = self.quarantine.remove(&held)?;
                self.totals.quarantined -= 1;
                self.totals.counted += 1;
                let (tenant, meter, _) = item.series;
                self.count((tenant, meter, dimensions), item.used)?;
            }
            Record::Credit(credit) => self.credit(credit)?,
            Record::Horizon { day } => {
                self.horizon = self.horizon.max(day);
                self.index.forget(self.horizon);
            }
            Record::Base { .. } => {}
            Record::Statement { tenant, from, to, used, text } => {
                let tenant = self.tenant(tenant)?;
                tenant.balance = tenant.balance.checked_sub(used).filter(|left| *left >= 0)?;
                for closed in &mut tenant.closed {
                    closed.changed = false;
                }
                tenant.closed.push(Closed { from, to, text: text.into(), changed: false });
            }
            Record::Notice { tenant, key, at, kind, id, body } => {
                self.names.value(tenant)?;
                self.index.insert(key, 0, u16::MAX);
                let (kind, id) = (Name::new(kind).ok()?, Name::new(id).ok()?);
                let notice = Waiting { tenant, at, kind, id, body: body.into() };
                self.notices.insert(self.record, notice);
            }
            Record::Settled { notice } => self.notices.remove(&notice).map(drop)?,
            Record::Forwarded { target, record } => {
                self.names.value(target)?;
                let mark = self.forwarded.entry(target).or_default();
                *mark = record.max(*mark);
            }
        }
        Some(())
    }

    fn event(&mut self, event: EventRecord<'_>) -> Option<()> {
        let time = WallTime::from_unix_millis(event.time);
        self.index.insert(event.key, event.content, day(time));
        let used =
            Use { time: event.time, quantity: event.quantity, unique: unique_hash(event.unique) };
        let held = Held { record: self.record, entry: 0 };
        self.accept(held, (event.tenant, event.meter, event.dimensions), used, event.reason)
    }

    fn accept(
        &mut self,
        held: Held,
        series: SeriesKey,
        used: Use,
        reason: Option<Reason>,
    ) -> Option<()> {
        self.totals.accepted += 1;
        self.tenant(series.0)?;
        match reason {
            None => {
                self.totals.counted += 1;
                self.count(series, used)
            }
            Some(reason) => {
                self.totals.quarantined += 1;
                self.dimensions.value(series.2)?;
                self.quarantine.insert(held, Item { series, used, reason });
                Some(())
            }
        }
    }

    fn count(&mut self, series: SeriesKey, used: Use) -> Option<()> {
        let (number, meter, dimensions) = series;
        let aggregation = self.meters.get(&meter)?.1;
        let window = used.time.checked_div_euclid(self.window)?;
        if let Some(cells) = self.series.get_mut(&series) {
            cells.add(window, used);
        } else {
            self.dimensions.value(dimensions)?;
            let mut cells = Cells::new(aggregation);
            cells.add(window, used);
            self.series.insert(series, cells);
            self.tenant(number)?.meters.entry(meter).or_default().push(dimensions);
        }
        let closed = &mut self.tenant(number)?.closed;
        if closed.last().is_some_and(|last| used.time < last.to) {
            let place = closed.partition_point(|closed| closed.to <= used.time);
            if let Some(closed) = closed.get_mut(place).filter(|closed| closed.from <= used.time) {
                closed.changed = true;
            }
        }
        Some(())
    }

    fn credit(&mut self, credit: CreditRecord<'_>) -> Option<()> {
        let currency = Currency::new(std::str::from_utf8(&credit.currency).ok()?).ok()?;
        self.index.insert(credit.key, credit.content, u16::MAX);
        let tenant = self.tenant(credit.tenant)?;
        if tenant.currency.is_some_and(|known| known != currency) || credit.amount <= 0 {
            return None;
        }
        tenant.currency = Some(currency);
        tenant.balance = tenant.balance.checked_add(credit.amount)?;
        Some(())
    }

    fn tenant(&mut self, number: u32) -> Option<&mut Tenant> {
        self.names.value(number)?;
        Some(self.tenants.entry(number).or_default())
    }
}
