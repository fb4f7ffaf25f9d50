use super::writer::{boxed, u32};

/// `pasp` (ISO/IEC 14496-12, 12.1.4): the sample aspect ratio.
pub(super) fn pasp(out: &mut Vec<u8>, (horizontal, vertical): (u16, u16)) {
    boxed(out, *b"pasp", |out| {
        u32(out, horizontal.into());
        u32(out, vertical.into());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_16_bytes() {
        let mut out = Vec::new();
        pasp(&mut out, (12, 11));
        assert_eq!(out, *b"\0\0\0\x10pasp\0\0\0\x0C\0\0\0\x0B");
    }
}
