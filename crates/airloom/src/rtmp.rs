//! RTMP on tokio: a listener that drives a session a connection and asks a [`Service`] what to do,
//! and a publisher. The protocol itself is [`airloom_rtmp`], re-exported here.

mod connection;
mod listener;
mod publisher;
mod read_buffer;
mod service;

pub use airloom_rtmp::*;
pub use listener::Listener;
pub use publisher::{PublishError, Publisher};
pub use service::{Media, PlayEvent, Playback, Publication, Service};
