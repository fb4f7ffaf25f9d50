mod credit;
mod notice;
mod numbers;
mod quarantine;
mod usage;

use std::collections::{HashMap, HashSet};

use super::frame;
use super::hash::{ByKey, ByNumber, Key, Numbers};
use super::index::day;
use super::record::Record;
use super::state::{SeriesKey, State};
use crate::event::Identity;
use crate::{
    Aggregation, Catalogue, Config, Currency, Dimensions, Held, Input, Name, Outcome, Refusal,
    WallTime,
};

/// Inputs whose keys are looked up together.
const AHEAD: usize = 32;

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
}
