#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod captions;
mod carry;
mod config;
mod dash;
mod date_range;
mod decimal;
mod error;
mod hls;
mod input;
mod protection;
mod resource;
#[cfg(feature = "segmenter")]
mod segmenter;
mod session;
mod text;
mod wall;
mod window;

pub use answer::{Answer, BadRequest, Position, Rendered, Request, Skip, Wait};
pub use captions::{Caption, CaptionChannel, Captions};
pub use carry::can_carry;
pub use config::{Config, Limits, PlaylistType};
pub use date_range::DateRange;
pub use error::Error;
pub use input::{
    Format, FrameRate, Gap, Input, Output, Part, Rendition, Segment, TsSegment, VideoRange,
};
pub use protection::{ContentProtection, Key, KeyMethod, Protection};
pub use resource::Resource;
pub use session::{Session, SessionData, Steering};
pub use wall::WallTime;
pub use window::LiveWindow;
