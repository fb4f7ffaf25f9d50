use super::trex::trex;
use super::writer::boxed;

/// `mvex` (ISO/IEC 14496-12, 8.8.1): says that fragments follow.
pub(super) fn mvex(out: &mut Vec<u8>, track_id: u32) {
    boxed(out, *b"mvex", |out| trex(out, track_id));
}
