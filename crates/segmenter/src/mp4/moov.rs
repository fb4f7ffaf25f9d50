use super::Presentation;
use super::mvex::mvex;
use super::mvhd::mvhd;
use super::trak::trak;
use super::writer::boxed;

/// `moov` (ISO/IEC 14496-12, 8.2.1): the track's description, and `mvex` for the fragments to come.
pub(super) fn moov(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    boxed(out, *b"moov", |out| {
        mvhd(out, presentation.timescale, 0, presentation.track_id.wrapping_add(1));
        trak(out, presentation);
        mvex(out, presentation.track_id);
    });
}
