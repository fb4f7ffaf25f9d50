use bytes::Bytes;

use crate::{Delta, Duration, Timestamp, TrackId};

/// One access unit of one track: a coded picture, or one frame of coded audio.
///
/// `data` is shaped as ISO base media files and FLV carry it, so that it can be passed on without
/// touching it: H.264 and HEVC as length-prefixed NAL units (ISO/IEC 14496-15, 5.3.3; the prefix is
/// [`avc::Config::length_size`](crate::avc::Config::length_size) bytes wide), AV1 as a temporal unit
/// without its delimiter, AAC as a raw `raw_data_block` without ADTS, everything else as the frame
/// or packet its specification defines. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The track this belongs to.
    pub track: TrackId,
    /// Decode time, in ticks of the track's timescale. Samples of a track arrive in decode order.
    pub decode_time: Timestamp,
    /// Presentation time minus decode time. Zero for audio, and for video without B-frames.
    pub composition_offset: Delta,
    /// How long the sample lasts, where its source says so; RTMP does not.
    pub duration: Option<Duration>,
    /// Whether decoding can start here: an IDR picture, or any audio frame.
    pub sync: bool,
    /// The coded bytes.
    pub data: Bytes,
}

impl Sample {
    /// When the sample is shown, or `None` where decode time and offset leave 64 bits.
    pub const fn presentation_time(&self) -> Option<Timestamp> {
        self.decode_time.checked_offset(self.composition_offset)
    }
}
