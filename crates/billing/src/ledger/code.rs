//! What single bytes of the log stand for. They never change.

use crate::{Aggregation, Reason};

/// The number of a reason; 0 stands for counted.
pub(super) fn reason_code(reason: Option<Reason>) -> u8 {
    match reason {
        None => 0,
        Some(Reason::Late) => 1,
        Some(Reason::Early) => 2,
        Some(Reason::Meter) => 3,
        Some(Reason::Cardinality) => 4,
    }
}

/// A number that stands for no reason.
#[derive(Debug)]
pub(super) struct Unknown;

pub(super) fn reason_from(code: u8) -> Result<Option<Reason>, Unknown> {
    Ok(Some(match code {
        0 => return Ok(None),
        1 => Reason::Late,
        2 => Reason::Early,
        3 => Reason::Meter,
        4 => Reason::Cardinality,
        _ => return Err(Unknown),
    }))
}

pub(super) fn aggregation_code(aggregation: Aggregation) -> u8 {
    match aggregation {
        Aggregation::Sum => 0,
        Aggregation::Max => 1,
        Aggregation::Last => 2,
        Aggregation::Unique => 3,
    }
}

pub(super) fn aggregation_from(code: u8) -> Option<Aggregation> {
    Some(match code {
        0 => Aggregation::Sum,
        1 => Aggregation::Max,
        2 => Aggregation::Last,
        3 => Aggregation::Unique,
        _ => return None,
    })
}
