use std::collections::{HashMap, HashSet};

use super::aggregate::Use;
use super::codec::put_number;
use super::frame;
use super::hash::{ByKey, ByNumber, Key, Numbers};
use super::index::day;
use super::record::{CreditRecord, Entries, EntryRecord, EventRecord, Pairs, Record};
use super::state::{EPOCHS, SeriesKey, State, unique_hash};
use crate::event::{CONTENT, Fields, Identity};
use crate::{
    Aggregation, Catalogue, Config, Credit, Currency, Delta, Dimensions, Entry, Event, Held, Input,
    Meter, Name, Notice, Outcome, Reason, Refusal, WallTime,
};

/// Inputs whose keys are looked up together.
const AHEAD: usize = 32;

/// The number of the empty dimension set, for which there is always room.
const NONE: u32 = 0;

/// The longest notice, in bytes.
const NOTICE: usize = 64 << 10;

/// Records on their way into the log, judged against the state and against each other.
///
/// The state itself changes only once the group is on disk, by reading these very records back.
pub(super) struct Group<'a> {
    state: &'a State,
    config: &'a Config,
    catalogue: &'a Catalogue,
    now: WallTime,
    /// Room for the header, then the records.
    bytes: Vec<u8>,
    count: u32,
    scratch: Vec<u8>,
    names: HashMap<Name, u32>,
    dimensions: HashMap<Dimensions, u32>,
    meters: ByNumber<u32, Aggregation>,
    tenants: Numbers<u32>,
    series: Numbers<SeriesKey>,
    widths: ByNumber<(u32, u32), usize>,
    uniques: HashMap<(SeriesKey, i64), HashSet<u64>>,
    keys: ByKey<u64>,
    marks: ByNumber<(u32, u64), u64>,
    producers: Numbers<u32>,
    released: HashSet<Held>,
    quarantined: usize,
    notices: usize,
    settled: HashSet<u64>,
    currencies: ByNumber<u32, Currency>,
    granted: ByNumber<u32, i64>,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        state: &'a State,
        config: &'a Config,
        catalogue: &'a Catalogue,
        now: WallTime,
    ) -> Self {
        let mut group = Self {
            state,
            config,
            catalogue,
            now,
            bytes: vec![0; frame::GROUP],
            count: 0,
            scratch: Vec::new(),
            names: HashMap::new(),
            dimensions: HashMap::new(),
            meters: ByNumber::default(),
            tenants: Numbers::default(),
            series: Numbers::default(),
            widths: ByNumber::default(),
            uniques: HashMap::new(),
            keys: ByKey::default(),
            marks: ByNumber::default(),
            producers: Numbers::default(),
            released: HashSet::new(),
            quarantined: 0,
            notices: 0,
            settled: HashSet::new(),
            currencies: ByNumber::default(),
            granted: ByNumber::default(),
        };
        if state.window == 0 {
            group.write(Record::Window { width: config.window.as_millis() as u64 });
        }
        group
    }

    /// Bytes of records so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - frame::GROUP
    }

    /// The records behind room for a header, and how many there are.
    pub(super) fn finish(self) -> (Vec<u8>, u32) {
        (self.bytes, self.count)
    }

    /// Adds a record and returns its number.
    pub(super) fn write(&mut self, record: Record<'_>) -> u64 {
        record.encode(&mut self.bytes);
        self.count += 1;
        self.state.record + u64::from(self.count)
    }

    /// Judges inputs until the group is as large as it may be; says how many.
    pub(super) fn judge(&mut self, inputs: &[Input], outcomes: &mut Vec<Outcome>) -> usize {
        let mut judged = 0;
        for inputs in inputs.chunks(AHEAD) {
            // Each key is a miss in every cache. Looked up one right after the other, the
            // processor waits for many at once; between them stands nothing that depends on them.
            let mut events = [(Identity::default(), None); AHEAD];
            for (input, (identity, _)) in inputs.iter().zip(&mut events) {
                if let Input::Event(event) = input {
                    *identity = event.identity();
                }
            }
            for (identity, known) in events.iter_mut().take(inputs.len()) {
                *known = self.state.index.content(identity.key);
            }
            for (input, (identity, known)) in inputs.iter().zip(events) {
                if self.len() >= self.config.limits.group {
                    return judged;
                }
                let outcome = match input {
                    Input::Event(event) => self.event(event, identity, known),
                    Input::Delta(delta) => self.delta(delta),
                    Input::Credit(credit) => self.credit(credit),
                    Input::Release(held) => self.release(*held),
                    Input::Notice(notice) => self.notice(notice),
                    Input::Settled(notice) => self.settled(*notice),
                };
                outcomes.push(outcome.unwrap_or_else(|outcome| outcome));
                judged += 1;
            }
        }
        judged
    }

    fn event(
        &mut self,
        event: &Event,
        identity: Identity,
        known: Option<u64>,
    ) -> Result<Outcome, Outcome> {
        self.repeated(identity, known)?;
        if day(event.time) < self.horizon() {
            return Err(Outcome::Refused(Refusal::Expired));
        }
        let meter = self.catalogue.meter(event.meter.as_str()).map(Meter::aggregation);
        if meter == Some(Aggregation::Unique) && event.unique.is_none() {
            return Err(Outcome::Refused(Refusal::Unique));
        }
        let tenant = self.known_name(&event.tenant);
        self.room(tenant, 1)?;
        let tenant = self.numbered(tenant, &event.tenant);
        let (meter, dimensions) = (self.meter(&event.meter), self.set(&event.dimensions));
        let unique = event.unique.as_ref().map(Name::as_str);
        let used = Use {
            time: event.time.unix_millis(),
            quantity: event.quantity,
            unique: unique_hash(unique),
        };
        let reason = self.reason((tenant, meter, dimensions), used, false);
        self.keys.insert(Key(identity.key), identity.content);
        self.quarantined += usize::from(reason.is_some());
        let record = self.write(Record::Event(EventRecord {
            tenant,
            meter,
            dimensions,
            key: identity.key,
            content: identity.content,
            time: used.time,
            quantity: used.quantity,
            source: event.source.as_str(),
            id: event.id.as_str(),
            unique,
            reason,
        }));
        Ok(match reason {
            None => Outcome::Counted { record },
            Some(reason) => Outcome::Quarantined { held: Held { record, entry: 0 }, reason },
        })
    }

    fn delta(&mut self, delta: &Delta) -> Result<Outcome, Outcome> {
        self.next_sequence(delta)?;
        if delta.entries.len() > self.config.limits.entries {
            return Err(Outcome::Refused(Refusal::Size));
        }
        // Every entry could turn out to be quarantined: ask before anything is written.
        for entry in &delta.entries {
            self.room(self.known_name(&entry.tenant), delta.entries.len())?;
        }
        let mut entries = std::mem::take(&mut self.scratch);
        entries.clear();
        let (mut counted, mut quarantined) = (0, 0);
        for Entry { tenant, meter, dimensions, time, quantity } in &delta.entries {
            let tenant = self.tenant(tenant);
            let (meter, dimensions) = (self.meter(meter), self.set(dimensions));
            let used = Use { time: time.unix_millis(), quantity: *quantity, unique: 0 };
            let reason = self.reason((tenant, meter, dimensions), used, true);
            if reason.is_some() {
                quarantined += 1;
            } else {
                counted += 1;
            }
            EntryRecord { tenant, meter, dimensions, time: used.time, quantity: *quantity, reason }
                .encode(&mut entries);
        }
        self.quarantined += quarantined as usize;
        let producer = self.name(&delta.producer);
        if !self.state.producers.contains_key(&producer) {
            self.producers.insert(producer);
        }
        self.marks.insert((producer, delta.epoch), delta.sequence);
        let record = self.write(Record::Delta {
            producer,
            epoch: delta.epoch,
            sequence: delta.sequence,
            entries: Entries::new(delta.entries.len() as u32, &entries),
        });
        self.scratch = entries;
        Ok(Outcome::Applied { record, counted, quarantined })
    }

    /// Whether `delta` is the one its producer's mark asks for.
    fn next_sequence(&self, delta: &Delta) -> Result<(), Outcome> {
        let known = self.known_name(&delta.producer);
        let marks = known.and_then(|producer| self.state.producers.get(&producer));
        let pending = known.and_then(|producer| self.marks.get(&(producer, delta.epoch)));
        let mark = pending.or_else(|| marks?.get(&delta.epoch)).copied();
        if mark.is_none() {
            let full = marks.filter(|marks| marks.len() >= EPOCHS);
            if let Some((oldest, _)) = full.and_then(|marks| marks.first_key_value())
                && delta.epoch < *oldest
            {
                return Err(Outcome::Refused(Refusal::Epoch));
            }
            let fresh = known.is_none_or(|producer| !self.producers.contains(&producer));
            let producers = self.state.producers.len() + self.producers.len();
            if marks.is_none() && fresh && producers >= self.config.limits.producers {
                return Err(Outcome::Refused(Refusal::Full));
            }
        }
        let mark = mark.unwrap_or(0);
        match delta.sequence {
            0 => Err(Outcome::Refused(Refusal::Sequence)),
            sequence if sequence <= mark => Err(Outcome::Duplicate),
            sequence if sequence > mark + 1 => Err(Outcome::Gap { expected: mark + 1 }),
            _ => Ok(()),
        }
    }

    fn credit(&mut self, credit: &Credit) -> Result<Outcome, Outcome> {
        let currency = credit.amount.currency();
        let amount = credit.amount.minor();
        let content = Fields::new("credit").number(amount as u64).text(currency.code()).finish();
        let key = Identity::key("credit", &credit.tenant, &credit.source, &credit.id);
        let identity = Identity { key, content: content[0] & CONTENT };
        self.repeated(identity, self.state.index.content(key))?;
        self.room(self.known_name(&credit.tenant), 0)?;
        let known = self.known_name(&credit.tenant);
        let account = known.and_then(|tenant| self.state.tenants.get(&tenant));
        let pending = known.and_then(|tenant| self.currencies.get(&tenant).copied());
        let expected = account.and_then(|account| account.currency).or(pending);
        let granted = known.and_then(|tenant| self.granted.get(&tenant).copied()).unwrap_or(0);
        let balance = account.map_or(0, |account| account.balance).checked_add(granted);
        let fits = balance.and_then(|balance| balance.checked_add(amount)).is_some();
        if amount <= 0 || !fits || expected.is_some_and(|expected| expected != currency) {
            return Err(Outcome::Refused(Refusal::Amount));
        }
        let tenant = self.tenant(&credit.tenant);
        self.currencies.insert(tenant, currency);
        self.granted.insert(tenant, granted + amount);
        self.keys.insert(Key(identity.key), identity.content);
        let mut code = [0; 3];
        code.copy_from_slice(currency.code().as_bytes());
        let record = self.write(Record::Credit(CreditRecord {
            tenant,
            key: identity.key,
            content: identity.content,
            amount,
            currency: code,
            source: credit.source.as_str(),
            id: credit.id.as_str(),
        }));
        Ok(Outcome::Counted { record })
    }

    fn release(&mut self, held: Held) -> Result<Outcome, Outcome> {
        let refused = Outcome::Refused(Refusal::Held);
        let Some(item) = self.state.quarantine.get(&held) else { return Err(refused) };
        if self.released.contains(&held) {
            return Err(refused);
        }
        let Some(name) = self.state.names.value(item.series.1) else { return Err(refused) };
        let meter = self.meter(&name.clone());
        // Time is what a release overrides; a meter nobody declared still cannot be counted.
        let delta = item.used.unique == 0;
        match self.meters.get(&meter).or(self.state.meters.get(&meter).map(|(_, kind)| kind)) {
            None => return Err(refused),
            Some(Aggregation::Unique) if delta => return Err(refused),
            Some(_) => {}
        }
        // What is one dimension set too many still counts, without it.
        let (tenant, meter, mut dimensions) = item.series;
        if self.crowded(item.series, item.used) {
            dimensions = NONE;
            if self.crowded((tenant, meter, NONE), item.used) {
                return Err(refused);
            }
        }
        self.released.insert(held);
        Ok(Outcome::Counted { record: self.write(Record::Release { held, dimensions }) })
    }

    fn notice(&mut self, notice: &Notice) -> Result<Outcome, Outcome> {
        let key = Identity::key("notice", &notice.tenant, &notice.kind, &notice.id);
        self.repeated(Identity { key, content: 0 }, self.state.index.content(key))?;
        self.room(self.known_name(&notice.tenant), 1)?;
        if notice.body.len() > NOTICE {
            return Err(Outcome::Refused(Refusal::Size));
        }
        // The log takes a sector of zeros for one that was never written.
        if notice.body.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(Outcome::Refused(Refusal::Body));
        }
        if self.state.notices.len() + self.notices >= self.config.limits.quarantine {
            return Err(Outcome::Refused(Refusal::Full));
        }
        let tenant = self.tenant(&notice.tenant);
        self.keys.insert(Key(key), 0);
        self.notices += 1;
        let (at, kind, body) = (self.now.unix_millis(), notice.kind.as_str(), &notice.body);
        let id = notice.id.as_str();
        let record = self.write(Record::Notice { tenant, key, at, kind, id, body });
        Ok(Outcome::Counted { record })
    }

    fn settled(&mut self, notice: u64) -> Result<Outcome, Outcome> {
        if !self.state.notices.contains_key(&notice) || !self.settled.insert(notice) {
            return Err(Outcome::Refused(Refusal::Held));
        }
        Ok(Outcome::Counted { record: self.write(Record::Settled { notice }) })
    }

    /// Whether something was accepted under this key, of which the state says `known`.
    fn repeated(&self, identity: Identity, known: Option<u64>) -> Result<(), Outcome> {
        match known.or_else(|| self.keys.get(&Key(identity.key)).copied()) {
            None => Ok(()),
            Some(content) if content == identity.content => Err(Outcome::Duplicate),
            Some(_) => Err(Outcome::Conflict),
        }
    }

    fn horizon(&self) -> u16 {
        day(self.now.saturating_sub(self.config.remember)).max(self.state.horizon)
    }

    /// Whether there is room for another `items` of a tenant, whatever becomes of them.
    fn room(&self, tenant: Option<u32>, items: usize) -> Result<(), Outcome> {
        let limits = &self.config.limits;
        let known = tenant.is_some_and(|number| {
            self.state.tenants.contains_key(&number) || self.tenants.contains(&number)
        });
        let tenants = self.state.tenants.len() + self.tenants.len();
        let held = self.state.quarantine.len() + self.quarantined;
        if (!known && tenants >= limits.tenants) || held + items > limits.quarantine {
            return Err(Outcome::Refused(Refusal::Full));
        }
        Ok(())
    }

    /// Why a use is not to be counted, if it is not; notes it as counted otherwise.
    fn reason(&mut self, series: SeriesKey, used: Use, delta: bool) -> Option<Reason> {
        let time = WallTime::from_unix_millis(used.time);
        let meters = &self.state.meters;
        let meter = self.meters.get(&series.1).or(meters.get(&series.1).map(|(_, kind)| kind));
        match meter {
            None => return Some(Reason::Meter),
            Some(kind) if delta && *kind != Aggregation::Sum => return Some(Reason::Meter),
            Some(_) => {}
        }
        if time < self.now.saturating_sub(self.config.late) {
            return Some(Reason::Late);
        }
        if time > self.now.saturating_add(self.config.skew) {
            return Some(Reason::Early);
        }
        self.crowded(series, used).then_some(Reason::Cardinality)
    }

    /// Whether a series or value is one too many; notes it otherwise.
    fn crowded(&mut self, series: SeriesKey, used: Use) -> bool {
        let limits = &self.config.limits;
        let known = self.state.series.get(&series);
        if known.is_none() && !self.series.contains(&series) {
            let family = (series.0, series.1);
            let tenant = self.state.tenants.get(&series.0);
            let wide = tenant.and_then(|tenant| tenant.meters.get(&series.1)).map_or(0, Vec::len);
            let fresh = self.widths.entry(family).or_default();
            if wide + *fresh >= limits.series && series.2 != NONE {
                return true;
            }
            *fresh += 1;
            self.series.insert(series);
        }
        if used.unique != 0 {
            let window = used.time.div_euclid(self.config.window.as_millis() as i64);
            let kept = known.map_or(0, |cells| cells.uniques(window));
            let fresh = self.uniques.entry((series, window)).or_default();
            if kept + fresh.len() >= limits.uniques && !fresh.contains(&used.unique) {
                return true;
            }
            fresh.insert(used.unique);
        }
        false
    }

    fn known_name(&self, name: &Name) -> Option<u32> {
        self.state.names.number(name).or_else(|| self.names.get(name).copied())
    }

    pub(super) fn name(&mut self, name: &Name) -> u32 {
        if let Some(number) = self.known_name(name) {
            return number;
        }
        let number = self.state.names.len() + self.names.len() as u32;
        self.names.insert(name.clone(), number);
        self.write(Record::Name { text: name.as_str() });
        number
    }

    pub(super) fn tenant(&mut self, name: &Name) -> u32 {
        self.numbered(self.known_name(name), name)
    }

    /// The number of a tenant whose name has the number `known`, if any.
    fn numbered(&mut self, known: Option<u32>, name: &Name) -> u32 {
        let number = known.unwrap_or_else(|| self.name(name));
        if !self.state.tenants.contains_key(&number) {
            self.tenants.insert(number);
        }
        number
    }

    /// The number of a meter's name; declares the meter in the log before its first use.
    fn meter(&mut self, name: &Name) -> u32 {
        let number = self.name(name);
        if !self.state.meters.contains_key(&number)
            && !self.meters.contains_key(&number)
            && let Some(meter) = self.catalogue.meter(name.as_str())
        {
            let aggregation = meter.aggregation();
            self.meters.insert(number, aggregation);
            let unit = meter.unit().as_str();
            self.write(Record::Meter { name: number, unit, aggregation });
        }
        number
    }

    fn set(&mut self, set: &Dimensions) -> u32 {
        let known = self.state.dimensions.number(set);
        if let Some(number) = known.or_else(|| self.dimensions.get(set).copied()) {
            return number;
        }
        let mut pairs = Vec::new();
        for (key, value) in set.iter() {
            let (key, value) = (self.name(key), self.name(value));
            put_number(&mut pairs, u64::from(key));
            put_number(&mut pairs, u64::from(value));
        }
        let number = self.state.dimensions.len() + self.dimensions.len() as u32;
        self.dimensions.insert(set.clone(), number);
        let count = set.iter().len() as u32;
        self.write(Record::Dimensions { pairs: Pairs::new(count, &pairs) });
        number
    }
}
