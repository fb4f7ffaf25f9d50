//! FLV: the tag that every RTMP media message is, what stands in it, and the file made of them.

mod codec;
mod color_info;
mod demuxer;
mod file_reader;
mod muxer;
mod packet;
mod packets;
mod tag;
mod tag_reader;

pub use codec::{CodecId, FourCc};
pub use color_info::{ColorConfig, ColorInfo, Decimal, HdrCll, HdrMdcv};
pub use demuxer::Demuxer;
pub use file_reader::FileReader;
pub use muxer::Muxer;
pub use packet::{FrameType, Packet, PacketKind};
pub use packets::Packets;
pub use tag::{Kind, Tag};
pub use tag_reader::{Event, Skip, TagReader};

/// Bytes before a tag's body in a file: type, size, timestamp, stream (annex E.4.1).
const TAG_HEADER: usize = 11;
