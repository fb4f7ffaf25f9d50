use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::aggregate::Total;
use super::state::State;
use crate::{Dimensions, Name, WallTime};

/// What usage to look at.
///
/// ```
/// use airloom_billing::{Name, WallTime, ledger::Query};
/// use std::time::Duration;
///
/// let march = Query::new(
///     Name::new("acme")?,
///     WallTime::parse("2026-03-01T00:00:00Z")?,
///     WallTime::parse("2026-04-01T00:00:00Z")?,
/// );
/// let hourly = march.meter(Name::new("egress_bytes")?).step(Duration::from_hours(1));
/// # let _ = hourly;
/// # Ok::<(), airloom_billing::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    tenant: Name,
    from: WallTime,
    to: WallTime,
    meter: Option<Name>,
    dimensions: Dimensions,
    step: Option<Duration>,
    apart: bool,
}

/// One answer of a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The meter.
    pub meter: Name,
    /// The dimension set; empty where the query does not tell them apart.
    pub dimensions: Dimensions,
    /// The first instant it covers.
    pub from: WallTime,
    /// The first instant it no longer covers.
    pub to: WallTime,
    /// How much, in the meter's unit; in JSON a string past 2^53 - 1.
    #[serde(with = "crate::statement::quantity")]
    pub quantity: u128,
}

impl Query {
    /// All usage of `tenant` in the windows that start at or after `from` and before `to`, one
    /// figure a meter.
    pub fn new(tenant: Name, from: WallTime, to: WallTime) -> Self {
        let dimensions = Dimensions::default();
        Self { tenant, from, to, meter: None, dimensions, step: None, apart: false }
    }

    /// Only this meter.
    #[must_use]
    pub fn meter(self, meter: Name) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// Only usage whose dimension set has all of these.
    #[must_use]
    pub fn dimensions(self, dimensions: Dimensions) -> Self {
        Self { dimensions, ..self }
    }

    /// One figure each `step`, counted from 1970-01-01T00:00:00Z; a whole number of windows.
    #[must_use]
    pub fn step(self, step: Duration) -> Self {
        Self { step: Some(step), ..self }
    }

    /// One figure each dimension set.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    pub(super) fn run(&self, state: &State) -> Vec<Usage> {
        let width = state.window.max(1);
        let tenant = state
            .names
            .number(&self.tenant)
            .and_then(|number| Some((number, state.tenants.get(&number)?)));
        let Some((number, tenant)) = tenant else { return Vec::new() };
        // The first window that starts at or after a time.
        let window = |time: WallTime| {
            let millis = time.unix_millis();
            millis.div_euclid(width) + i64::from(millis.rem_euclid(width) != 0)
        };
        let range = window(self.from)..window(self.to);
        let step = self.step.map(|step| (step.as_millis() as i64 / width).max(1));
        let mut found: BTreeMap<(&Name, Option<&Dimensions>, i64), Total> = BTreeMap::new();
        for (&meter, sets) in &tenant.meters {
            let Some(name) = state.names.value(meter) else { continue };
            if self.meter.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            for &set in sets {
                let Some(dimensions) = state.dimensions.value(set) else { continue };
                let Some(cells) = state.series.get(&(number, meter, set)) else { continue };
                if !dimensions.contains(&self.dimensions) {
                    continue;
                }
                let apart = self.apart.then_some(dimensions);
                cells.each(&range, |window, figure| {
                    let bucket = step.map_or(range.start, |step| window.div_euclid(step) * step);
                    found.entry((name, apart, bucket)).or_default().add(figure);
                });
            }
        }
        let usage = found.into_iter().filter_map(|((meter, dimensions, bucket), total)| {
            let number = state.names.number(meter)?;
            let aggregation = state.meters.get(&number)?.1;
            let end = step.map_or(range.end, |step| bucket + step);
            let time = |window: i64| WallTime::from_unix_millis(window.saturating_mul(width));
            Some(Usage {
                meter: meter.clone(),
                dimensions: dimensions.cloned().unwrap_or_default(),
                from: time(bucket),
                to: time(end),
                quantity: total.quantity(aggregation),
            })
        });
        usage.collect()
    }
}
