//! One room on several nodes.
//!
//! Exactly one node, the sequencer, orders a room's entries. It holds a lease from a store that
//! grants one at a time and numbers them; that number is the room's [`Epoch`](crate::Epoch) and
//! the fence: nobody takes an entry of an epoch that is over. The others follow: they mirror the
//! history from the frames the sequencer publishes, ask it for what they missed, send it what
//! their writers want, and serve readers of their own from the mirror.
//!
//! A [`Member`] is one node's part in one room. It has no sockets: frames go out and come in
//! through a broker that may lose, delay and reorder them (core NATS), and the lease is kept by
//! whoever drives it (a key with a time to live).
//!
//! What is promised when a sequencer dies: the next one goes on with what it had received, in an
//! epoch of its own; readers get a `reset` and that history. An entry that was acknowledged and
//! had not reached the successor is lost, as a room is memory and not a ledger; trying again
//! under the same idempotency key admits it then.

mod backlog;
mod config;
mod frame;
mod member;
mod rules;
mod wire;

pub use config::Config;
pub use frame::Frame;
pub use member::{Input, Lease, Member, NodeId, Output, RequestId};
