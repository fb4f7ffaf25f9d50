use super::writer::full_box;

/// `vmhd` (ISO/IEC 14496-12, 12.1.2): copy mode, no colour; its flags are 1 by definition.
pub(super) fn vmhd(out: &mut Vec<u8>) {
    full_box(out, *b"vmhd", 0, 1, |out| out.extend([0; 8]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_20_bytes() {
        let mut out = Vec::new();
        vmhd(&mut out);
        assert_eq!(out, *b"\0\0\0\x14vmhd\0\0\0\x01\0\0\0\0\0\0\0\0");
    }
}
