//! RTMP on tokio: a listener that drives a session a connection and asks a [`Service`] what to do;
//! a publisher and a player; and a push and a pull that come back when they are cut off. The
//! protocol itself is [`airloom_rtmp`], re-exported here.

mod backoff;
mod connection;
mod dialer;
mod fanout;
mod feed;
mod link;
mod listener;
mod player;
pub mod proxy;
mod publisher;
mod pull;
mod push;
mod push_metrics;
mod read_buffer;
mod remote;
mod service;

pub use airloom_rtmp::*;
pub use backoff::Backoff;
pub use dialer::Dialer;
pub use fanout::{Fanout, Tee};
pub use feed::{Feed, Subscription};
pub use link::ClientError;
pub use listener::Listener;
pub use player::Player;
pub use publisher::Publisher;
pub use pull::Pull;
pub use push::Push;
pub use push_metrics::PushMetrics;
pub use service::{Media, PlayEvent, PlayMeter, Playback, Publication, Service};
