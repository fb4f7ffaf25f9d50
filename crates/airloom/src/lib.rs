#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod accept;
pub mod access;
#[cfg(feature = "archive")]
pub mod archive;
#[cfg(feature = "chat")]
pub mod chat;
#[cfg(feature = "edge")]
pub mod edge;
pub mod http;
mod metrics;
pub mod origin;
pub mod pull;
#[cfg(feature = "record")]
pub mod record;
pub mod rtmp;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "billing")]
pub mod usage;
#[cfg(feature = "webhooks")]
pub mod webhooks;

#[cfg(feature = "billing")]
pub use airloom_billing as billing;
pub use airloom_media as media;
pub use airloom_playlist as playlist;
pub use airloom_segmenter as segmenter;
#[cfg(feature = "archive")]
pub use archive::Archive;
#[cfg(feature = "edge")]
pub use edge::Edge;
pub use origin::Origin;
#[cfg(feature = "billing")]
pub use usage::Usage;
