use serde::Serialize;

/// One stream, as `GET /api/streams` tells of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamStatus {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// When it was first published: RFC 3339, UTC.
    pub started_at: String,
    /// Its tracks, as far as they are known.
    pub tracks: Vec<TrackStatus>,
    /// Bytes of tags taken in.
    pub bytes_in: u64,
    /// Video frames taken in; audio frames where there is no video.
    pub frames_in: u64,
    /// Who is watching, over HTTP and RTMP.
    pub viewers: usize,
    /// Path of the HLS multivariant playlist.
    pub hls: String,
    /// Path of the MPEG-TS playlist.
    pub ts: String,
    /// Path of the DASH manifest.
    pub dash: String,
    /// Path of its picture, where pictures are made and there is something to make one of: with the
    /// feature `thumbnails`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
}

/// What a stream is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Somebody publishes it.
    Live,
    /// The publisher is gone and may come back.
    Resuming,
    /// It is over, and can be watched from its last window for a while.
    Ended,
}

/// One track of a stream. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TrackStatus {
    /// The track's number.
    pub id: u32,
    /// `video` or `audio`.
    pub kind: &'static str,
    /// The codec string of RFC 6381.
    pub codec: String,
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures a second. The only rounded number here: for people, not for clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
    /// Samples a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Bits a second over the last segment, container included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
}
