//! Clients that come back: pushes and pulls over a network that exists in the test only, on tokio's
//! virtual time; and over real sockets a late player, connections over TLS, and what comes through a
//! load balancer.

mod fanout;
mod guests;
mod network;
mod tags;

mod late_join;
mod parting;
mod proxied;
mod pull;
mod push;
#[cfg(feature = "tls")]
mod tls;
