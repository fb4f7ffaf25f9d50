//! The runtime's tests, in one program: tokio, axum and what they bring are linked once.

#[path = "../port/mod.rs"]
mod port;

mod camera;
#[cfg(feature = "thumbnails")]
mod clip;

#[cfg(feature = "archive")]
mod archive;
#[cfg(feature = "callbacks")]
mod callbacks;
#[cfg(feature = "chat")]
mod chat;
#[cfg(feature = "edge")]
mod edge;
#[cfg(feature = "billing")]
mod forwarding;
#[cfg(feature = "nats")]
mod nats;
mod origin;
mod parked;
mod pull;
#[cfg(feature = "record")]
mod record;
mod rtmp;
#[cfg(feature = "archive")]
mod s3;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "webhooks")]
mod webhooks;
