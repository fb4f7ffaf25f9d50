use super::mdia::mdia;
use super::stbl::stbl;
use super::tkhd::{tkhd, tkhd_laid};
use super::writer::boxed;
use super::{Matrix, Presentation};

/// `trak` (ISO/IEC 14496-12, 8.3.1). Without an edit list: times are shown as they are sent.
pub(super) fn trak(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    boxed(out, *b"trak", |out| {
        tkhd(out, presentation, 0);
        mdia(out, presentation, (0, None), |out| stbl(out, presentation));
    });
}

/// The same of pictures that `matrix` lays on the display, or sound in a language.
pub(super) fn trak_laid(
    out: &mut Vec<u8>,
    presentation: Presentation<'_>,
    matrix: Matrix,
    language: Option<[u8; 3]>,
) {
    boxed(out, *b"trak", |out| {
        tkhd_laid(out, presentation, 0, matrix);
        mdia(out, presentation, (0, language), |out| stbl(out, presentation));
    });
}
