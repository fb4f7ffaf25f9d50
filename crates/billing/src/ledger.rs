//! The durable ledger: where accepted usage is kept, counted once, and can be proved.
//!
//! A ledger is an append-only log of records, in groups that are written and synced as one, in
//! segments of bounded size. Each group has a checksum and carries the hash chain on. Everything
//! else (idempotency keys, high-water marks, aggregates, quarantine, balances, statements) is in
//! memory and made from the log alone, so it can be thrown away and rebuilt to the same numbers.
//!
//! What is durable when: [`Ledger::apply`] answers after the group with its inputs was synced.
//! Inputs of one call share a group, so the way to many durable inputs a second is to hand in
//! many at once: a runtime collects what arrives while the previous group is being written.
//!
//! What may be lost: nothing that was answered, as long as the storage keeps what it synced.
//! The only window is in front of the ledger, in a [`Recorder`](crate::Recorder).
//!
//! What damage is: a group at the end of the log that is cut short or has sectors that were
//! never written is an interrupted write; it was never answered for, so it is cut off and
//! reported. Anything else that does not match its checksum, its place or the chain, the last
//! group included, is damage: the ledger refuses to open and says where. A log cut at the exact
//! end of a group cannot be told from a shorter one by itself; keep [`Ledger::head`] elsewhere
//! now and then (statements do) and give it to [`Ledger::verify`].

mod aggregate;
mod base;
mod closing;
mod codec;
mod file;
mod frame;
mod group;
mod hash;
mod index;
mod memory;
mod query;
mod reader;
mod record;
mod replay;
mod state;
mod storage;

pub use file::Directory;
pub use memory::Memory;
pub use query::{Query, Usage};
pub use reader::{Kept, Reader};
pub use state::Totals;
pub use storage::Storage;

use std::time::Duration;

use crate::{
    Catalogue, Config, Damage, DamageKind, Dimensions, Error, FaultKind, Held, Input, Meter, Money,
    Name, Notice, Outcome, Reason, WallTime,
};
use frame::Chain;
use group::Group;
use record::Record;
use replay::{Replay, Segment, base_name, replay, segment_name};
use state::State;

/// A durable ledger in a [`Storage`].
///
/// ```
/// use airloom_billing::ledger::{Ledger, Memory, Query};
/// use airloom_billing::{Catalogue, Config, Event, Input, Outcome, WallTime};
///
/// let (mut ledger, _) = Ledger::open(Memory::new(), Catalogue::live(), Config::default())?;
/// let event = Event::from_json(br#"{
///     "specversion": "1.0", "id": "r-17", "source": "recorder/eu-1", "type": "recordings",
///     "subject": "acme", "time": "2026-03-29T01:59:59Z", "data": {"quantity": 1}
/// }"#)?;
/// let now = WallTime::parse("2026-03-29T02:00:00Z")?;
/// let twice = [Input::Event(event.clone()), Input::Event(event.clone())];
/// let outcomes = ledger.apply(now, &twice)?;
/// assert!(matches!(outcomes[..], [Outcome::Counted { .. }, Outcome::Duplicate]));
///
/// let query = Query::new(event.tenant, WallTime::parse("2026-03-01T00:00:00Z")?, now);
/// assert_eq!(ledger.usage(&query)[0].quantity, 1);
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug)]
pub struct Ledger<S> {
    storage: S,
    catalogue: Catalogue,
    config: Config,
    state: State,
    chain: Chain,
    segments: Vec<Segment>,
    /// The next group begins a segment.
    roll: bool,
    /// What a failed write may have left behind.
    doubtful: Option<Doubt>,
}

/// A write that failed: the blob, and its length before.
#[derive(Debug, Clone)]
struct Doubt {
    name: String,
    len: u64,
}

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

/// A quarantined item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Where it lies.
    pub held: Held,
    /// Why it is not counted.
    pub reason: Reason,
    /// Whose it is.
    pub tenant: Name,
    /// Of which meter.
    pub meter: Name,
    /// With which dimensions.
    pub dimensions: Dimensions,
    /// Of which time.
    pub time: WallTime,
    /// How much.
    pub quantity: u64,
}

