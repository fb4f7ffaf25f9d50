//! Several nodes on a real `nats-server`, which is killed and comes back.
//!
//! Needs the program in the path (Debian: `nats-server`); times are those of the real world, so what
//! is asserted is what was said, not when.

#[path = "nats/nodes.rs"]
mod nodes;
#[path = "port/mod.rs"]
mod port;
#[path = "nats/server.rs"]
mod server;

#[path = "nats/outage.rs"]
mod outage;
#[path = "nats/sequencer.rs"]
mod sequencer;
#[path = "nats/talk.rs"]
mod talk;
