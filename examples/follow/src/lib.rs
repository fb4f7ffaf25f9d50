//! What RFC 8216bis asks of a Low-Latency HLS server, as far as a client can see it.
//!
//! Written from the text alone and knowing nothing of the crates beside it, so that it can judge
//! them: [`Playlist::read`] reads a media playlist, [`rules::alone`] names what it breaks by itself
//! and [`rules::after`] what it breaks as the successor of another; [`multivariant::Multivariant`]
//! reads a multivariant playlist and names what that breaks.

pub mod multivariant;
mod playlist;
pub mod rules;

pub use playlist::{Attributes, Part, Playlist, Segment};
pub use rules::Broken;
