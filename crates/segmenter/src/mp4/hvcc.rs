use super::writer::boxed;

/// Where `numOfArrays` stands in an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1.2).
const NUM_OF_ARRAYS: usize = 22;

/// `hvcC` (ISO/IEC 14496-15, 8.4.1.1) under `hvc1`: the record, `array_completeness` being what it
/// has to be there (1 for parameter sets, 0 for anything else), where encoders write 0 for all. Early
/// encoders wrote a `configurationVersion` of 0.
pub(super) fn hvcc(out: &mut Vec<u8>, record: &[u8]) {
    boxed(out, *b"hvcC", |out| {
        let start = out.len();
        out.extend_from_slice(record);
        if let Some(record) = out.get_mut(start..) {
            complete(record);
        }
    });
}

/// Stops where the record ends early.
fn complete(record: &mut [u8]) -> Option<()> {
    *record.first_mut()? = 1;
    let mut arrays = *record.get(NUM_OF_ARRAYS)?;
    let mut at = NUM_OF_ARRAYS + 1;
    while arrays > 0 {
        let [first, count @ ..] = record.get_mut(at..)?.first_chunk_mut::<3>()?;
        let is_set = matches!(*first & 0x3F, 32..=34);
        *first = *first & 0x7F | u8::from(is_set) << 7;
        at += 3;
        for _ in 0..u16::from_be_bytes(*count) {
            let length = u16::from_be_bytes(*record.get(at..)?.first_chunk()?);
            at += 2 + usize::from(length);
        }
        arrays -= 1;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_are_all_there_and_messages_are_not() {
        let mut record = vec![0; 22];
        // As ffmpeg writes them to FLV: incomplete; and a message that is said to be all there.
        record.push(4);
        record.extend([0x20, 0, 1, 0, 2, 0x40, 1]);
        record.extend([0x21, 0, 2, 0, 1, 0x42, 0, 2, 0x42, 1]);
        record.extend([0x22, 0, 0]);
        record.extend([0xA7, 0, 1, 0, 1, 0x4E]);
        let mut out = Vec::new();
        hvcc(&mut out, &record);
        let mut expected = record;
        for (at, is) in [(0, 1), (23, 0xA0), (30, 0xA1), (40, 0xA2), (43, 0x27)] {
            expected[at] = is;
        }
        assert_eq!((&out[4..8], &out[8..]), (&b"hvcC"[..], &expected[..]));
    }

    #[test]
    fn a_record_that_ends_early_is_left_at_that() {
        for len in [0, 1, 22, 23, 24, 27] {
            let record = [&[1; 22][..], &[2, 0x20, 0, 1, 0xFF]].concat();
            let mut out = Vec::new();
            hvcc(&mut out, &record[..len]);
            assert_eq!(out.len(), 8 + len);
        }
    }
}
