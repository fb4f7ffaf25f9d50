use super::Presentation;
use super::stsd::stsd;
use super::writer::{boxed, full_box};

/// `stbl` (ISO/IEC 14496-12, 8.5.1): the sample description, and tables that are empty because the
/// samples are in fragments.
pub(super) fn stbl(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    empty(out, |out| stsd(out, presentation));
}

/// The same with a sample description written by `stsd`.
pub(super) fn empty(out: &mut Vec<u8>, stsd: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, *b"stbl", |out| {
        stsd(out);
        full_box(out, *b"stts", 0, 0, |out| out.extend([0; 4]));
        full_box(out, *b"stsc", 0, 0, |out| out.extend([0; 4]));
        full_box(out, *b"stsz", 0, 0, |out| out.extend([0; 8]));
        full_box(out, *b"stco", 0, 0, |out| out.extend([0; 4]));
    });
}
