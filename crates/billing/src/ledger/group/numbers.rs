//! Names, tenants, meters and dimension sets go by numbers in the log, once they were written.

use super::Group;
use crate::ledger::codec::put_number;
use crate::ledger::lists::Pairs;
use crate::ledger::record::Record;
use crate::{Dimensions, Name};

impl Group<'_> {
    pub(super) fn known_name(&self, name: &Name) -> Option<u32> {
        self.state.names.number(name).or_else(|| self.names.get(name).copied())
    }

    pub(in crate::ledger) fn name(&mut self, name: &Name) -> u32 {
        if let Some(number) = self.known_name(name) {
            return number;
        }
        let number = self.state.names.len() + self.names.len() as u32;
        self.names.insert(name.clone(), number);
        self.write(Record::Name { text: name.as_str() });
        number
    }

    pub(in crate::ledger) fn tenant(&mut self, name: &Name) -> u32 {
        self.numbered(self.known_name(name), name)
    }

    /// The number of a tenant whose name has the number `known`, if any.
    pub(super) fn numbered(&mut self, known: Option<u32>, name: &Name) -> u32 {
        let number = known.unwrap_or_else(|| self.name(name));
        if !self.state.tenants.contains_key(&number) {
            self.tenants.insert(number);
        }
        number
    }

    /// The number of a meter's name; declares the meter in the log before its first use.
    pub(super) fn meter(&mut self, name: &Name) -> u32 {
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

    pub(super) fn set(&mut self, set: &Dimensions) -> u32 {
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
