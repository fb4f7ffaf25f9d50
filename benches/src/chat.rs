//! What it costs to give everybody what is said.

mod connections;
mod fanout;
mod loopback;
mod writers;

use crate::Heat;
use crate::named;

pub use connections::{read, run as connections};
pub use loopback::{run as loopback, serve, serve_axum};
pub use writers::run as writers;

/// Fan-out in process: one room, its readers in one thread.
pub fn heats(word: &str, run: &mut dyn FnMut(Heat<'_>)) {
    for (key, readers, ticks) in [("chat/fanout", 100_000, 2), ("chat/million", 1_000_000, 1)] {
        if named(word, key) {
            run(fanout::heat(key, readers, ticks));
        }
    }
}
