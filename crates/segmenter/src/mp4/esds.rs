use airloom_media::aac;

use super::writer::{full_box, u16};

/// `objectTypeIndication`: Audio ISO/IEC 14496-3.
const AUDIO_14496_3: u8 = 0x40;
/// `streamType` 5 (AudioStream), `upStream` 0, and a reserved 1.
const AUDIO_STREAM: u8 = 5 << 2 | 1;

/// `esds` (ISO/IEC 14496-14, 6.7.2): an `ES_Descriptor` (ISO/IEC 14496-1, 7.2.6.5) around the
/// `AudioSpecificConfig` as the encoder sent it. Bit rates are left unstated.
pub(super) fn esds(out: &mut Vec<u8>, config: &aac::Config) {
    let specific = config.raw();
    let decoder_specific = descriptor_size(specific.len());
    let decoder_config = descriptor_size(13 + decoder_specific);
    let body = 3 + decoder_config + descriptor_size(1);
    full_box(out, *b"esds", 0, 0, |out| {
        descriptor(out, 0x03, body); // ES_Descriptor
        u16(out, 0); // ES_ID: 0 in a file
        out.push(0);
        descriptor(out, 0x04, 13 + decoder_specific); // DecoderConfigDescriptor
        out.extend([AUDIO_14496_3, AUDIO_STREAM]);
        out.extend([0; 11]); // bufferSizeDB, maxBitrate, avgBitrate
        descriptor(out, 0x05, specific.len()); // DecoderSpecificInfo
        out.extend_from_slice(specific);
        descriptor(out, 0x06, 1); // SLConfigDescriptor
        out.push(2); // predefined: MP4
    });
}

/// Tag and `sizeOfInstance` (ISO/IEC 14496-1, 8.3.3): seven bits a byte, most significant first.
fn descriptor(out: &mut Vec<u8>, tag: u8, size: usize) {
    out.push(tag);
    for shift in (1..length_bytes(size)).rev() {
        out.push((size >> (7 * shift)) as u8 & 0x7F | 0x80);
    }
    out.push(size as u8 & 0x7F);
}

fn length_bytes(size: usize) -> u32 {
    let bits = usize::BITS - size.leading_zeros();
    bits.div_ceil(7).max(1)
}

/// A descriptor's body with its tag and size.
fn descriptor_size(body: usize) -> usize {
    body + 1 + length_bytes(body) as usize
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_smallest_config() {
        let config = aac::Config::decode(Bytes::from_static(&[0x11, 0x90])).unwrap();
        let mut out = Vec::new();
        esds(&mut out, &config);
        assert_eq!(
            out,
            [
                0, 0, 0, 39, b'e', b's', b'd', b's', 0, 0, 0, 0, 0x03, 25, 0, 0, 0, 0x04, 17, 0x40,
                0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 2, 0x11, 0x90, 0x06, 1, 2,
            ]
        );
    }

    #[test]
    fn long_configs_need_long_sizes() {
        let mut raw = vec![0x11, 0x90];
        raw.resize(200, 0);
        let config = aac::Config::decode(Bytes::from(raw)).unwrap();
        let mut out = Vec::new();
        esds(&mut out, &config);
        assert_eq!(out.len(), u32::from_be_bytes(out[..4].try_into().unwrap()) as usize);
        assert_eq!(out[12..15], [0x03, 0x81, 0x61]); // 225 = 3 + (3 + 13 + (3 + 200)) + 3
    }
}
