//! FLV: the tag every RTMP media message carries, and the file made of them.

mod tag;
mod tag_reader;

pub use tag::{Kind, Tag};
pub use tag_reader::{Event, Skip, TagReader};
