#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod amf0;
pub mod client;
mod config;
mod error;
pub mod flv;
mod gop;
pub mod server;

pub use config::{Config, Deliver, Limits};
pub use error::Error;
pub use gop::GopCache;
