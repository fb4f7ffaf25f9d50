//! The lines of HLS playlists, as pure functions: the live window and recordings write with the
//! same ones. Nothing here knows when a line is due.

pub(crate) mod media;
pub(crate) mod multivariant;
