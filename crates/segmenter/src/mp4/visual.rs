use airloom_media::Codec;

use super::btrt::btrt;
use super::colr::colr;
use super::hvcc::hvcc;
use super::pasp::pasp;
use super::writer::{boxed, full_box, u16, u32};
use crate::BitRate;

/// 72 dots an inch, 16.16 fixed point: the value the specification prescribes.
const RESOLUTION: u32 = 0x0048_0000;

/// A `VisualSampleEntry` (ISO/IEC 14496-12, 12.1.3) of any codec: `avc1` and `hvc1` (ISO/IEC
/// 14496-15, 5.4.2.1 and 8.4.1.1: parameter sets in the entry, not in the samples), `av01`, `vp09`.
pub(super) fn visual(out: &mut Vec<u8>, codec: &Codec, bit_rate: Option<BitRate>) {
    let kind = match codec {
        Codec::Avc(_) => *b"avc1",
        Codec::Hevc(_) => *b"hvc1",
        Codec::Av1(_) => *b"av01",
        Codec::Vp9(_) => *b"vp09",
        _ => return,
    };
    let Some(picture) = codec.picture() else { return };
    boxed(out, kind, |out| {
        out.extend([0; 6]);
        u16(out, 1); // data_reference_index
        out.extend([0; 16]);
        u16(out, u16::try_from(picture.width).unwrap_or(u16::MAX));
        u16(out, u16::try_from(picture.height).unwrap_or(u16::MAX));
        u32(out, RESOLUTION);
        u32(out, RESOLUTION);
        u32(out, 0);
        u16(out, 1); // frame_count
        out.extend([0; 32]); // compressorname
        u16(out, 0x0018); // depth
        u16(out, 0xFFFF);
        configuration(out, codec);
        if let Some(colour) = picture.colour {
            colr(out, colour);
        }
        if let Some(ratio) = picture.aspect_ratio {
            pasp(out, ratio);
        }
        if let Some(rate) = bit_rate {
            btrt(out, rate);
        }
    });
}

/// The box of the configuration record, as the encoder sent it but for what [`hvcc`] puts right.
fn configuration(out: &mut Vec<u8>, codec: &Codec) {
    match codec {
        Codec::Avc(config) => boxed(out, *b"avcC", |out| out.extend_from_slice(config.raw())),
        Codec::Hevc(config) => hvcc(out, config.raw()),
        Codec::Av1(config) => boxed(out, *b"av1C", |out| out.extend_from_slice(config.raw())),
        Codec::Vp9(config) => {
            full_box(out, *b"vpcC", 1, 0, |out| out.extend_from_slice(config.raw()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use airloom_media::{Codec, hevc, vp9};
    use bytes::Bytes;

    use super::*;
    use crate::mp4::tests::{boxes, child};
    use crate::testing::avc_codec;

    #[test]
    fn states_size_and_carries_the_record_untouched() {
        let codec = avc_codec();
        let Codec::Avc(config) = &codec else { panic!("it is H.264") };
        let mut out = Vec::new();
        visual(&mut out, &codec, Some(BitRate::declared(2_500_000)));
        let body = &out[8..];
        assert_eq!(body[24..28], [0x02, 0x80, 0x01, 0x68]);
        let children = boxes(&body[78..]);
        let kinds: Vec<_> = children.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [*b"avcC", *b"colr", *b"pasp", *b"btrt"]);
        assert_eq!(children[0].1, config.raw());
    }

    #[test]
    fn the_record_of_hevc_says_that_its_sets_are_all_there() {
        let x265 = include_bytes!("../../../media/src/hevc/x265.bin");
        let mut record = x265.to_vec();
        // As old encoders, and ffmpeg to FLV, send it.
        record[0] = 0;
        for at in [23, 52, 100] {
            record[at] &= 0x7F;
        }
        let config = hevc::Config::decode(Bytes::from(record)).unwrap();
        let mut out = Vec::new();
        visual(&mut out, &Codec::Hevc(config), None);
        assert_eq!(child(&out[86..], *b"hvcC"), x265);
    }

    #[test]
    fn the_record_of_vp9_stands_behind_a_version() {
        let raw = Bytes::from_static(&[0, 11, 0x82, 2, 2, 2, 0, 0]);
        let config = vp9::Config::decode(raw).unwrap().with_size(320, 180);
        let mut out = Vec::new();
        visual(&mut out, &Codec::Vp9(config), None);
        assert_eq!(out[4..8], *b"vp09");
        assert_eq!(child(&out[86..], *b"vpcC"), [1, 0, 0, 0, 0, 11, 0x82, 2, 2, 2, 0, 0]);
        assert_eq!(boxes(&out[86..]).len(), 1, "no colour is stated");
    }
}
