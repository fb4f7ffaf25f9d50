use airloom_media::{Codec, Timescale};
use bytes::Bytes;

use super::ftyp::ftyp;
use super::moov::moov;
use crate::BitRate;

/// What an initialization segment describes: one track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presentation<'a> {
    /// `track_ID`; not zero.
    pub(crate) track_id: u32,
    pub(crate) timescale: Timescale,
    pub(crate) codec: &'a Codec,
    pub(crate) bit_rate: Option<BitRate>,
}

/// Whether there is a sample entry for a codec.
pub(crate) const fn is_supported(codec: &Codec) -> bool {
    matches!(
        codec,
        Codec::Avc(_)
            | Codec::Hevc(_)
            | Codec::Av1(_)
            | Codec::Vp9(_)
            | Codec::Aac(_)
            | Codec::Opus(_)
            | Codec::Flac(_)
            | Codec::Ac3(_)
            | Codec::Eac3(_)
            | Codec::Mp3(_)
    )
}

/// A CMAF header (ISO/IEC 23000-19, 7.3.1): `ftyp` and `moov`. `None` for a codec that cannot be
/// written.
pub(crate) fn init(presentation: Presentation<'_>) -> Option<Bytes> {
    if !is_supported(presentation.codec) {
        return None;
    }
    let mut out = Vec::with_capacity(768);
    ftyp(&mut out);
    moov(&mut out, presentation);
    Some(Bytes::from(out))
}
