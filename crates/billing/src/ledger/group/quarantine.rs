//! What is accepted and not counted, and what becomes of it.

use super::Group;
use crate::ledger::aggregate::Use;
use crate::ledger::record::Record;
use crate::ledger::state::SeriesKey;
use crate::{Aggregation, Held, Outcome, Reason, Refusal, WallTime};

/// The number of the empty dimension set, for which there is always room.
const NONE: u32 = 0;

impl Group<'_> {
    pub(super) fn release(&mut self, held: Held) -> Result<Outcome, Outcome> {
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

    /// Why a use is not to be counted, if it is not; notes it as counted otherwise.
    pub(super) fn reason(&mut self, series: SeriesKey, used: Use, delta: bool) -> Option<Reason> {
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
}
