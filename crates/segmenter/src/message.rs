use airloom_media::{Duration, Timestamp, TrackId};
use bytes::Bytes;

/// Something that happens at a time of the stream beside its media: an ID3 tag, a SCTE-35 cue,
/// whatever a player's application listens for.
///
/// In CMAF it is an event message box, version 1, in front of the part that follows (ISO/IEC
/// 23009-1, 5.10.3.3); in MPEG-TS an ID3 tag is a unit of the timed metadata stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMessage {
    /// The track whose parts carry it, and whose clock its times are on. One that players always
    /// load: the first video, or sound where there is none.
    pub track: TrackId,
    /// When it happens, in the track's source timescale, like the times of samples.
    pub time: Timestamp,
    /// How long it lasts, in the same; `None` where that is not known.
    pub duration: Option<Duration>,
    /// What kind of message it is.
    pub scheme: &'static str,
    /// What kind within the scheme; often empty.
    pub value: &'static str,
    /// Tells it from others of the same scheme and value: one that repeats says the same.
    pub id: u32,
    /// The message.
    pub data: Bytes,
}

impl EventMessage {
    /// `scheme_id_uri` of ID3 tags (Carriage of ID3 Timed Metadata in CMAF, 2.1).
    pub const ID3: &'static str = "https://aomedia.org/emsg/ID3";
    /// `scheme_id_uri` of SCTE-35 sections as they are (SCTE 214-3, 8.3.3).
    pub const SCTE_35: &'static str = "urn:scte:scte35:2013:bin";

    /// A message of any scheme, without value, id or duration.
    pub const fn new(track: TrackId, time: Timestamp, scheme: &'static str, data: Bytes) -> Self {
        Self { track, time, duration: None, scheme, value: "", id: 0, data }
    }

    /// A whole ID3v2 tag.
    pub const fn id3(track: TrackId, time: Timestamp, tag: Bytes) -> Self {
        Self::new(track, time, Self::ID3, tag)
    }

    /// A whole `splice_info_section`.
    pub const fn scte_35(track: TrackId, time: Timestamp, section: Bytes) -> Self {
        Self::new(track, time, Self::SCTE_35, section)
    }
}
