//! MPEG-TS segments, read back by the `mpeg2ts` crate, which checks markers, stuffing, checksums
//! and lengths as it goes.

mod beside_cmaf;
mod clock;
mod continuity;
mod metadata;
mod reader;
mod refusals;
mod round_trip;
mod source;
mod tables;
