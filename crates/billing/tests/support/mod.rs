//! What the tests of this directory share.
#![allow(dead_code, reason = "each test takes what it needs")]

use airloom_billing::ledger::{Ledger, Memory, Query, Report};
use airloom_billing::{
    Catalogue, Config, Delta, Dimensions, Entry, Error, Event, Fault, FaultKind, Input, Name,
    Storage, WallTime,
};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn time(text: &str) -> WallTime {
    WallTime::parse(text).expect("a time")
}

/// The time at which most tests play.
pub(crate) fn now() -> WallTime {
    time("2026-03-10T12:00:00Z")
}

pub(crate) fn event(tenant: &str, source: &str, id: &str, quantity: u64) -> Event {
    Event {
        tenant: name(tenant),
        source: name(source),
        id: name(id),
        meter: name("egress_bytes"),
        time: now(),
        quantity,
        dimensions: Dimensions::default(),
        unique: None,
    }
}

pub(crate) fn delta(producer: &str, epoch: u64, sequence: u64, quantity: u64) -> Delta {
    let entry = Entry {
        tenant: name("t"),
        meter: name("egress_bytes"),
        dimensions: Dimensions::default(),
        time: now(),
        quantity,
    };
    Delta { producer: name(producer), epoch, sequence, entries: vec![entry] }
}

pub(crate) fn open<S: Storage>(storage: S) -> (Ledger<S>, Report) {
    Ledger::open(storage, Catalogue::live(), Config::default()).expect("a whole ledger")
}

pub(crate) fn memory() -> Ledger<Memory> {
    open(Memory::new()).0
}

/// Everything a tenant used of a meter, ever.
pub(crate) fn total<S: Storage>(ledger: &Ledger<S>, tenant: &str, meter: &str) -> u128 {
    let always = (time("1971-01-01T00:00:00Z"), time("2100-01-01T00:00:00Z"));
    let query = Query::new(name(tenant), always.0, always.1).meter(name(meter));
    ledger.usage(&query).first().map_or(0, |usage| usage.quantity)
}

pub(crate) fn inputs(events: impl IntoIterator<Item = Event>) -> Vec<Input> {
    events.into_iter().map(Input::Event).collect()
}

/// A storage that fails when it is told to.
#[derive(Debug, Default)]
pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    /// Calls until one fails; `None` for never.
    pub(crate) fuse: Option<u32>,
    /// Calls that fail once the fuse is burnt.
    pub(crate) failures: u32,
    /// How many bytes of a failing append arrive all the same.
    pub(crate) partial: usize,
}

impl Faulty {
    fn burn(&mut self, operation: &'static str) -> Result<(), Fault> {
        match self.fuse {
            Some(0) if self.failures > 0 => {
                self.failures -= 1;
                Err(Fault { operation, kind: FaultKind::Full, os: None })
            }
            Some(0) | None => Ok(()),
            Some(calls) => {
                self.fuse = Some(calls - 1);
                Ok(())
            }
        }
    }
}

impl Storage for Faulty {
    fn list(&self) -> Result<Vec<(String, u64)>, Fault> {
        self.memory.list()
    }

    fn read(&self, name: &str, offset: u64) -> Result<Vec<u8>, Fault> {
        self.memory.read(name, offset)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        if let Err(fault) = self.burn("append") {
            let part = bytes.get(..self.partial.min(bytes.len())).unwrap_or_default();
            if !part.is_empty() {
                self.memory.append(name, part)?;
            }
            return Err(fault);
        }
        self.memory.append(name, bytes)
    }

    fn rewrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.burn("rewrite")?;
        self.memory.rewrite(name, offset, bytes)
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), Fault> {
        self.burn("truncate")?;
        self.memory.truncate(name, len)
    }

    fn sync(&mut self, name: &str) -> Result<(), Fault> {
        self.burn("sync")?;
        self.memory.sync(name)
    }

    fn remove(&mut self, name: &str) -> Result<(), Fault> {
        self.burn("remove")?;
        self.memory.remove(name)
    }
}

/// Hands `input` in until the ledger takes it, as a producer would.
pub(crate) fn insist<S: Storage>(
    ledger: &mut Ledger<S>,
    at: WallTime,
    inputs: &[Input],
) -> Vec<airloom_billing::Outcome> {
    for _ in 0..100 {
        match ledger.apply(at, inputs) {
            Ok(outcomes) => return outcomes,
            Err(Error::Storage(_) | Error::Poisoned) => {
                let _ = ledger.recover();
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the storage never came back");
}
