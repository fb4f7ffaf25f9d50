use std::collections::BTreeSet;
use std::ops::Range;

use crate::Aggregation;

/// The cells of one series in the order of their windows; usage mostly comes for the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Timeline<T>(Vec<(i64, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> Timeline<T> {
    /// Gives the cell of `window` to `change`, an empty one where there is none yet.
    pub(super) fn change(&mut self, window: i64, change: impl FnOnce(&mut T)) {
        let place = match self.0.last() {
            Some((last, _)) if *last < window => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&window, |(window, _)| *window),
        };
        let place = place.unwrap_or_else(|place| {
            self.0.insert(place, (window, T::default()));
            place
        });
        if let Some((_, cell)) = self.0.get_mut(place) {
            change(cell);
        }
    }

    fn range(&self, range: &Range<i64>) -> &[(i64, T)] {
        let start = self.0.partition_point(|(window, _)| *window < range.start);
        let end = self.0.partition_point(|(window, _)| *window < range.end);
        self.0.get(start..end).unwrap_or_default()
    }
}

/// What a series holds, by the aggregation of its meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cells {
    Sum(Timeline<u128>),
    Max(Timeline<u64>),
    Last(Timeline<(i64, u64)>),
    Unique(Timeline<BTreeSet<u64>>),
}

/// One use, reduced to what aggregation needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) time: i64,
    pub(super) quantity: u64,
    /// The hash of what a unique meter counts.
    pub(super) unique: u64,
}

impl Cells {
    pub(super) fn new(aggregation: Aggregation) -> Self {
        match aggregation {
            Aggregation::Sum => Self::Sum(Timeline::default()),
            Aggregation::Max => Self::Max(Timeline::default()),
            Aggregation::Last => Self::Last(Timeline::default()),
            Aggregation::Unique => Self::Unique(Timeline::default()),
        }
    }

    pub(super) fn add(&mut self, window: i64, used: Use) {
        let quantity = used.quantity;
        match self {
            Self::Sum(cells) => cells.change(window, |cell| *cell += u128::from(quantity)),
            Self::Max(cells) => cells.change(window, |cell| *cell = quantity.max(*cell)),
            Self::Last(cells) => cells.change(window, |cell| {
                // A fresh cell holds time 0, which is a time like any other; what is in the
                // window says more than it.
                let fresh = *cell == (0, 0);
                if fresh || (used.time, quantity) > *cell {
                    *cell = (used.time, quantity);
                }
            }),
            Self::Unique(cells) => cells.change(window, |cell| {
                cell.insert(used.unique);
            }),
        }
    }

    /// How many different values the cell of `window` holds.
    pub(super) fn uniques(&self, window: i64) -> usize {
        match self {
            Self::Unique(cells) => match cells.range(&(window..window.saturating_add(1))) {
                [(_, cell), ..] => cell.len(),
                [] => 0,
            },
            _ => 0,
        }
    }

    /// Gives every window in `range` with what it holds to `each`.
    pub(super) fn each(&self, range: &Range<i64>, mut each: impl FnMut(i64, Figure<'_>)) {
        match self {
            Self::Sum(cells) => {
                for (window, cell) in cells.range(range) {
                    each(*window, Figure::Sum(*cell));
                }
            }
            Self::Max(cells) => {
                for (window, cell) in cells.range(range) {
                    each(*window, Figure::Max(*cell));
                }
            }
            Self::Last(cells) => {
                for (window, cell) in cells.range(range) {
                    each(*window, Figure::Last(*cell));
                }
            }
            Self::Unique(cells) => {
                for (window, cell) in cells.range(range) {
                    each(*window, Figure::Unique(cell));
                }
            }
        }
    }
}

/// What one window of one series holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figure<'a> {
    Sum(u128),
    Max(u64),
    Last((i64, u64)),
    Unique(&'a BTreeSet<u64>),
}

/// Figures of any windows and series of one meter, taken together in any order.
#[derive(Debug, Clone, Default)]
pub(super) struct Total {
    sum: u128,
    max: u64,
    last: Option<(i64, u64)>,
    unique: BTreeSet<u64>,
}

impl Total {
    pub(super) fn add(&mut self, figure: Figure<'_>) {
        match figure {
            Figure::Sum(sum) => self.sum = self.sum.saturating_add(sum),
            Figure::Max(max) => self.max = self.max.max(max),
            Figure::Last(last) => self.last = self.last.max(Some(last)),
            Figure::Unique(values) => self.unique.extend(values),
        }
    }

    pub(super) fn quantity(&self, aggregation: Aggregation) -> u128 {
        match aggregation {
            Aggregation::Sum => self.sum,
            Aggregation::Max => u128::from(self.max),
            Aggregation::Last => u128::from(self.last.map_or(0, |(_, quantity)| quantity)),
            Aggregation::Unique => self.unique.len() as u128,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_is_the_last_in_any_order() {
        let uses = [(-5, 9), (-3, 1), (-3, 2), (-9, 50)];
        for turn in 0..uses.len() {
            let mut cells = Cells::new(Aggregation::Last);
            for step in 0..uses.len() {
                let (time, quantity) = uses[(turn + step) % uses.len()];
                cells.add(0, Use { time, quantity, unique: 0 });
            }
            let mut total = Total::default();
            cells.each(&(0..1), |_, figure| total.add(figure));
            assert_eq!(total.quantity(Aggregation::Last), 2, "from {turn}");
        }
    }

    #[test]
    fn windows_stay_in_order_however_they_come() {
        let mut cells = Cells::new(Aggregation::Sum);
        for window in [5, 1, 9, 5, -3] {
            cells.add(window, Use { time: 0, quantity: 1, unique: 0 });
        }
        let mut seen = Vec::new();
        cells.each(&(-3..9), |window, figure| match figure {
            Figure::Sum(sum) => seen.push((window, sum)),
            _ => panic!("a sum"),
        });
        assert_eq!(seen, [(-3, 1), (1, 1), (5, 2)]);
    }
}
