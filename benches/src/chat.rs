//! What it costs to give everybody what is said.

mod fanout;
mod loopback;

use crate::Heat;
use crate::named;

pub use loopback::{run as loopback, serve};

/// Fan-out in process: one room, its readers in one thread.
pub fn heats(word: &str, run: &mut dyn FnMut(Heat<'_>)) {
    for (key, readers, ticks) in [("chat/fanout", 100_000, 2), ("chat/million", 1_000_000, 1)] {
        if named(word, key) {
            run(fanout::heat(key, readers, ticks));
        }
    }
}
