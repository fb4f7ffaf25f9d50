use std::borrow::Cow;

use airloom_media::{Duration, Timestamp, TrackId};
use bytes::Bytes;

/// What a message takes beside its bytes: its box, and its place where it waits.
const BESIDE: usize = 128;

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
    /// What kind of message it is: a URI, without NUL.
    pub scheme: Cow<'static, str>,
    /// What kind within the scheme, without NUL; often empty.
    pub value: Cow<'static, str>,
    /// Tells it from others of the same scheme and value: players take one whose id they have seen
    /// for the same message again, and leave it out (ISO/IEC 23009-1, 5.10.3.3.4). `None` has the
    /// segmenter count, over all of its tracks; whoever states the ids of a scheme states all of
    /// them.
    pub id: Option<u32>,
    /// The message.
    pub data: Bytes,
}

impl EventMessage {
    /// `scheme_id_uri` of ID3 tags (Carriage of ID3 Timed Metadata in CMAF, 2.1).
    pub const ID3: &'static str = "https://aomedia.org/emsg/ID3";
    /// `scheme_id_uri` of SCTE-35 sections as they are (SCTE 214-3, 8.3.3).
    pub const SCTE_35: &'static str = "urn:scte:scte35:2013:bin";

    /// A message of any scheme, without value or duration, and with an id of its own.
    pub fn new(
        track: TrackId,
        time: Timestamp,
        scheme: impl Into<Cow<'static, str>>,
        data: Bytes,
    ) -> Self {
        let (scheme, value) = (scheme.into(), Cow::Borrowed(""));
        Self { track, time, duration: None, scheme, value, id: None, data }
    }

    /// A whole ID3v2 tag.
    pub fn id3(track: TrackId, time: Timestamp, tag: Bytes) -> Self {
        Self::new(track, time, Self::ID3, tag)
    }

    /// A whole `splice_info_section`.
    pub fn scte_35(track: TrackId, time: Timestamp, section: Bytes) -> Self {
        Self::new(track, time, Self::SCTE_35, section)
    }

    /// What it takes while it waits.
    pub(crate) fn cost(&self) -> usize {
        let texts = self.scheme.len().saturating_add(self.value.len());
        Self::cost_of_tag(&self.data).saturating_add(texts)
    }

    /// The same of an ID3 tag that waits for its MPEG-TS segment.
    pub(crate) fn cost_of_tag(tag: &Bytes) -> usize {
        tag.len().saturating_add(BESIDE)
    }

    /// Whether a text has a NUL, which ends it in an event message box.
    pub(crate) fn has_nul(&self) -> bool {
        self.scheme.contains('\0') || self.value.contains('\0')
    }
}
