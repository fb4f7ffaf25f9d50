use std::collections::VecDeque;

use crate::ts_segment::Closed;

/// Where segments begin, for all tracks: the newest one is open, the older ones are those that
/// some track has not left yet.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    boundaries: VecDeque<Boundary>,
}

/// The beginning of a segment.
#[derive(Debug)]
pub(super) struct Boundary {
    pub(super) sequence: u64,
    /// In ticks of 90 kHz on the output's timeline.
    pub(super) start: i64,
    pub(super) discontinuity: bool,
    /// Whether the deciding track starts it with a sync sample.
    pub(super) independent: bool,
    /// `start` is where the timeline before it ended; the first sample says where it begins.
    pub(super) provisional: bool,
    /// What the tracks have closed of it.
    pub(super) closed: Vec<Closed>,
}

impl Schedule {
    /// The segment that is open.
    pub(super) fn open(&self) -> Option<&Boundary> {
        self.boundaries.back()
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Boundary> {
        self.boundaries.back_mut()
    }

    /// The oldest segment that some track may still be in.
    pub(super) fn oldest(&self) -> Option<&Boundary> {
        self.boundaries.front()
    }

    /// Whether some track may lag behind the open segment.
    pub(super) fn has_history(&self) -> bool {
        self.boundaries.len() > 1
    }

    pub(super) fn push(&mut self, boundary: Boundary) {
        self.boundaries.push_back(boundary);
    }

    /// Takes the oldest segment out, and where the next one begins.
    pub(super) fn pop(&mut self) -> Option<(Boundary, Option<i64>)> {
        let oldest = self.boundaries.pop_front()?;
        Some((oldest, self.boundaries.front().map(|next| next.start)))
    }

    fn at(&self, sequence: u64) -> Option<&Boundary> {
        let first = self.boundaries.front()?.sequence;
        self.boundaries.get(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }

    pub(super) fn segment(&self, sequence: u64) -> Option<&Boundary> {
        self.at(sequence)
    }

    /// Where segment `sequence` ends; [`i64::MAX`] while that is open.
    pub(super) fn end(&self, sequence: u64) -> i64 {
        self.at(sequence.saturating_add(1)).map_or(i64::MAX, |next| next.start)
    }

    /// Keeps a segment that a track has closed.
    pub(super) fn keep(&mut self, closed: Closed) {
        let Some(first) = self.boundaries.front().map(|first| first.sequence) else { return };
        let sequence = closed.segment.sequence;
        let index = usize::try_from(sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
        if let Some(boundary) = self.boundaries.get_mut(index) {
            boundary.closed.push(closed);
        }
    }
}
