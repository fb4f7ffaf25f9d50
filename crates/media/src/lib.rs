#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod aac;
pub mod avc;
mod bits;
mod error;
mod sample;
mod time;
mod track;
mod unwrap;

pub use error::Error;
pub use sample::Sample;
pub use time::{Delta, Duration, Rounding, Timescale, Timestamp};
pub use track::{Codec, Kind, Track, TrackId};
pub use unwrap::Unwrapper;
