use airloom_media::Kind;

use super::Presentation;
use super::dinf::dinf;
use super::smhd::smhd;
use super::stbl::stbl;
use super::vmhd::vmhd;
use super::writer::boxed;

/// `minf` (ISO/IEC 14496-12, 8.4.4).
pub(super) fn minf(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    boxed(out, *b"minf", |out| {
        match presentation.codec.kind() {
            Kind::Audio => smhd(out),
            _ => vmhd(out),
        }
        dinf(out);
        stbl(out, presentation.codec);
    });
}
