use super::writer::{kind, words};

/// Bytes of [`mfhd`].
pub(super) const SIZE: usize = 16;

/// `mfhd` (ISO/IEC 14496-12, 8.8.5).
pub(super) fn mfhd(out: &mut Vec<u8>, sequence_number: u32) {
    words(out, [SIZE as u32, kind(*b"mfhd"), 0, sequence_number]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_long_as_it_says() {
        let mut out = Vec::new();
        mfhd(&mut out, 0x0102_0304);
        assert_eq!(out.len(), SIZE);
        assert_eq!(out, *b"\0\0\0\x10mfhd\0\0\0\0\x01\x02\x03\x04");
    }
}
