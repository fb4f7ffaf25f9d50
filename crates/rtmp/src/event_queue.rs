use std::collections::VecDeque;

use crate::Limits;

/// Events on their way to the integrator.
///
/// A decoded value takes many times the memory of the bytes it came from, so that those that wait
/// are counted by what they may hold, and not only by their number.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    events: VecDeque<T>,
    /// How many values those that wait hold at most.
    values: usize,
}

impl<T> EventQueue<T> {
    pub(crate) const fn new() -> Self {
        Self { events: VecDeque::new(), values: 0 }
    }

    /// Whether nothing more should be read until some have been taken.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.events.len() >= limits.outputs || self.values >= limits.amf_values
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn push_back(&mut self, event: T) {
        self.events.push_back(event);
    }

    /// Queues an event that holds up to `values` decoded values.
    pub(crate) fn push_decoded(&mut self, event: T, values: usize) {
        self.values = self.values.saturating_add(values);
        self.events.push_back(event);
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.values = 0;
        }
        event
    }

    pub(crate) fn back(&self) -> Option<&T> {
        self.events.back()
    }
}
