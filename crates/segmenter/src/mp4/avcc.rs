use airloom_media::avc;

use super::writer::boxed;

/// `avcC` (ISO/IEC 14496-15, 5.4.2.1): the configuration record as the encoder sent it.
pub(super) fn avcc(out: &mut Vec<u8>, config: &avc::Config) {
    boxed(out, *b"avcC", |out| out.extend_from_slice(config.raw()));
}
