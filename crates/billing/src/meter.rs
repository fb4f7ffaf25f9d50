use std::collections::BTreeMap;

use crate::{Error, Name};

/// How the quantities of one meter become the figure of a window, and windows that of a period.
///
/// Every one of them gives the same figure in whatever order usage arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aggregation {
    /// The sum of all quantities.
    Sum,
    /// The largest quantity.
    Max,
    /// The quantity with the latest time; of several at one time, the largest.
    Last,
    /// How many different values of [`Event::unique`](crate::Event::unique) there were.
    ///
    /// Exact, not estimated: each value is kept as 64 bits of its SHA-256.
    Unique,
}

/// What is measured: a name, the unit of one, and how quantities add up.
///
/// Quantities are unsigned integers; pick the unit small enough to need no fraction
/// (milliseconds, bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    name: Name,
    unit: Name,
    aggregation: Aggregation,
}

impl Meter {
    /// A meter called `name` that counts in `unit`.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] if either is not a [`Name`].
    pub fn new(name: &str, unit: &str, aggregation: Aggregation) -> Result<Self, Error> {
        Ok(Self { name: Name::new(name)?, unit: Name::new(unit)?, aggregation })
    }

    /// What it is called in events, queries and price books.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What one of it is, for people: `byte`, `ms`, `request`.
    pub fn unit(&self) -> &Name {
        &self.unit
    }

    /// How quantities add up.
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation
    }
}

/// The meters a ledger counts; usage of any other is quarantined, not lost.
///
/// ```
/// use airloom_billing::{Aggregation, Catalogue, Meter};
///
/// let mut meters = Catalogue::live();
/// meters.declare(Meter::new("blurred_ms", "ms", Aggregation::Sum)?)?;
/// assert_eq!(meters.meter("egress_bytes").map(|meter| meter.unit().as_str()), Some("byte"));
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    meters: BTreeMap<Name, Meter>,
}

/// The meters of live streaming: name, unit, aggregation.
const LIVE: [(&str, &str, Aggregation); 13] = [
    ("ingest_bytes", "byte", Aggregation::Sum),
    ("ingest_ms", "ms", Aggregation::Sum),
    ("egress_bytes", "byte", Aggregation::Sum),
    ("viewer_ms", "ms", Aggregation::Sum),
    ("viewers", "viewer", Aggregation::Unique),
    ("peak_viewers", "viewer", Aggregation::Max),
    ("chat_requests", "request", Aggregation::Sum),
    ("messages_delivered", "message", Aggregation::Sum),
    ("storage_byte_hours", "byte-hour", Aggregation::Sum),
    ("stored_bytes", "byte", Aggregation::Last),
    ("transcoded_ms", "ms", Aggregation::Sum),
    ("recordings", "recording", Aggregation::Sum),
    ("api_requests", "request", Aggregation::Sum),
];

impl Catalogue {
    /// No meters at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The meters of live streaming.
    ///
    /// Sums: `ingest_bytes`, `ingest_ms`, `egress_bytes`, `viewer_ms`, `chat_requests`,
    /// `messages_delivered`, `storage_byte_hours`, `transcoded_ms` (with the dimension
    /// `rendition`), `recordings`, `api_requests`. Largest: `peak_viewers`. Latest:
    /// `stored_bytes`. Different ones: `viewers`.
    pub fn live() -> Self {
        let meters = LIVE.iter().filter_map(|&(name, unit, aggregation)| {
            let meter = Meter::new(name, unit, aggregation).ok()?;
            Some((meter.name.clone(), meter))
        });
        Self { meters: meters.collect() }
    }

    /// Adds a meter.
    ///
    /// # Errors
    ///
    /// [`Error::MeterDeclared`] if the name stands for another unit or aggregation already:
    /// what was counted under it could no longer be explained.
    pub fn declare(&mut self, meter: Meter) -> Result<(), Error> {
        match self.meters.get(meter.name()) {
            Some(declared) if *declared != meter => {
                Err(Error::MeterDeclared { meter: meter.name.clone() })
            }
            Some(_) => Ok(()),
            None => {
                self.meters.insert(meter.name.clone(), meter);
                Ok(())
            }
        }
    }

    /// The meter of that name.
    pub fn meter(&self, name: &str) -> Option<&Meter> {
        self.meters.get(name)
    }

    /// Every meter, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Meter> {
        self.meters.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_live_meter_is_declared() {
        assert_eq!(Catalogue::live().iter().count(), LIVE.len());
    }

    #[test]
    fn a_meter_never_changes_its_meaning() {
        let mut meters = Catalogue::live();
        let same = Meter::new("viewers", "viewer", Aggregation::Unique).expect("a meter");
        assert_eq!(meters.declare(same), Ok(()));
        let other = Meter::new("viewers", "viewer", Aggregation::Sum).expect("a meter");
        assert!(matches!(meters.declare(other), Err(Error::MeterDeclared { .. })));
    }
}
