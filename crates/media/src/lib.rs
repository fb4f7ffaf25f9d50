#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod aac;
pub mod ac3;
pub mod av1;
pub mod avc;
mod bits;
mod colour;
mod error;
pub mod flac;
pub mod hevc;
pub mod mp3;
pub mod opus;
mod parameter_sets;
mod sample;
mod time;
mod track;
mod unwrap;
pub mod vp9;
mod vui;

pub use colour::Colour;
pub use error::Error;
pub use sample::Sample;
pub use time::{Delta, Duration, Rounding, Timescale, Timestamp};
pub use track::{Codec, Declared, Kind, Picture, Sound, Track, TrackId};
pub use unwrap::Unwrapper;
