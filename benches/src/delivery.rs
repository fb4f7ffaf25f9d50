//! What it costs to give viewers playlists and media over HTTP, beside nginx giving the same bytes
//! from files; what a playlist costs to render; and those who wait for the next part.

mod blocked;
mod client;
mod egress;
mod loop_of_writes;
mod origin;
mod render;
mod servers;

use crate::Failure;

pub use loop_of_writes::serve as serve_loop;
pub use origin::serve;

/// Prints the tables that `word` names; whether there was one.
///
/// # Errors
///
/// Where a server cannot be started or answers something else than it should.
pub fn run(word: &str, rounds: usize) -> Result<bool, Failure> {
    let mut any = false;
    if crate::named(word, "delivery/egress") {
        egress::run(rounds)?;
        any = true;
    }
    if crate::named(word, "delivery/render") {
        render::run(rounds)?;
        any = true;
    }
    if crate::named(word, "delivery/blocked") {
        blocked::run(rounds)?;
        any = true;
    }
    Ok(any)
}
