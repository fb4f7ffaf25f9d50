//! An origin from publish to player without a socket: media goes in by hand, requests go straight
//! to the router, and time is tokio's virtual one.

mod client;

mod access;
mod annotations;
mod blocking;
mod bounds;
mod groups;
mod growing;
mod life;
mod manners;
mod observer;
mod paths;
#[cfg(feature = "thumbnails")]
mod thumbnail;
#[cfg(feature = "billing")]
mod usage;
