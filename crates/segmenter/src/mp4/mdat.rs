use super::writer::{kind, words};

/// Bytes of [`mdat_header`].
pub(super) const HEADER_SIZE: usize = 8;

/// The header of `mdat` (ISO/IEC 14496-12, 8.1.1); `payload` bytes follow it.
pub(super) fn mdat_header(out: &mut Vec<u8>, payload: u32) {
    words(out, [payload.saturating_add(HEADER_SIZE as u32), kind(*b"mdat")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_itself() {
        let mut out = Vec::new();
        mdat_header(&mut out, 5);
        assert_eq!(out, *b"\0\0\0\x0Dmdat");
    }
}
