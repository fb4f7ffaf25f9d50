//! Several nodes on a real `nats-server`, which is killed and comes back.
//!
//! Needs the program in the path (Debian: `nats-server`); times are those of the real world, so what
//! is asserted is what was said, not when.

mod nodes;
mod server;

mod outage;
mod sequencer;
mod talk;
