use super::writer::{kind, words};

/// Bytes of [`tfdt`].
pub(super) const SIZE: usize = 20;

/// `tfdt` version 1 (ISO/IEC 14496-12, 8.8.12): the decode time of the fragment's first sample.
pub(super) fn tfdt(out: &mut Vec<u8>, base_media_decode_time: u64) {
    let (high, low) = ((base_media_decode_time >> 32) as u32, base_media_decode_time as u32);
    words(out, [SIZE as u32, kind(*b"tfdt"), 1 << 24, high, low]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_64_bits_wide() {
        let mut out = Vec::new();
        tfdt(&mut out, 1 << 33);
        assert_eq!(out.len(), SIZE);
        assert_eq!(out, *b"\0\0\0\x14tfdt\x01\0\0\0\0\0\0\x02\0\0\0\0");
    }
}
