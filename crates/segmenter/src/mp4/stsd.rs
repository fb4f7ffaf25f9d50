use airloom_media::Codec;

use super::avc1::avc1;
use super::mp4a::mp4a;
use super::writer::{full_box, u32};

/// `stsd` (ISO/IEC 14496-12, 8.5.2): one sample entry.
pub(super) fn stsd(out: &mut Vec<u8>, codec: &Codec) {
    full_box(out, *b"stsd", 0, 0, |out| {
        u32(out, 1);
        match codec {
            Codec::Avc(config) => avc1(out, config),
            Codec::Aac(config) => mp4a(out, config),
            _ => {}
        }
    });
}
