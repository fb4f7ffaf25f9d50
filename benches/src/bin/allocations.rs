//! Counts what each contender asks of the allocator in one pass, and prints it as
//! tab-separated lines: heat, contender, allocations and reallocations, bytes.

use std::alloc::System;

use bench::input::Input;
use bench::measure::{Cost, Meter, compete};
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

fn main() -> std::io::Result<()> {
    let word = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    let input = Input::open(&bench::directory())?;
    bench::heats(&word, &input, &mut |mut heat| {
        for standing in compete(&mut heat.contenders, 1, &mut Counter) {
            if let Some((count, bytes)) = standing.allocations() {
                println!("{}\t{}\t{count}\t{bytes}", heat.key, standing.name);
            }
        }
    });
    Ok(())
}
