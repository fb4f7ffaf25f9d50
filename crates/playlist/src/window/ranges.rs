//! The date ranges of a stream: listed in every playlist until they are over.

use std::collections::VecDeque;

use crate::decimal::Micros;
use crate::{DateRange, Error, WallTime};

#[derive(Debug, Default)]
pub(super) struct Ranges {
    listed: Vec<Listed>,
    /// Identifiers of those that are no longer listed, and how far the stream was then.
    removed: VecDeque<(String, Micros)>,
}

#[derive(Debug)]
struct Listed {
    range: DateRange,
    /// How far the stream was when it was last said.
    told: Micros,
}

impl Ranges {
    /// Lists `range`, said when the stream was at `now`, in place of one with its identifier.
    pub(super) fn put(&mut self, range: DateRange, now: Micros, limit: usize) -> Result<(), Error> {
        if range.lacks_duration() {
            return Err(Error::Unwritable { field: "SCTE35-IN without DURATION" });
        }
        if let Some(known) = self.listed.iter_mut().find(|known| known.range.id == range.id) {
            if let Some(attribute) = range.unlike(&known.range) {
                return Err(Error::RangeChanged { attribute });
            }
            *known = Listed { range, told: now };
            return Ok(());
        }
        if self.listed.len() >= limit {
            return Err(Error::TooManyDateRanges { limit });
        }
        self.removed.retain(|(id, _)| *id != range.id);
        self.listed.push(Listed { range, told: now });
        Ok(())
    }

    /// Lets go of those that are over before `first`, the earliest media listed; and of those whose
    /// end nobody told, where there are more than half of the `limit`.
    pub(super) fn slide(&mut self, first: WallTime, now: Micros, keep: Micros, limit: usize) {
        let mut many = self.listed.len().saturating_sub(limit / 2);
        let removed = &mut self.removed;
        self.listed.retain(|Listed { range, .. }| {
            let over = match range.end() {
                Some(end) => end < first,
                None => range.start < first && many > 0,
            };
            if over {
                many = many.saturating_sub(1);
                removed.push_back((range.id.clone(), now));
            }
            !over
        });
        while self.removed.front().is_some_and(|(_, at)| now.0.saturating_sub(at.0) > keep.0) {
            self.removed.pop_front();
        }
        while self.removed.len() > limit {
            self.removed.pop_front();
        }
    }

    /// Writes those said within the last `within`, or all.
    pub(super) fn write(&self, out: &mut String, now: Micros, within: Option<Micros>) {
        for Listed { range, told } in &self.listed {
            if within.is_none_or(|within| now.0.saturating_sub(told.0) <= within.0) {
                range.write(out);
            }
        }
    }

    /// Whether some were said longer ago than `within`.
    pub(super) fn has_older(&self, now: Micros, within: Micros) -> bool {
        self.listed.iter().any(|listed| now.0.saturating_sub(listed.told.0) > within.0)
    }

    /// Identifiers of those that were let go of lately.
    pub(super) fn removed(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(|(id, _)| id.as_str())
    }
}
