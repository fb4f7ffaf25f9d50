use super::writer::{boxed, full_box, u32};

/// The media is in the same file (ISO/IEC 14496-12, 8.7.2).
const SELF_CONTAINED: u32 = 1;

/// `dinf` with its `dref` (ISO/IEC 14496-12, 8.7.1 and 8.7.2).
pub(super) fn dinf(out: &mut Vec<u8>) {
    boxed(out, *b"dinf", |out| {
        full_box(out, *b"dref", 0, 0, |out| {
            u32(out, 1);
            full_box(out, *b"url ", 0, SELF_CONTAINED, |_| {});
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_one_entry() {
        let mut out = Vec::new();
        dinf(&mut out);
        assert_eq!(out, *b"\0\0\0\x24dinf\0\0\0\x1Cdref\0\0\0\0\0\0\0\x01\0\0\0\x0Curl \0\0\0\x01");
    }
}
