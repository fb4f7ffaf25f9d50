#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aggregate;
pub mod amf0;
pub mod amf3;
pub mod chunk;
pub mod client;
mod command;
mod config;
mod connection;
mod cursor;
mod encoded_tag;
mod enhanced;
mod error;
mod event_queue;
pub mod flv;
mod gop_cache;
pub mod handshake;
mod inlet;
mod line;
mod message;
mod output;
pub mod server;

pub use config::{Config, Deliver, Limits, Precision};
pub use encoded_tag::EncodedTag;
pub use enhanced::Enhanced;
pub use error::Error;
pub use gop_cache::GopCache;
pub use message::{Message, MessageType};
pub use output::{Closed, Metadata};