/// A notice that waits to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its number, for [`Input::Settled`].
    pub number: u64,
    /// The notice.
    pub notice: Notice,
}

impl Replay {
    fn report(&self) -> Report {
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

/// The widest window: the least common offset of the world's time zones.
const QUARTER: u128 = 15 * 60 * 1000;

fn check(config: &Config) -> Result<(), Error> {
    let window = config.window.as_millis();
    let whole = config.window.subsec_nanos() == 0 && window > 0;
    if !whole || !QUARTER.is_multiple_of(window) {
        return Err(Error::Config { field: "window" });
    }
    if config.remember < config.late.saturating_add(Duration::from_hours(24)) {
        return Err(Error::Config { field: "remember" });
    }
    if !(1..=1 << 30).contains(&config.limits.group) {
        return Err(Error::Config { field: "group" });
    }
    Ok(())
}

impl<S: Storage> Ledger<S> {
    /// Opens the ledger in `storage`, or begins one there, and says what it found.
    ///
    /// What an interrupted write left at the end of the log is cut off and reported.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that cannot be met or, of `window`, differ from those the
    /// ledger was begun with; [`Error::MeterDeclared`] where the ledger knows a meter of
    /// `catalogue` otherwise; [`Error::Corrupt`] for a damaged log, which is left as it is;
    /// [`Error::Storage`].
    pub fn open(storage: S, catalogue: Catalogue, config: Config) -> Result<(Self, Report), Error> {
        check(&config)?;
        let replay = replay(&storage, true)?;
        let report = replay.report();
        let Replay { state, chain, segments, strays, torn, .. } = replay;
        if state.window != 0 && state.window != config.window.as_millis() as i64 {
            return Err(Error::Config { field: "window" });
        }
        for (&number, (unit, aggregation)) in &state.meters {
            let declared =
                state.names.value(number).and_then(|name| catalogue.meter(name.as_str()));
            if let Some(meter) = declared
                && (meter.unit(), meter.aggregation()) != (unit, *aggregation)
            {
                return Err(Error::MeterDeclared { meter: meter.name().clone() });
            }
        }
        let mut ledger = Self {
            storage,
            catalogue,
            config,
            state,
            chain,
            segments,
            roll: false,
            doubtful: None,
        };
        for record in strays {
            ledger.storage.remove(&base_name(record))?;
        }
        ledger.settle(torn)?;
        Ok((ledger, report))
    }

    /// Cuts a torn end off and makes sure that what is left is on disk.
    fn settle(&mut self, torn: Option<Torn>) -> Result<(), Error> {
        if let Some(torn) = torn {
            let name = segment_name(torn.segment);
            if torn.offset == 0 {
                self.storage.remove(&name)?;
            } else {
                self.storage.truncate(&name, torn.offset)?;
                self.storage.sync(&name)?;
            }
        }
        // The process before may have died between a failed sync and what it had to do about
        // it, with the group in the system's cache, called clean, and not on disk. Only the last
        // group can be such; writing it again makes the next sync mean what it says.
        if let Some(last) = self.segments.last() {
            let name = segment_name(last.first);
            let bytes = self.storage.read(&name, last.last_write)?;
            self.storage.rewrite(&name, last.last_write, &bytes)?;
            self.storage.sync(&name)?;
        }
        Ok(())
    }

    /// Takes in `inputs` and answers for each, in their order, once all of it is durable.
    ///
    /// `now` is the ledger's clock, by which usage is late or early.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] where a group could not be written: nothing of it was kept, though
    /// groups before it (inputs beyond [`Limits::group`](crate::Limits::group) fill several) may
    /// have been; hand all of it in again and each counts once. [`Error::Poisoned`] where an
    /// earlier failure could not be undone.
    pub fn apply(&mut self, now: WallTime, inputs: &[Input]) -> Result<Vec<Outcome>, Error> {
        self.healthy()?;
        let mut outcomes = Vec::with_capacity(inputs.len());
        let mut rest = inputs;
        while !rest.is_empty() {
            let mut group = Group::new(&self.state, &self.config, &self.catalogue, now);
            let judged = group.judge(rest, &mut outcomes);
            rest = rest.get(judged..).unwrap_or_default();
            let (bytes, count) = group.finish();
            self.commit(bytes, count, now)?;
        }
        Ok(outcomes)
    }

    /// Tries again to undo what a failed write may have left behind.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] where the storage still fails.
    pub fn recover(&mut self) -> Result<(), Error> {
        let Some(doubt) = self.doubtful.clone() else { return Ok(()) };
        if doubt.len == 0 {
            match self.storage.remove(&doubt.name) {
                Err(fault) if fault.kind != FaultKind::Missing => return Err(fault.into()),
                _ => {}
            }
        } else {
            self.storage.truncate(&doubt.name, doubt.len)?;
            self.storage.sync(&doubt.name)?;
        }
        self.doubtful = None;
        Ok(())
    }

    fn healthy(&self) -> Result<(), Error> {
        if self.doubtful.is_some() { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// Writes and syncs a group, then takes its records in.
    fn commit(&mut self, mut bytes: Vec<u8>, count: u32, now: WallTime) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        let first = self.state.record + 1;
        let chain = frame::seal(&mut bytes, first, count, now, &self.chain);
        let current = self
            .segments
            .last()
            .filter(|segment| !self.roll && segment.len < self.config.limits.segment);
        let (name, len) = match current {
            Some(segment) => (segment_name(segment.first), segment.len),
            None => (segment_name(first), 0),
        };
        let mut written = Ok(());
        if len == 0 {
            written = self.storage.append(&name, &frame::segment_header(first, &self.chain));
        }
        written = written.and_then(|()| self.storage.append(&name, &bytes));
        if let Err(fault) = written.and_then(|()| self.storage.sync(&name)) {
            self.doubtful = Some(Doubt { name, len });
            // Where this fails too, the ledger waits for `recover` to succeed.
            let _ = self.recover();
            return Err(fault.into());
        }
        if len == 0 {
            let last_write = 0;
            self.segments.push(Segment {
                first,
                len: frame::SEGMENT as u64,
                last_at: now,
                last_write,
            });
            self.roll = false;
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.last_write = len;
            segment.last_at = now;
            segment.len += bytes.len() as u64;
        }
        self.chain = chain;
        let payload = bytes.get(frame::GROUP..bytes.len() - 1).unwrap_or_default();
        replay::apply(&mut self.state, payload, count).ok_or_else(|| {
            let segment = self.segments.last().map_or(first, |segment| segment.first);
            let record = self.state.record;
            Damage { segment, offset: len, record, kind: DamageKind::Record }.into()
        })
    }

    /// Writes records of the ledger's own making as a group.
    fn write(&mut self, now: WallTime, fill: impl FnOnce(&mut Group<'_>)) -> Result<(), Error> {
        self.healthy()?;
        let mut group = Group::new(&self.state, &self.config, &self.catalogue, now);
        fill(&mut group);
        let (bytes, count) = group.finish();
        self.commit(bytes, count, now)
    }

    /// Usage by tenant, meter, window and dimension.
    pub fn usage(&self, query: &Query) -> Vec<Usage> {
        query.run(&self.state)
    }

    /// What was accepted, counted and quarantined so far.
    pub fn totals(&self) -> Totals {
        self.state.totals
    }

    /// Every quarantined item, oldest first.
    pub fn quarantine(&self) -> impl Iterator<Item = Quarantined> {
        self.state.quarantine.iter().filter_map(|(&held, item)| {
            let (tenant, meter, dimensions) = item.series;
            Some(Quarantined {
                held,
                reason: item.reason,
                tenant: self.state.names.value(tenant)?.clone(),
                meter: self.state.names.value(meter)?.clone(),
                dimensions: self.state.dimensions.value(dimensions)?.clone(),
                time: WallTime::from_unix_millis(item.used.time),
                quantity: item.used.quantity,
            })
        })
    }

    /// Every notice that is not settled, oldest first.
    pub fn notices(&self) -> impl Iterator<Item = Queued> {
        self.state.notices.iter().filter_map(|(&number, waiting)| {
            let notice = Notice {
                tenant: self.state.names.value(waiting.tenant)?.clone(),
                kind: waiting.kind.clone(),
                id: waiting.id.clone(),
                body: waiting.body.to_string(),
            };
            Some(Queued { number, notice })
        })
    }

    /// The record up to which everything has reached the ledger called `target`; `None` where
    /// nothing was ever to be shipped there.
    pub fn forwarded(&self, target: &Name) -> Option<u64> {
        let number = self.state.names.number(target)?;
        self.state.forwarded.get(&number).copied()
    }

    pub(crate) fn note_forwarded(
        &mut self,
        now: WallTime,
        target: &Name,
        record: u64,
    ) -> Result<(), Error> {
        if self.forwarded(target).is_some_and(|known| record <= known) {
            return self.healthy();
        }
        self.write(now, |group| {
            let target = group.name(target);
            group.write(Record::Forwarded { target, record });
        })
    }

    /// Every tenant the ledger knows, in the order they came.
    pub fn tenants(&self) -> impl Iterator<Item = &Name> {
        self.state.tenants.keys().filter_map(|&number| self.state.names.value(number))
    }

    /// The highest sequence applied of a producer's epoch; a producer that starts anew asks for
    /// nothing, one that reconnects continues after it.
    pub fn high_water_mark(&self, producer: &Name, epoch: u64) -> Option<u64> {
        let number = self.state.names.number(producer)?;
        self.state.producers.get(&number)?.get(&epoch).copied()
    }

    /// The highest epoch of a producer that the ledger remembers: one that starts anew takes a
    /// greater one, whatever its clock says.
    pub fn epoch(&self, producer: &Name) -> Option<u64> {
        let number = self.state.names.number(producer)?;
        self.state.producers.get(&number)?.keys().next_back().copied()
    }

    /// What credit a tenant has left; `None` for one that never had any.
    pub fn balance(&self, tenant: &Name) -> Option<Money> {
        let number = self.state.names.number(tenant)?;
        let tenant = self.state.tenants.get(&number)?;
        Some(Money::new(tenant.balance, tenant.currency?))
    }

    /// Where the ledger stands.
    pub fn head(&self) -> Head {
        Head { record: self.state.record, chain: self.chain }
    }

    /// A reader of every input from `record` on, where the log still has it.
    pub fn reader(&self, record: u64) -> Reader {
        Reader::new(record)
    }

    /// The meters it counts.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Declares a further meter, after which quarantined usage of it can be released.
    ///
    /// # Errors
    ///
    /// [`Error::MeterDeclared`] if it is declared otherwise, here or by earlier usage.
    pub fn declare(&mut self, meter: Meter) -> Result<(), Error> {
        let known = self.state.names.number(meter.name());
        if let Some((unit, aggregation)) = known.and_then(|number| self.state.meters.get(&number))
            && (meter.unit(), meter.aggregation()) != (unit, *aggregation)
        {
            return Err(Error::MeterDeclared { meter: meter.name().clone() });
        }
        self.catalogue.declare(meter)
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads the whole log again and compares what it says with what the ledger holds.
    ///
    /// `anchors` are heads noted earlier; each must lie on the chain as far as the log reaches
    /// back.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first place that is not as it was written, of kind
    /// [`DamageKind::Missing`] where the log is shorter than the ledger or an anchor says;
    /// [`Error::Storage`].
    pub fn verify(&self, anchors: &[Head]) -> Result<Report, Error> {
        let replay = replay(&self.storage, false)?;
        let report = replay.report();
        if report.head != self.head() {
            let record = report.head.record;
            let segment = self.segments.last().map_or(0, |segment| segment.first);
            let offset = replay.segments.last().map_or(0, |segment| segment.len);
            return Err(Damage { segment, offset, record, kind: DamageKind::Missing }.into());
        }
        let rebuilt = base::encode(&replay.state, &replay.chain);
        if rebuilt.1 != base::encode(&self.state, &self.chain).1 {
            let record = report.head.record;
            return Err(Damage { segment: 0, offset: 0, record, kind: DamageKind::Base }.into());
        }
        for anchor in anchors {
            self.anchored(anchor)?;
        }
        Ok(report)
    }

    fn anchored(&self, anchor: &Head) -> Result<(), Error> {
        let first = self.segments.first().map_or(1, |segment| segment.first);
        if anchor.record < first {
            return Ok(());
        }
        let mut reader = self.reader(first);
        while reader.after() < anchor.record {
            if !reader.step(self)? {
                break;
            }
        }
        if reader.head() == *anchor {
            return Ok(());
        }
        let kind =
            if self.state.record < anchor.record { DamageKind::Missing } else { DamageKind::Chain };
        Err(Damage { segment: first, offset: 0, record: reader.after(), kind }.into())
    }

    /// Forgets idempotency keys that are past [`Config::remember`] and frees their memory; to be
    /// called once a day or so.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`].
    pub fn forget(&mut self, now: WallTime) -> Result<(), Error> {
        let day = index::day(now.saturating_sub(self.config.remember));
        if day <= self.state.horizon {
            return self.healthy();
        }
        self.write(now, |group| {
            group.write(Record::Horizon { day });
        })
    }

    /// Writes a base and removes the log before it whose records were all received before
    /// `before`; returns how many segments went.
    ///
    /// Segments with inputs that a [`Forwarder`](crate::forward::Forwarder) of this ledger has
    /// not shipped yet stay. Aggregates, keys, marks, quarantine, balances and statements stay; what goes is the raw
    /// events ([`Ledger::reader`]), and with them the chance to rebuild from them: the base takes
    /// their place, and the log vouches for its digest.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`]; whatever fails, the ledger stays whole.
    pub fn compact(&mut self, now: WallTime, before: WallTime) -> Result<usize, Error> {
        self.healthy()?;
        let shipped = self.state.forwarded.values().copied().min().unwrap_or(u64::MAX);
        let ends = self.segments.iter().skip(1).map(|next| next.first - 1);
        let ends = ends.chain(std::iter::once(self.state.record));
        let old = self.segments.iter().zip(ends);
        let old = old.take_while(|(segment, end)| segment.last_at < before && *end <= shipped);
        let old = old.count();
        if old == 0 {
            return Ok(0);
        }
        let record = self.state.record;
        let name = base_name(record);
        let (bytes, digest) = base::encode(&self.state, &self.chain);
        if replay::bases(&self.storage)?.contains(&record) {
            // Part of one that could not be written before.
            self.storage.remove(&name)?;
        }
        self.storage.append(&name, &bytes)?;
        self.storage.sync(&name)?;
        // What is about to go cannot be had again: see that what takes its place is there.
        if self.storage.read(&name, 0)? != bytes {
            let segment = record + 1;
            return Err(Damage { segment, offset: 0, record, kind: DamageKind::Base }.into());
        }
        self.roll = true;
        self.write(now, |group| {
            group.write(Record::Base { record, digest });
        })?;
        for older in replay::bases(&self.storage)?.into_iter().filter(|&older| older < record) {
            self.storage.remove(&base_name(older))?;
        }
        for _ in 0..old {
            let Some(segment) = self.segments.first() else { break };
            self.storage.remove(&segment_name(segment.first))?;
            self.segments.remove(0);
        }
        Ok(old)
    }

    /// Gives the storage back.
    pub fn into_storage(self) -> S {
        self.storage
    }
}

/// Reads a ledger without changing anything: what opening it would find.
///
/// # Errors
///
/// [`Error::Corrupt`] with the first damaged place; [`Error::Storage`].
pub fn inspect(storage: &impl Storage) -> Result<Report, Error> {
    replay(storage, false).map(|replay| replay.report())
}
