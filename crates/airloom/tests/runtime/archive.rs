//! An archive of a real origin in a store that fails as it is told to, on virtual time. Every upload
//! of a playlist is checked against what is in the store at that moment.

pub(crate) mod judge;
pub(crate) mod shelf;

mod outage;
mod whole;
