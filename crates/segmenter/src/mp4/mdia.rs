use super::Presentation;
use super::hdlr::hdlr;
use super::mdhd::mdhd;
use super::minf::minf;
use super::writer::boxed;

/// `mdia` (ISO/IEC 14496-12, 8.4.1).
pub(super) fn mdia(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    boxed(out, *b"mdia", |out| {
        mdhd(out, presentation.timescale);
        hdlr(out, presentation.codec.kind());
        minf(out, presentation);
    });
}
