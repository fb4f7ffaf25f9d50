use airloom_media::avc;

use super::avcc::avcc;
use super::colr::colr;
use super::pasp::pasp;
use super::writer::{boxed, u16, u32};

/// 72 dots an inch, 16.16 fixed point: the value the specification prescribes.
const RESOLUTION: u32 = 0x0048_0000;

/// `avc1` (ISO/IEC 14496-15, 5.4.2.1; ISO/IEC 14496-12, 12.1.3): parameter sets in the entry, not
/// in the samples.
pub(super) fn avc1(out: &mut Vec<u8>, config: &avc::Config) {
    let sps = config.sps();
    boxed(out, *b"avc1", |out| {
        out.extend([0; 6]);
        u16(out, 1); // data_reference_index
        out.extend([0; 16]);
        u16(out, u16::try_from(sps.width).unwrap_or(u16::MAX));
        u16(out, u16::try_from(sps.height).unwrap_or(u16::MAX));
        u32(out, RESOLUTION);
        u32(out, RESOLUTION);
        u32(out, 0);
        u16(out, 1); // frame_count
        out.extend([0; 32]); // compressorname
        u16(out, 0x0018); // depth
        u16(out, 0xFFFF);
        avcc(out, config);
        if let Some(colour) = sps.colour {
            colr(out, colour);
        }
        if let Some(ratio) = sps.aspect_ratio {
            pasp(out, ratio);
        }
    });
}

#[cfg(test)]
mod tests {
    use airloom_media::Codec;

    use super::*;
    use crate::mp4::tests::boxes;
    use crate::testing::avc_codec;

    #[test]
    fn states_size_and_carries_the_record_untouched() {
        let Codec::Avc(config) = avc_codec() else { panic!("it is video") };
        let mut out = Vec::new();
        avc1(&mut out, &config);
        let body = &out[8..];
        assert_eq!(body[24..28], [0x02, 0x80, 0x01, 0x68]);
        let children = boxes(&body[78..]);
        let kinds: Vec<_> = children.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [*b"avcC", *b"colr", *b"pasp"]);
        assert_eq!(children[0].1, config.raw());
    }
}
