use std::collections::VecDeque;

use airloom_media::{Rounding, Timescale, Timestamp};

use crate::WallTime;

/// A run of sequence numbers whose media lies on one timeline, in all tracks alike.
///
/// It is what HLS separates by `EXT-X-DISCONTINUITY` and what DASH calls a Period. A change in
/// the set of tracks begins one too, untagged: DASH needs a Period for it, HLS nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Era {
    /// The first sequence number of it.
    pub(crate) first: u64,
    /// Whether the segment `first` carries `EXT-X-DISCONTINUITY`.
    pub(crate) tagged: bool,
    /// Discontinuity Sequence Number of its segments.
    pub(crate) number: u64,
    /// When the tracks' clocks stood at zero, in nanoseconds since the Unix epoch.
    pub(crate) origin: Option<i64>,
    /// Where the DASH Period starts on the tracks' clocks, once it may be listed.
    pub(crate) zero: Option<Zero>,
    /// Whether a manifest listed it: the tracks in it are then settled.
    pub(crate) given: bool,
}

/// A point on the clock all tracks share that each of them can say in whole ticks: `units` of
/// `1 / per_second` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zero {
    pub(crate) units: i64,
    pub(crate) per_second: Timescale,
}

impl Zero {
    pub(crate) fn ticks(self, timescale: Timescale) -> Option<Timestamp> {
        Timestamp::new(self.units).rescale(self.per_second, timescale, Rounding::Nearest)
    }
}

impl Era {
    /// When the media at `at` was received, were it as regular as its clock.
    pub(crate) fn wall(&self, at: Timestamp, timescale: Timescale) -> WallTime {
        WallTime::from_nanos(self.origin.unwrap_or(0).saturating_add(nanos(at, timescale)))
    }

    /// When the Period starts.
    pub(crate) fn start(&self) -> Option<WallTime> {
        let zero = self.zero?;
        Some(self.wall(Timestamp::new(zero.units), zero.per_second))
    }
}

pub(crate) fn nanos(at: Timestamp, timescale: Timescale) -> i64 {
    at.rescale(timescale, Timescale::NANOS, Rounding::Down).map_or(i64::MAX, Timestamp::ticks)
}

/// The eras of a stream; never empty.
#[derive(Debug)]
pub(crate) struct Eras(VecDeque<Era>);

impl Eras {
    pub(crate) fn new(number: u64) -> Self {
        let (origin, zero, given) = (None, None, false);
        Self(VecDeque::from([Era { first: 0, tagged: false, number, origin, zero, given }]))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Era> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Era> {
        self.0.iter_mut()
    }

    /// Whether `sequence` lies in the last of them.
    pub(crate) fn is_last(&self, sequence: u64) -> bool {
        self.index(sequence) + 1 == self.0.len()
    }

    fn index(&self, sequence: u64) -> usize {
        self.0.partition_point(|era| era.first <= sequence).saturating_sub(1)
    }

    /// The era `sequence` lies in, and the first number after it.
    pub(crate) fn of(&self, sequence: u64) -> Era {
        // Eras are never all dropped; the default stands for nothing and is never seen.
        self.0.get(self.index(sequence)).copied().unwrap_or(Era {
            first: 0,
            tagged: false,
            number: 0,
            origin: None,
            zero: None,
            given: false,
        })
    }

    /// Whether `sequence` carries `EXT-X-DISCONTINUITY`.
    pub(crate) fn tags(&self, sequence: u64) -> bool {
        let era = self.of(sequence);
        era.tagged && era.first == sequence
    }

    /// Whether a number above `after` and up to `last` carries `EXT-X-DISCONTINUITY`.
    pub(crate) fn tags_within(&self, after: u64, last: u64) -> bool {
        self.0.iter().any(|era| era.tagged && era.first > after && era.first <= last)
    }

    /// Begins an era at `sequence`, on the same clock where it `continues` or is not tagged.
    ///
    /// Returns whether `sequence` is newly tagged.
    pub(crate) fn begin(&mut self, sequence: u64, tagged: bool, continues: bool) -> bool {
        let index = self.index(sequence);
        let Some(era) = self.0.get(index).copied() else { return false };
        if era.first == sequence && (era.tagged || !tagged) {
            return false;
        }
        let number = era.number + u64::from(tagged);
        let origin = if continues || !tagged { era.origin } else { None };
        if era.first == sequence {
            if let Some(era) = self.0.get_mut(index) {
                *era = Era { tagged, number, origin, ..*era };
            }
        } else {
            let (zero, given) = (None, false);
            let era = Era { first: sequence, tagged, number, origin, zero, given };
            self.0.insert(index + 1, era);
        }
        if tagged {
            for era in self.0.iter_mut().filter(|era| era.first > sequence) {
                era.number += 1;
            }
        }
        tagged
    }

    /// Moves the start of an era that no media has reached yet up to `sequence`.
    pub(crate) fn postpone(&mut self, sequence: u64) {
        let index = self.index(sequence);
        if let Some(era) = self.0.get_mut(index)
            && era.origin.is_none()
            && era.tagged
        {
            era.first = sequence;
        }
    }

    /// Dates the era of `sequence`, unless it is dated: the media at `end` was received at `now`,
    /// but what begins at `start` is not dated before `not_before`.
    pub(crate) fn date(
        &mut self,
        sequence: u64,
        (start, end, timescale): (Timestamp, Timestamp, Timescale),
        now: WallTime,
        not_before: Option<WallTime>,
    ) {
        let index = self.index(sequence);
        let Some(era) = self.0.get_mut(index) else { return };
        if era.origin.is_some() {
            return;
        }
        let mut origin = now.nanos().saturating_sub(nanos(end, timescale));
        if let Some(not_before) = not_before {
            origin = origin.max(not_before.nanos().saturating_sub(nanos(start, timescale)));
        }
        era.origin = Some(origin);
    }

    /// Forgets eras that end before `sequence`.
    pub(crate) fn forget_before(&mut self, sequence: u64) {
        while self.0.get(1).is_some_and(|era| era.first <= sequence) {
            self.0.pop_front();
        }
    }
}
