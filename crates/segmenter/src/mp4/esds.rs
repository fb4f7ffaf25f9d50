use super::writer::{full_box, u16, u32};
use crate::BitRate;

/// `streamType` 5 (AudioStream), `upStream` 0, and a reserved 1.
const AUDIO_STREAM: u8 = 5 << 2 | 1;

/// `esds` (ISO/IEC 14496-14, 6.7.2): an `ES_Descriptor` (ISO/IEC 14496-1, 7.2.6.5) around the
/// decoder's configuration as the encoder sent it, if there is one. Rates that nobody
/// knows are zero.
pub(super) fn esds(out: &mut Vec<u8>, object_type: u8, specific: &[u8], bit_rate: Option<BitRate>) {
    let decoder_specific = if specific.is_empty() { 0 } else { descriptor_size(specific.len()) };
    let decoder_config = descriptor_size(13 + decoder_specific);
    let body = 3 + decoder_config + descriptor_size(1);
    full_box(out, *b"esds", 0, 0, |out| {
        descriptor(out, 0x03, body); // ES_Descriptor
        u16(out, 0); // ES_ID: 0 in a file
        out.push(0);
        descriptor(out, 0x04, 13 + decoder_specific); // DecoderConfigDescriptor
        out.extend([object_type, AUDIO_STREAM]);
        let rate = bit_rate.unwrap_or(BitRate::declared(0));
        let [_, buffer @ ..] = rate.buffer.min(0xFF_FFFF).to_be_bytes();
        out.extend(buffer);
        u32(out, rate.max);
        u32(out, rate.average);
        if !specific.is_empty() {
            descriptor(out, 0x05, specific.len()); // DecoderSpecificInfo
            out.extend_from_slice(specific);
        }
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
    use super::*;

    #[test]
    fn the_smallest_config() {
        let mut out = Vec::new();
        esds(&mut out, 0x40, &[0x11, 0x90], None);
        assert_eq!(
            out,
            [
                0, 0, 0, 39, b'e', b's', b'd', b's', 0, 0, 0, 0, 0x03, 25, 0, 0, 0, 0x04, 17, 0x40,
                0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 2, 0x11, 0x90, 0x06, 1, 2,
            ]
        );
    }

    #[test]
    fn rates_stand_where_they_are_read() {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        esds(&mut without, 0x40, &[0x11, 0x90], None);
        let rate = BitRate { average: 96_000, max: 128_000, buffer: 0x0102_0304 };
        esds(&mut with, 0x40, &[0x11, 0x90], Some(rate));
        assert_eq!(with.len(), without.len());
        assert_eq!(with[21..32], [0xFF, 0xFF, 0xFF, 0, 1, 0xF4, 0, 0, 1, 0x77, 0]);
    }

    #[test]
    fn long_configs_need_long_sizes() {
        let mut raw = vec![0x11, 0x90];
        raw.resize(200, 0);
        let mut out = Vec::new();
        esds(&mut out, 0x40, &raw, None);
        assert_eq!(out.len(), u32::from_be_bytes(out[..4].try_into().unwrap()) as usize);
        assert_eq!(out[12..15], [0x03, 0x81, 0x61]); // 225 = 3 + (3 + 13 + (3 + 200)) + 3
    }
}
