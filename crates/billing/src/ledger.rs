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
mod code;
mod codec;
mod compact;
mod file;
mod frame;
mod group;
mod hash;
mod index;
mod lists;
mod memory;
mod query;
mod reader;
mod record;
mod replay;
mod report;
mod state;
mod storage;
mod verify;
mod views;

pub use file::Directory;
pub use memory::Memory;
pub use query::{Query, Usage};
pub use reader::{Kept, Reader};
pub use report::{Head, Report, Torn};
pub use state::Totals;
pub use storage::Storage;
pub use verify::inspect;
pub use views::{Quarantined, Queued};

use crate::{
    Catalogue, Config, Damage, DamageKind, Error, FaultKind, Input, Meter, Name, Outcome, WallTime,
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
        config.check()?;
        let replay = replay(&storage, true)?;
        let report = replay.report();
        let Replay { state, chain, segments, strays, torn, .. } = replay;
        if state.window != 0 && state.window != config.window.as_millis() as i64 {
            return Err(Error::Config { field: "window" });
        }
        if let Some(meter) = catalogue.iter().find(|meter| state.contradicts(meter)) {
            return Err(Error::MeterDeclared { meter: meter.name().clone() });
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
        let applied = replay::apply(&mut self.state, payload, count);
        self.state.index.settle();
        applied.ok_or_else(|| {
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

    /// Declares a further meter, after which quarantined usage of it can be released.
    ///
    /// # Errors
    ///
    /// [`Error::MeterDeclared`] if it is declared otherwise, here or by earlier usage.
    pub fn declare(&mut self, meter: Meter) -> Result<(), Error> {
        if self.state.contradicts(&meter) {
            return Err(Error::MeterDeclared { meter: meter.name().clone() });
        }
        self.catalogue.declare(meter)
    }

    /// Gives the storage back.
    pub fn into_storage(self) -> S {
        self.storage
    }
}
