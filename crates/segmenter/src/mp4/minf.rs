use airloom_media::Kind;

use super::dinf::dinf;
use super::smhd::smhd;
use super::vmhd::vmhd;
use super::writer::boxed;

/// `minf` (ISO/IEC 14496-12, 8.4.4).
pub(super) fn minf(out: &mut Vec<u8>, kind: Kind, stbl: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, *b"minf", |out| {
        match kind {
            Kind::Audio => smhd(out),
            _ => vmhd(out),
        }
        dinf(out);
        stbl(out);
    });
}
