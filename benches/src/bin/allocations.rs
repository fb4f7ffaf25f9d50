//! Counts what each contender asks of the allocator in one pass, and prints it as
//! tab-separated lines: heat, contender, allocations and reallocations, bytes. The word `memory` prints
//! a table of what stays in use.

use std::alloc::System;

use bench::input::Input;
use bench::measure::{Cost, Meter, compete};
use bench::memory;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Counter;

impl Meter for Counter {
    fn measure(&mut self, body: &mut dyn FnMut()) -> Cost {
        let region = Region::new(ALLOCATOR);
        body();
        let change = region.change();
        Cost {
            allocations: (change.allocations + change.reallocations) as u64,
            allocated: change.bytes_allocated as u64,
            ..Cost::default()
        }
    }
}

/// Bytes of heap in use.
fn live() -> usize {
    let stats = ALLOCATOR.stats();
    let moved = stats.bytes_reallocated;
    (stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)).saturating_add_signed(moved)
}

fn main() -> std::io::Result<()> {
    let word = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    let input = Input::open(&bench::directory())?;
    if word == "memory" {
        return memory::run(&input, &live)
            .map_err(|error| std::io::Error::other(error.to_string()));
    }
    bench::heats(&word, &input, &mut |mut heat| {
        heat.contenders.retain(|contender| contender.counted);
        for standing in compete(&mut heat.contenders, 1, &mut Counter) {
            if let Some((count, bytes)) = standing.allocations() {
                println!("{}\t{}\t{count}\t{bytes}", heat.key, standing.name);
            }
        }
    });
    Ok(())
}
