//! Chat over real sockets of the loopback: what readers and writers see of it.

mod client;
mod server;

mod compression;
mod delivery;
mod paths;
mod peers;
mod resume;
mod reviews;
mod socket;
