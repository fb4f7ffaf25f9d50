use super::Presentation;
use super::mdia::mdia;
use super::stbl::stbl;
use super::tkhd::tkhd;
use super::writer::boxed;

/// `trak` (ISO/IEC 14496-12, 8.3.1). Without an edit list: times are shown as they are sent.
pub(super) fn trak(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    boxed(out, *b"trak", |out| {
        tkhd(out, presentation, 0);
        mdia(out, presentation, (0, None), |out| stbl(out, presentation));
    });
}
