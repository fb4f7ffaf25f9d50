//! An archive in a real S3 server (`s3rver`, which `cargo xtask install` brings), with everything
//! between the two that goes wrong with networks, and the server killed and started again.

mod proxy;
mod server;
mod through;
