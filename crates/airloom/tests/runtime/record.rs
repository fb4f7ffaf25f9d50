//! Recordings, from an origin without a socket: media goes in by hand, requests go straight to the
//! router, and the origin's time is tokio's virtual one.

mod studio;

mod clips;
mod damaged;
mod disk;
mod guarded;
mod killed;
#[cfg(feature = "billing")]
mod metered;
mod playback;
mod rewind;
#[cfg(feature = "thumbnails")]
mod thumbnails;
