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
    /// Bytes of `moof` and `mdat`.
    pub(crate) size: u32,
    pub(crate) duration: u32,
    pub(crate) starts_with_sap: bool,
}

/// `sidx` version 1 (ISO/IEC 14496-12, 8.16.3) with one reference, right in front of what it is to.
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
        // starts_with_SAP, SAP_type 1.
        u32(out, if subsegment.starts_with_sap { 0x9000_0000 } else { 0 });
    });
}

#[cfg(test)]
mod tests {
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
                starts_with_sap: true,
            },
        );
        assert_eq!(
            out,
            *b"\0\0\0\x34sidx\x01\0\0\0\0\0\0\x01\0\x01\x5F\x90\0\0\0\0\0\0\x1C\x20\
               \0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x03\xE8\0\x02\xBF\x20\x90\0\0\0"
        );
    }
}
