use airloom_media::Codec;

use super::writer::{full_box, u16, u32, u64};

/// Bytes of [`sidx`].
#[cfg(feature = "encryption")]
pub(super) const SIZE: usize = 52;

/// What `sidx` says of the one subsegment that follows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subsegment {
    pub(crate) track_id: u32,
    pub(crate) timescale: u32,
    pub(crate) earliest_presentation_time: u64,
    /// Bytes of it, all that follow the index: `prft`, `emsg`, `moof` and `mdat`.
    pub(crate) size: u32,
    pub(crate) duration: u32,
    /// [`sap_type`] of the place to start at that it starts with, if it does.
    pub(crate) sap_type: Option<u8>,
}

/// `SAP_type` (annex I) of a sample that decoding can start with; `leading` where samples behind it
/// are shown before it. These may refer to what stands before it, which is what 3 says, where 1 is of
/// pictures that hide nothing. So is a CRA picture of HEVC, whose leading pictures a short subsegment
/// may not show: x265 makes them unless told not to. 3 holds for any.
pub(crate) const fn sap_type(codec: &Codec, leading: bool) -> u8 {
    if leading || matches!(codec, Codec::Hevc(_)) { 3 } else { 1 }
}

/// `sidx` version 1 (ISO/IEC 14496-12, 8.16.3) with one reference, in front of what it is to.
pub(crate) fn sidx(out: &mut Vec<u8>, subsegment: &Subsegment) {
    full_box(out, *b"sidx", 1, 0, |out| {
        u32(out, subsegment.track_id);
        u32(out, subsegment.timescale);
        u64(out, subsegment.earliest_presentation_time);
        u64(out, 0); // first_offset
        u16(out, 0);
        u16(out, 1); // reference_count
        u32(out, subsegment.size & 0x7FFF_FFFF);
        u32(out, subsegment.duration);
        // starts_with_SAP, SAP_type.
        u32(out, subsegment.sap_type.map_or(0, |kind| 1 << 31 | u32::from(kind) << 28));
    });
}

#[cfg(test)]
mod tests {
    use airloom_media::hevc;
    use bytes::Bytes;

    use super::*;

    #[test]
    fn byte_by_byte() {
        let mut out = Vec::new();
        sidx(
            &mut out,
            &Subsegment {
                track_id: 1,
                timescale: 90_000,
                earliest_presentation_time: 7200,
                size: 1000,
                duration: 180_000,
                sap_type: Some(1),
            },
        );
        assert_eq!(
            out,
            *b"\0\0\0\x34sidx\x01\0\0\0\0\0\0\x01\0\x01\x5F\x90\0\0\0\0\0\0\x1C\x20\
               \0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x03\xE8\0\x02\xBF\x20\x90\0\0\0"
        );
    }

    #[test]
    fn pictures_that_may_be_led_are_of_type_3() {
        let x265 = include_bytes!("../../../media/src/hevc/x265.bin");
        let hevc = Codec::Hevc(hevc::Config::decode(Bytes::from_static(x265)).unwrap());
        let avc = crate::testing::avc_codec();
        let types = [(&avc, false), (&avc, true), (&hevc, false), (&hevc, true)];
        assert_eq!(types.map(|(codec, leading)| sap_type(codec, leading)), [1, 3, 3, 3]);
    }
}
