use super::writer::full_box;

/// `smhd` (ISO/IEC 14496-12, 12.2.2): balance in the centre.
pub(super) fn smhd(out: &mut Vec<u8>) {
    full_box(out, *b"smhd", 0, 0, |out| out.extend([0; 4]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_16_bytes() {
        let mut out = Vec::new();
        smhd(&mut out);
        assert_eq!(out, *b"\0\0\0\x10smhd\0\0\0\0\0\0\0\0");
    }
}
