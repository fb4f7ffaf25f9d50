#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bit_rate;
mod config;
#[cfg(feature = "encryption")]
pub mod encrypt;
mod error;
mod event;
#[cfg(feature = "level")]
pub mod level;
mod message;
pub mod mp4;
mod output;
mod part_target;
mod segmenter;
mod statistics;
#[cfg(test)]
mod testing;
#[cfg(feature = "thumbnail")]
pub mod thumbnail;
pub mod ts;
mod ts_segment;

pub use bit_rate::BitRate;
pub use config::{Config, Limits};
pub use error::Error;
pub use event::{Absence, Cut, Discontinuity, DropReason, Event};
pub use message::EventMessage;
pub use output::{Chunks, Gap, Init, Output, Part, PartSample, Samples, Segment};
pub use segmenter::Segmenter;
pub use statistics::{Measured, Statistics};
pub use ts_segment::TsSegment;
