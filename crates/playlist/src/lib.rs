#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod carry;
mod config;
mod dash;
mod decimal;
mod error;
mod hls;
mod input;
mod resource;
mod wall;
mod window;

pub use answer::{Answer, BadRequest, Position, Rendered, Request, Skip, Wait};
pub use config::{Config, Limits};
pub use error::Error;
pub use input::{Format, FrameRate, Gap, Input, Output, Part, Rendition, Segment, TsSegment};
pub use resource::Resource;
pub use wall::WallTime;
pub use window::LiveWindow;
