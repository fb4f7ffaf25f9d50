use airloom_media::{Codec, Kind};

use super::audio::audio;
use super::visual::visual;
use super::writer::{full_box, u32};

/// `stsd` (ISO/IEC 14496-12, 8.5.2): one sample entry.
pub(super) fn stsd(out: &mut Vec<u8>, codec: &Codec) {
    full_box(out, *b"stsd", 0, 0, |out| {
        u32(out, 1);
        match codec.kind() {
            Kind::Audio => audio(out, codec),
            _ => visual(out, codec),
        }
    });
}
