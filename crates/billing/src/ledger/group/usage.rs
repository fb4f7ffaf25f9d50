//! Usage: events, each once, and deltas, in order.

use super::Group;
use crate::event::Identity;
use crate::ledger::aggregate::Use;
use crate::ledger::lists::{Entries, EntryRecord};
use crate::ledger::record::{EventRecord, Record};
use crate::ledger::state::{EPOCHS, unique_hash};
use crate::ledger::{hash::Key, index::day};
use crate::{Aggregation, Delta, Entry, Event, Held, Meter, Name, Outcome, Refusal};

impl Group<'_> {
    pub(super) fn event(
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

    pub(super) fn delta(&mut self, delta: &Delta) -> Result<Outcome, Outcome> {
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
}
