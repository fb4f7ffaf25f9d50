//! HTTP callbacks, asked of real receivers on loopback.

mod receiver;

mod failures;
mod nginx;
mod srs;
