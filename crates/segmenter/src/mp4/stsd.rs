use airloom_media::Kind;

use super::Presentation;
use super::audio::audio;
use super::visual::visual;
use super::writer::{full_box, u32};

/// `stsd` (ISO/IEC 14496-12, 8.5.2): one sample entry.
pub(super) fn stsd(out: &mut Vec<u8>, presentation: Presentation<'_>) {
    full_box(out, *b"stsd", 0, 0, |out| {
        u32(out, 1);
        let Presentation { codec, bit_rate, .. } = presentation;
        match codec.kind() {
            Kind::Audio => audio(out, codec, bit_rate),
            _ => visual(out, codec, bit_rate),
        }
    });
}
