use crate::Error;
use crate::amf0::Value;
use crate::flv::Tag;

/// `onMetaData`: what an encoder says of its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The object or array, decoded: width, height, framerate, encoder and the like.
    pub values: Value,
    /// The message as FLV writes it, without RTMP's `@setDataFrame`.
    pub tag: Tag,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// A request was rejected, and the one who asked was told so.
    Rejected,
    /// One of the sides ended it in order.
    Finished,
    /// The peer failed; the same error was returned, where a call could return it.
    Failed(Error),
}
