//! Metering: what a record, a durable event, a repeat, a restart and a question cost.
//!
//! Each figure stands beside what was asked of it. Where a store is part of the figure, redb,
//! fjall and SQLite do the same work on the same disk.

mod discard;
mod duplicates;
mod durable;
mod events;
mod hot;
mod query;
mod recovery;

use crate::{Failure, directory, named};

/// Prints the table that `word` (`billing`, or `billing/durable`) names; whether there was one.
///
/// # Errors
///
/// Where the disk fails, or a figure's own check does.
pub fn run(word: &str, rounds: usize) -> Result<bool, Failure> {
    let place = directory().join("billing");
    std::fs::create_dir_all(&place)?;
    let mut any = false;
    let mut heat = |key: &str, run: &dyn Fn() -> Result<(), Failure>| {
        if named(word, &format!("billing/{key}")) {
            any = true;
            return run();
        }
        Ok(())
    };
    heat("hot", &|| {
        hot::run(rounds);
        Ok(())
    })?;
    heat("durable", &|| durable::run(&place, rounds))?;
    heat("duplicates", &|| duplicates::run(rounds))?;
    heat("recovery", &|| recovery::run(&place, rounds))?;
    heat("query", &|| query::run(rounds))?;
    std::fs::remove_dir_all(&place)?;
    Ok(any)
}
