use super::Presentation;
use super::hdlr::hdlr;
use super::mdhd::mdhd;
use super::minf::minf;
use super::writer::boxed;

/// `mdia` (ISO/IEC 14496-12, 8.4.1), its sample table written by `stbl`.
pub(super) fn mdia(
    out: &mut Vec<u8>,
    presentation: Presentation<'_>,
    (duration, language): (u64, Option<[u8; 3]>),
    stbl: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, *b"mdia", |out| {
        mdhd(out, presentation.timescale, duration, language);
        hdlr(out, presentation.codec.kind());
        minf(out, presentation.codec.kind(), stbl);
    });
}
